"""The browser client as a package: its types hold, and what is packed is what the server serves."""

import json
import shutil
import subprocess
import tarfile
import urllib.request
from pathlib import Path

import pytest

from tests.calls.daemon import Daemon
from tests.calls.node import FOLDER, modules

pytestmark = pytest.mark.long

STATIC = Path(__file__).parents[2] / "signaling" / "static"
PROGRAM = """
import { SfuClient, SfuError, PRESETS } from 'open-sfu-client';

const client: SfuClient = new SfuClient({ hidden: 'all' });
const end: () => void = client.on('stream', ({ slot, stream }) => {
  const id: string = stream.id + slot;
  // @ts-expect-error a slot is a text
  const number: number = slot;
});
client.on('speaker', ({ participant }) => participant?.toUpperCase());
client.on('message', (frame) => frame.body);
await client.join({ room: 'demo', token: async () => 'token' });
await client.publishCamera({ quality: 'sd', layers: PRESETS.camera.sd });
// @ts-expect-error there is no such mode
await client.setMode('party');
for (const [slot, holder] of client.slots) if (holder) await client.grantSeat(holder.participant);
for (const { name, metadata } of client.participants.values()) console.log(name, metadata.team);
if (new Error() instanceof SfuError) end();
"""


def tsc(*arguments: str | Path, cwd: Path = FOLDER) -> None:
    command = [modules() / ".bin" / "tsc", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_client_and_the_page_are_type_correct() -> None:
    tsc("-p", FOLDER)


def test_the_declarations_are_those_of_the_sources(tmp_path: Path) -> None:
    """`make client-types` writes them."""
    tsc("-p", FOLDER / "tsconfig.types.json", "--outDir", tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {path.name: path.read_text() for path in (STATIC / "types").iterdir()} == written


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked package, as npm installs it."""
    folder = tmp_path_factory.mktemp("packed")
    npm = shutil.which("npm")
    assert npm is not None, "npm is missing: apt-get install npm"
    done = subprocess.run(
        [npm, "pack", "--json", "--pack-destination", folder, STATIC],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (packed,) = json.loads(done.stdout)
    with tarfile.open(folder / packed["filename"]) as tar:
        tar.extractall(folder, filter="data")
    installed = folder / "node_modules" / "open-sfu-client"
    installed.parent.mkdir()
    (folder / "package").rename(installed)
    return installed


def test_a_program_in_typescript_uses_the_package(package: Path) -> None:
    folder = package.parents[1]
    (folder / "program.mts").write_text(PROGRAM)
    tsc(
        "--noEmit", "--skipDefaultLibCheck", "--strict", "--module", "nodenext",
        "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "program.mts", cwd=folder,
    )  # fmt: skip


def test_what_is_packed_is_what_is_served(package: Path, daemon: Daemon) -> None:
    names = sorted(path.relative_to(package).as_posix() for path in package.rglob("*.*"))
    assert {"sfu-client.js", "types/sfu-client.d.ts", "package.json"} <= set(names)
    for name in names:
        with urllib.request.urlopen(f"{daemon.url}/static/{name}", timeout=5) as answer:
            assert answer.read() == (package / name).read_bytes(), name


def test_the_package_is_of_the_servers_version() -> None:
    setup = (STATIC.parents[1] / "setup.cfg").read_text()
    version = json.loads((STATIC / "package.json").read_text())["version"]
    assert f"\nversion = {version}\n" in setup
