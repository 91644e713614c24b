"""What holds for all tests."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

HANGS = """
import threading

import pytest


@pytest.fixture
def forever():
    yield
    threading.Event().wait()


def test_that_fails(forever):
    assert False
"""


def test_a_failed_test_whose_end_hangs_is_ended(tmp_path: Path) -> None:
    (tmp_path / "test_hangs.py").write_text(HANGS)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.conftest", f"--rootdir={tmp_path}"),
            *("-o", "faulthandler_timeout=1", "--confcutdir", tmp_path, tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "Timeout (0:00:01)!" in ended.stderr
    assert "in forever" in ended.stderr
