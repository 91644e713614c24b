"""The recipes do what they say: in Python, Node.js and PHP, against a real server."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest

from sfu.client import Client, TestPicture, Tone
from sfu.config import DEV_SECRET, DEV_TENANT
from sfu.options import State
from sfu.participant import Role
from sfu.signaling.tokens import verify
from sfu.signaling.webhooks import signature
from tests.docs.recipes import TEXT, code, loaded
from tests.signaling.listening import listening
from tests.waiting import until

SECRET = "a-secret-of-a-tenant-that-is-long-enough"
BODY = b'{"id": "1", "event": "room.created"}'
token = loaded("tokens")["token"]


def run(language: str, name: str, call: str, folder: Path) -> str:
    """What an example in Node.js or PHP gives for a call of its function, as text."""
    if language == "js":
        file = folder / "example.mjs"
        file.write_text(f"{code('js', name)}\nconsole.log({call});\n")
        command = ["node", str(file)]
    else:
        file = folder / "example.php"
        file.write_text(f"{code('php', name)}\necho {call};\n")
        command = ["php", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("language", ["python", "js", "php"])
def test_tokens_are_good(language: str, tmp_path: Path) -> None:
    if language == "python":
        made = token("acme", SECRET, "talk", "ann", "presenter")
    else:
        call = f"token('acme', '{SECRET}', 'talk', 'ann', 'presenter')"
        made = run(language, "tokens", call, tmp_path)
    claims = verify(made, {"acme": SECRET}, now=time.time(), room="talk")
    assert (claims.identity, claims.role) == ("ann", Role.PRESENTER)


@pytest.mark.parametrize("language", ["python", "js", "php"])
def test_webhooks_are_told_from_forged_ones(language: str, tmp_path: Path) -> None:
    now = int(time.time())

    def header(at: int, secret: str = SECRET) -> str:
        return signature(secret.encode(), at, BODY)

    headers = {
        header(now): True,
        header(now, "another"): False,
        header(now - 3600): False,
        "t=,v1=": False,
        "": False,
    }
    for text, good in headers.items():
        if language == "python":
            assert loaded("webhooks")["signed"](text, BODY, SECRET) is good, text
            continue
        quoted = json.dumps(BODY.decode())
        body = f"Buffer.from({quoted})" if language == "js" else f"'{BODY.decode()}'"
        call = f"signed('{text}', {body}, '{SECRET}')"
        if language == "php":
            call = f"{call} ? 'true' : 'false'"
        assert run(language, "webhooks", call, tmp_path) == json.dumps(good), text


@contextlib.asynccontextmanager
async def person(host: str, room: str, name: str, role: str) -> AsyncIterator[Client]:
    async with Client(f"ws://{host}/v1/signal") as client:
        await client.join(room, token=token(DEV_TENANT, DEV_SECRET, room, name, role))
        yield client


async def test_a_room_is_made_and_started(tmp_path: Path) -> None:
    async with listening() as (server, host):
        settings = {"SFU": f"http://{host}", "TENANT": DEV_TENANT, "SECRET": DEV_SECRET}
        shell = await asyncio.create_subprocess_exec(
            "sh", "-euc", code("sh"), env={**os.environ, **settings}, cwd=tmp_path
        )
        assert await asyncio.wait_for(shell.wait(), 20) == 0
        live = server.rooms.find(DEV_TENANT, "talk")
        assert live is not None
        assert live.room.state is State.LIVE


def test_every_example_is_one_that_is_run() -> None:
    opened = re.findall(r"^```(\w+(?: \w+)?)$", TEXT, re.MULTILINE)
    run = {"sh", "html page", "python waiting", "python questions", "python recording"}
    run |= {f"{each} {name}" for each in ("python", "js", "php") for name in ("tokens", "webhooks")}
    assert sorted(opened) == sorted({*run, "html"})  # the import map


async def test_the_doorkeeper_lets_in_who_is_on_the_list() -> None:
    doorkeeper = loaded("waiting")["doorkeeper"]
    async with listening() as (server, host), asyncio.timeout(20):
        key = token(DEV_TENANT, DEV_SECRET, "club", "keeper", "organizer")
        names = {"ben", "chiara"}
        keeping = asyncio.create_task(
            doorkeeper(f"http://{host}", DEV_TENANT, DEV_SECRET, key, names)
        )

        def kept() -> bool:
            live = server.rooms.find(DEV_TENANT, "club")
            return live is not None and bool(live.room.participants)

        await until(kept)
        async with (
            person(host, "club", "mallory", "attendee") as mallory,
            person(host, "club", "ben", "attendee") as ben,
            person(host, "club", "chiara", "attendee") as chiara,
        ):
            await keeping
            await ben.until(lambda client: client.state == "joined")
            await chiara.until(lambda client: client.state == "joined")
            assert mallory.state == "waiting"


async def test_a_question_is_asked_from_a_seat() -> None:
    questions = loaded("questions")
    async with listening() as (_, host), asyncio.timeout(20):
        await questions["webinar"](f"http://{host}", DEV_TENANT, DEV_SECRET)
        async with (
            person(host, "talk", "host", "presenter") as keeper,
            person(host, "talk", "ben", "attendee") as ben,
        ):
            taking = asyncio.create_task(questions["take_question"](keeper))
            await ben.raise_hand()
            await ben.until(lambda client: client.may_publish)
            await ben.raise_hand(False)
            assert await taking == "Ben"
            await ben.until(lambda client: not client.may_publish)


async def test_the_recorder_writes_a_film(tmp_path: Path) -> None:
    record = loaded("recording")["record"]
    file = tmp_path / "film.mp4"
    async with (
        listening() as (_, host),
        person(host, "talk", "ann", "presenter") as ann,
        asyncio.timeout(30),
    ):
        await ann.publish(camera=TestPicture(), microphone=Tone())
        await record(f"ws://{host}/v1/signal", "talk", None, ann.seat, str(file), 2.0)
    with av.open(str(file)) as film:
        assert {stream.type for stream in film.streams} == {"video", "audio"}
        assert sum(1 for _ in film.decode(video=0)) >= 3
