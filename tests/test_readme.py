"""What README.md promises: its embedding example runs, its links lead somewhere."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

START_TIMEOUT = 20.0


@pytest.fixture
def port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def example(port: int, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The embedding example, run as the text above it says."""
    blocks = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    (code,) = (block for block in blocks if "import Server" in block)
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    command = "uvicorn example:app --ws websockets-sansio"
    assert f"`{command}`" in README
    with subprocess.Popen(
        [sys.executable, "-m", *command.split(), "--port", str(port)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SFU_MEDIA__UDP_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        yield process
        process.kill()


def wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    process.kill()
    pytest.fail(f"the example does not start:\n{process.communicate()[0]}")


def test_the_embedding_example_takes_a_participant(
    example: subprocess.Popen[str], port: int
) -> None:
    wait_until_ready(f"http://127.0.0.1:{port}/calls/readyz", example)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/calls/", timeout=5) as page:
        assert "<html" in page.read().decode().lower()
    address = f"ws://127.0.0.1:{port}/calls/v1/signal"
    with connect(address, subprotocols=[Subprotocol("sfu.v1")]) as client:
        client.send(json.dumps({"type": "join", "id": 1, "room": "lobby", "role": "presenter"}))
        answer = json.loads(client.recv(timeout=5))
        assert answer["type"] == "ok"
        assert answer["status"] == "admitted"
    example.send_signal(signal.SIGTERM)
    output, _ = example.communicate(timeout=10)
    assert "lobby RoomOpened" in output
    assert "lobby ParticipantJoined" in output
    assert "Traceback" not in output


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert "sfu.toml" in targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make (\S+)$", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
