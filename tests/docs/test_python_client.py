"""The example of a bot runs: two of them look at each other."""

import asyncio
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import av
import pytest

from sfu.client import Client, TestPicture
from tests.signaling.listening import listening

DOCS = Path(__file__).parents[2] / "docs"


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def film(path: Path) -> str:
    """Ten seconds of pictures, as a file."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=30)
        stream.width, stream.height = 320, 240
        stream.pix_fmt = "yuv420p"
        drawn = TestPicture().drawn
        for number in range(300):
            frame = av.VideoFrame.from_ndarray(drawn(number % 32), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return str(path)


async def test_bots_see_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SFU_TOKEN", raising=False)
    bot = loaded(DOCS / "bot.py")
    async with listening() as (_, host), asyncio.timeout(40):
        url = f"ws://{host}/v1/signal"
        # The second one stays for as long as the first looks at it, and more.
        shown = asyncio.create_task(bot.main(url, "demo", film(tmp_path / "film.mp4"), 10**6))
        try:
            await bot.main(url, "demo", pictures=10)
        finally:
            shown.cancel()
            await asyncio.gather(shown, return_exceptions=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if "(240, 320, 3)" in line]
    assert len(lines) >= 10
    assert all(int(line.rsplit(" ", 1)[1]) > 30 for line in lines)


async def test_the_short_example_runs_until_it_is_told_to_go() -> None:
    text = (DOCS / "python-client.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    example: dict[str, object] = {}
    exec(code, example)
    main = example["main"]
    assert callable(main)
    async with listening() as (_, host), asyncio.timeout(30):
        url = f"ws://{host}/v1/signal"
        async with Client(url) as ann:
            await ann.join("demo", role="organizer", name="Ann")
            running = asyncio.create_task(main(url))
            await ann.until(
                lambda room: any(each.get("status") for each in room.participants.values())
            )
            await ann.send_message("all", "chat", "bye")
            await running
