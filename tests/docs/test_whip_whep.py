"""docs/whip-whep.md: its shell commands run; its player plays in tests/calls/test_whip_whep.py."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

from tests.signaling.listening import listening

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


def test_every_status_of_the_table_is_one_that_is_given() -> None:
    from sfu.errors import CODES

    told = {int(status) for status in re.findall(r"\b4\d\d\b", PAGE)}
    assert told <= {status for status, _ in CODES.values()}
