"""How sfu-client.js opens its first socket, in Node with sockets that do as they are told."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "signaling" / "static"

SCRIPT = """
const { SignalSession } = await import(process.argv[1]);
let tries = 0, now = 0;
Math.random = () => 0.5;
Date.now = () => now;
const later = setTimeout;
// Time passes as soon as anybody waits; only an opening that hangs takes as long as that.
globalThis.setTimeout = (act, ms) => later(() => { now += ms; act(); }, ms < 9000 ? 0 : 9000);
globalThis.WebSocket = class {
  constructor() {
    const open = ++tries > Number(process.argv[2]);
    queueMicrotask(() => (open ? this.onopen() : this.onclose()));
  }
  close() {}
};
const session = new SignalSession(async () => {});
let told = 'connected';
try { await session.connect('ws://sfu.example/v1/signal'); } catch (error) { told = error.code; }
console.log(JSON.stringify({ told, tries, state: session.state }));
process.exit();
"""


@pytest.mark.parametrize(
    ("refusals", "told", "state", "tries"),
    [
        (3, "connected", "connected", 4),
        (99, "connection_failed", "new", 6),
    ],
)
def test_a_server_that_is_busy_is_asked_again_for_a_while(
    refusals: int, told: str, state: str, tries: int
) -> None:
    node = shutil.which("node")
    assert node is not None, "node is missing: apt-get install nodejs"
    module = (STATIC / "signal-session.js").as_uri()
    command = [node, "--input-type=module", "--eval", SCRIPT, module, str(refusals)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["told"], result["state"]) == (told, state)
    assert result["tries"] == tries
