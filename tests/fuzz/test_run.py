"""What tests/fuzz/run leaves of a corpus, with programs in the place of cargo and the fuzzer."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CARGO = """#!/bin/sh
for target; do :; done
[ "$target" = rtp ] || exit 101
mkdir -p "$CARGO_TARGET_DIR/here/release"
cp "$FUZZER" "$CARGO_TARGET_DIR/here/release/rtp"
"""
RUSTC = "#!/bin/sh\necho host: here\n"
FUZZER = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
for name in $RESULT; do echo "$name" > "$1/$name"; done
exit "$STATUS"
"""
LONG = "0123456789abcdef0123"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As tests/fuzz, with a corpus of one input."""
    for name, text in {"cargo": CARGO, "rustc": RUSTC, "fuzzer": FUZZER}.items():
        program = tmp_path / "programs" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    folder = tmp_path / "fuzz"
    (folder / "corpus" / "rtp").mkdir(parents=True)
    (folder / "corpus" / "rtp" / "old.bin").touch()
    shutil.copy(Path(__file__).with_name("run"), folder)
    return folder


def run(folder: Path, target: str, result: str = "", status: int = 0) -> int:
    """Its exit code; the fuzzer leaves `result` when it makes the corpus smaller."""
    programs = folder.parent / "programs"
    environ = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "CARGO_TARGET_DIR": str(folder.parent / "target"),
        "FUZZER": str(programs / "fuzzer"),
        "RESULT": result,
        "STATUS": str(status),
    }
    command = ["sh", str(folder / "run"), target]
    return subprocess.run(command, env=environ, capture_output=True, check=False).returncode


def corpus(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.glob("corpus/**/*"))


def test_a_smaller_corpus_takes_the_place_of_the_old_one(folder: Path) -> None:
    assert run(folder, "rtp", f"{LONG} other") == 0
    assert corpus(folder) == ["corpus/rtp", f"corpus/rtp/{LONG[:16]}.bin", "corpus/rtp/other.bin"]


def test_an_unknown_target_leaves_nothing_behind(folder: Path) -> None:
    assert run(folder, "rpt") == 101
    assert corpus(folder) == ["corpus/rtp", "corpus/rtp/old.bin"]
    assert not (folder.parent / "target").exists()


@pytest.mark.parametrize(("result", "status"), [("", 0), (LONG, 1)])
def test_a_corpus_stays_when_none_comes_out(folder: Path, result: str, status: int) -> None:
    assert run(folder, "rtp", result, status) != 0
    assert corpus(folder) == ["corpus/rtp", "corpus/rtp/old.bin"]
