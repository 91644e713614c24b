"""`sfu doctor --server` from a network where nothing but a relay leads to the server."""

import json
import subprocess
import sys
from pathlib import Path

from tests.calls.daemon import ROOT, Daemon
from tests.calls.network import HERE, elsewhere
from tests.calls.turn_server import turn_server

SECRET = "a-secret-that-only-servers-know"


def test_media_takes_the_relay_where_nothing_else_leads_there(tmp_path: Path) -> None:
    with elsewhere() as network, turn_server(tmp_path, HERE, SECRET) as (port, _):
        daemon = Daemon(
            tmp_path,
            SFU_SERVER__HOST="0.0.0.0",
            # Which is another machine there.
            SFU_MEDIA__ANNOUNCED_ADDRESSES='["127.0.0.1"]',
            SFU_TURN__URLS=json.dumps([f"turn:{HERE}:{port}?transport=udp"]),
            SFU_TURN__SECRET=SECRET,
        )
        daemon.start()
        try:
            url = f"http://{HERE}:{daemon.port}"
            command = [*network.within, sys.executable, "-m", "sfu", "doctor", "--server", url]
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=90
            )
        finally:
            daemon.stop()
    assert done.returncode == 1, "UDP does not get there"
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line.strip()]
    found = {words: level for level, words in (line for line in lines if len(line) == 2)}
    relayed = next(words for words in found if words.startswith("media by a relay"))
    assert "were carried" in relayed, done.stdout
    assert any(words.startswith("call: ") for words in found), done.stdout
