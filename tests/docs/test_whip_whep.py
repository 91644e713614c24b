"""docs/whip-whep.md: its shell commands run; its player plays in tests/calls/test_whip_whep.py."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import httpx

from sfu.options import Options, State
from sfu.participant import Role
from tests.signaling.listening import listening, settings
from tests.signaling.rest.test_whip import SDP, bearer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/whip-whep.md").read_text(encoding="utf-8")


async def test_the_commands_run(tmp_path: Path) -> None:
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    shutil.copy(ROOT / "tests/packets/aiortc.sdp", tmp_path / "offer.sdp")
    async with listening() as (server, host):
        environ = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SERVER": f"http://{host}",
        }
        shell = await asyncio.create_subprocess_exec(
            "sh", "-euc", commands, cwd=tmp_path, env=environ, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await asyncio.wait_for(shell.communicate(), 60)
        live = server.rooms.find("dev", "demo")
    assert shell.returncode == 0
    assert b"a=ice-pwd:" in printed
    assert (tmp_path / "answer.sdp").read_text().startswith("v=0")
    assert live is not None
    assert not live.room.participants


async def test_every_status_of_the_table_is_given() -> None:
    rows = re.findall(r"^\| (4\d\d[\d, ]*) \|", PAGE, re.MULTILINE)
    told = {int(status) for row in rows for status in row.split(", ")}
    offer = (ROOT / "tests/packets/aiortc.sdp").read_text()
    two_pictures = offer.replace("BUNDLE 0 1", "BUNDLE 0 1 2")
    two_pictures += "m=" + offer.split("m=")[-1].replace("a=mid:1", "a=mid:2")
    limits = {"MAX_PARTICIPANTS": "1", "JOINS_PER_SECOND": "3"}
    config = settings(**{f"SFU_TENANTS__DEV__{name}": value for name, value in limits.items()})
    async with (
        listening(config) as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}/v1", headers=SDP) as client,
    ):
        cam, other, guest = (
            bearer(server, role, identity=role)
            for role in (Role.PRESENTER, Role.ORGANIZER, Role.ATTENDEE)
        )
        wrong_room = bearer(server, room="another")
        server.rooms.create("dev", "hall", Options(), state=State.PREPARING)

        async def post(content: str, headers: dict[str, str], protocol: str = "whip") -> int:
            path = f"/{protocol}/hall"
            return (await client.post(path, content=content, headers=headers)).status_code

        given = {
            await post(offer, {}),
            await post(offer, wrong_room),
            await post("v=0" + " " * 10**6, cam),
            await post(offer, {**cam, "content-type": "text/plain"}),
            await post("v=0", cam),
            await post(two_pictures, cam),
            await post(offer.replace("a=sendonly", "a=recvonly"), guest, "whep"),
        }
        made = await client.post("/whip/hall", content=offer, headers=cam)
        assert made.status_code == 201, made.text
        session = made.headers["location"].removeprefix("/v1")
        fragment = {**cam, "content-type": "application/trickle-ice-sdpfrag"}
        for headers in (fragment, {**fragment, "if-match": '"old"'}):
            given.add((await client.patch(session, content="", headers=headers)).status_code)
        given.add((await client.get(f"{session}x", headers=cam)).status_code)
        given |= {await post(offer, each) for each in (other, cam, cam, cam)}
    assert given - {201} == told
