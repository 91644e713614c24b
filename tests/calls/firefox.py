"""The distribution's Firefox, driven by firefox.mjs over a pipe."""

import asyncio
import itertools
import json
import shutil
from collections.abc import Sequence

from tests.calls.guest import Json
from tests.calls.node import FOLDER, modules

START_TIMEOUT = 40.0
LINE_LIMIT = 16 * 1024 * 1024


class Firefox:
    """One browser process; `await Firefox.launch()`, then `open` pages."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count()
        self._turn = asyncio.Lock()

    @classmethod
    async def launch(cls, within: Sequence[str] = ()) -> "Firefox":
        """Starts the browser, by a command that stands before its own; installs puppeteer-core on
        the first use."""
        executable = shutil.which("firefox-esr") or shutil.which("firefox")
        if executable is None:
            raise RuntimeError("Firefox is missing: apt-get install firefox-esr")
        modules()
        process = await asyncio.create_subprocess_exec(
            *within, "node", "firefox.mjs", executable,
            cwd=FOLDER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
        )  # fmt: skip
        firefox = cls(process)
        await asyncio.wait_for(firefox._read(), START_TIMEOUT)
        return firefox

    async def open(self, script: str) -> "FirefoxPage":
        """A new page; `script` runs before each document's own."""
        page = FirefoxPage(self, next(self._numbers))
        await page.command("open", script=script)
        return page

    async def close(self) -> None:
        """Ends the browser."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), START_TIMEOUT)

    async def command(self, command: str, **parameters: Json) -> Json:
        """Carries out one command of firefox.mjs; commands go one after the other."""
        assert self._process.stdin is not None
        async with self._turn:
            line = json.dumps({"id": next(self._numbers), "command": command, **parameters})
            self._process.stdin.write(f"{line}\n".encode())
            answer = await self._read()
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["value"]

    async def _read(self) -> Json:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("Firefox ended")
        return json.loads(line)


class FirefoxPage:
    """A page of Firefox as guest.Page."""

    def __init__(self, firefox: Firefox, number: int) -> None:
        self._firefox = firefox
        self._number = number
        self.troubles: list[str] = []

    async def command(self, command: str, **parameters: Json) -> Json:
        """A command for this page."""
        return await self._firefox.command(command, page=self._number, **parameters)

    async def evaluate(self, script: str) -> Json:
        """Runs an expression in the page, awaits it, and gives its value."""
        return await self.command("evaluate", script=script)

    async def goto(self, url: str) -> None:
        """Opens an address."""
        await self.command("goto", url=url)

    async def close(self) -> None:
        """Ends the page; `troubles` then holds what its console complained about."""
        self.troubles += await self.command("close")
