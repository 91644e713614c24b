"""`sfu top`, against a server that listens, and its tables."""

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from rich.console import Console

from sfu import logs
from sfu.cli.client import NoAnswer
from sfu.cli.main import run
from sfu.cli.top import layers, picture, pictures, rate, score
from sfu.commands import Join
from sfu.options import Options
from sfu.participant import Role
from sfu.server import Server
from tests.signaling.listening import listening


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The server is in this process: its log would be taken for what the command prints."""
    before = structlog.get_config()
    logs.configure("warning")
    yield
    structlog.configure(**before)


async def look(
    host: str, capture: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    capture.readouterr()
    command = ["top", *arguments, "--once", "--url", f"http://{host}"]
    code = await asyncio.to_thread(run, command)
    return code, *capture.readouterr()


def fill(server: Server) -> None:
    for room, people in (("big", 3), ("small", 1)):
        live = server.rooms.create("dev", room, OPEN)
        for number in range(people):
            live.join(Join(f"p-{room}-{number}", f"i{number}", "[b]Ann", Role.ATTENDEE))


async def test_one_look_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    async with listening() as (server, host):
        fill(server)
        code, out, _ = await look(host, capsys, "--json")
        assert code == 0
        seen = json.loads(out)
        assert {each["room"] for each in seen["rooms"]} == {"big", "small"}
        assert (seen["room"], len(seen["participants"])) == ("big", 3)
        seen = json.loads((await look(host, capsys, "small", "--json"))[1])
        assert (seen["room"], len(seen["participants"])) == ("small", 1)


async def test_one_look_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    async with listening() as (server, host):
        fill(server)
        code, out, _ = await look(host, capsys)
        assert code == 0
        assert "big: 3 people" in out
        assert "[b]Ann" in out


async def test_what_is_wrong_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    async with listening() as (_, host):
        code, _, error = await look(host, capsys, "nowhere")
        assert code == 1
        assert "there is no such room" in error
        code, _, error = await look(host, capsys, "--tenant", "dev", "--secret", "wrong")
        assert (code, "unauthorized" in error) == (1, True)
        assert (await look(host, capsys, "--every", "often"))[0] == 2


def test_a_server_that_goes_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a live view; Ctrl-C ends it."""
    silence = NoAnswer("it does not answer")
    looks: Iterator[dict[str, Any] | NoAnswer] = iter([SEEN, silence, SEEN])
    shown: list[str] = []

    def look(*_: object) -> dict[str, Any]:
        if isinstance(seen := next(looks), NoAnswer):
            raise seen
        return seen

    def show(seen: dict[str, Any], width: int) -> Any:
        shown.append(drawn(seen))
        return picture(seen, width)

    def pause(_: float) -> None:
        if len(shown) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("sfu.cli.top.look", look)
    monkeypatch.setattr("sfu.cli.top.picture", show)
    monkeypatch.setattr("sfu.cli.top.time.sleep", pause)
    assert run(["top", "--url", "http://127.0.0.1:9", "--tenant", "dev", "--secret", "s"]) == 0
    assert ["it does not answer" in each for each in shown] == [False, True, False]
    assert all("hall" in each for each in shown)


def drawn(seen: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(picture(seen, 200))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


OPEN = Options(access="open")
PATH: dict[str, Any] = {
    "estimate": 900_000, "target": 900_000, "given": 480_000, "wanted": 2_100_000,
    "arriving": 470_000, "round_trip": 48.2, "queue": 3.0, "loss": 0.0125, "silent": False,
    "freezes": 2, "frozen": 1.44,
}  # fmt: skip
SEEN: dict[str, Any] = {
    "rooms": [
        {
            "room": "hall", "state": "live", "mode": "webinar", "people": 2, "publishers": 1,
            "sent": 1_850_000, "budget": 2_512_000, "over_budget": 0, "receivers": 1, "short": 1,
            "silent": 0, "freezes": 0, "frozen": 0.0, "rates": {**PATH}, "quality": 3.87,
        }
    ],
    "room": "hall",
    "participants": [
        {
            "id": "p-1", "identity": "ann", "name": "Ann", "role": "presenter", "quality": None,
            "send": {
                "bps": 1_850_000,
                "budget": 2_512_000,
                "sources": {
                    "camera": [
                        {"rid": "q", "height": 180, "wanted": True},
                        {"rid": "f", "height": 720, "wanted": False},
                    ]
                },
            },
            "receive": None,
        },
        {
            "id": "p-2", "identity": "dan", "name": "", "role": "attendee", "quality": 3.87,
            "send": None,
            "receive": {
                "path": PATH,
                "pictures": {"seat-0": {"width": 320, "height": 180, "fps": 30, "reason": "link"}},
            },
        },
    ],
}  # fmt: skip


def shown(width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(picture(SEEN, width))
    return out.getvalue()


def test_a_narrow_terminal_gets_what_matters_most() -> None:
    text = shown(80)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for word in ("1 x 180 link", "480k", "2.10M", "48 ms"):
        assert word in text, word
    assert "2.51M" not in text


def test_the_tables_hold_what_there_is() -> None:
    text = shown(200)
    for word in (
        "1.85M", "2.51M", "900k", "480k", "2.10M", "48 ms", "1.2%", "camera 180 (720)",
        "1 x 180 link", "3.9", "dan", "2 in 1.4 s",
    ):  # fmt: skip
        assert word in text, word


def test_words() -> None:
    assert [rate(bps) for bps in (0, 64_400, 999_499, 999_500, 2_450_000)] == [
        "0k", "64k", "999k", "1.00M", "2.45M",
    ]  # fmt: skip
    assert (score(None), score(4.26)) == ("-", "4.3")
    assert layers({"microphone": [{"height": 0, "wanted": True}]}) == "microphone"
    seen = [
        {"height": 360, "reason": "full"},
        {"height": 360, "reason": "full"},
        {"height": 0, "reason": "off"},
    ]
    assert pictures(seen) == "2 x 360, 1 x none off"
