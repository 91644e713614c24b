import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def make(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Runs make with the programs of one folder only."""
    program = shutil.which("make")
    assert program is not None
    environ = {"PATH": str(path), "HOME": str(path), "LC_ALL": "C"}
    command = [program, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the least that a shell needs."""
    for name in ("sh", "sed", "awk", "find", "id", "cat"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    return tmp_path


def test_targets_are_listed() -> None:
    listed = make("help", path=Path("/usr/bin:/bin"))
    assert "make run " in listed.stdout
    assert "make test " in listed.stdout


@pytest.mark.parametrize("target", ["run", "test"])
def test_a_missing_toolchain_is_named_before_anything_starts(target: str, programs: Path) -> None:
    result = make(target, path=programs)
    assert result.returncode != 0
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Python 3.11 or newer is missing. ")
    assert lines[1].startswith("A C compiler (cc) is missing. ")
    assert lines[2].startswith("The Rust toolchain (cargo) is missing. ")
    assert result.stdout == ""


def test_an_old_toolchain_is_named(programs: Path) -> None:
    cargo = programs / "cargo"
    cargo.write_text('#!/bin/sh\necho "cargo 1.63.0"\n')
    cargo.chmod(0o755)
    result = make("toolchain", path=programs)
    assert "Found: cargo 1.63.0" in result.stderr


def test_missing_programs_are_named(programs: Path) -> None:
    (programs / "id").unlink()
    fake = programs / "id"
    fake.write_text("#!/bin/sh\necho 1000\n")
    fake.chmod(0o755)
    result = make("programs", path=programs)
    assert result.returncode != 0
    missing = "chromium firefox-esr node npm redis-server turnserver curl ip php prometheus"
    assert f"need {missing} systemd-analyze." in result.stderr
    packages = (
        "chromium firefox-esr nodejs npm redis-server coturn curl iproute2 php-cli prometheus"
    )
    assert f"apt-get install --no-install-recommends {packages} systemd\n" in result.stderr


def test_everything_is_tested() -> None:
    """`make test` leaves nothing out but what asks others: no folder of tests is passed over."""
    run = make("-n", "test-python", "calls", path=Path("/usr/bin:/bin")).stdout
    assert re.findall(r"--ignore=(\S+)", run) == ["tests/calls"] * run.count("--ignore=")
    assert run.count("-m pytest tests/calls ") > 0
