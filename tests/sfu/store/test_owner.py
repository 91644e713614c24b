"""Processes that have a store, and whether they have ended."""

import os
import subprocess
from dataclasses import replace

import pytest

from sfu.store.owner import Owner


def test_it_reads_what_it_gives() -> None:
    owner = Owner.here()
    assert Owner.read(owner.text()) == owner
    assert str(owner).startswith(f"process {os.getpid()} on ")
    assert Owner.here().token != owner.token


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '{"token": "a", "further": 1}'])
def test_what_it_did_not_give_is_nobody(text: str) -> None:
    assert Owner.read(text) is None


def test_only_a_process_that_is_known_to_be_no_more_has_ended() -> None:
    here = Owner.here()
    assert not here.has_ended()
    child = subprocess.Popen(["sleep", "60"])
    # A process of another time that had the id of one that lives.
    assert replace(here, pid=child.pid).has_ended()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    gone = replace(here, pid=child.pid)
    assert gone.has_ended()  # nobody has asked for its end yet
    child.wait()
    assert gone.has_ended()
    for elsewhere in ("", "another kernel"):
        assert not replace(gone, place=elsewhere).has_ended()
