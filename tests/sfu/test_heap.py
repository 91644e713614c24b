"""Memory that was freed stays with the process."""

import platform
import subprocess
import sys

import pytest

SOURCE = """
import resource, sys
import numpy as np
from sfu.heap import keep_freed

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        several = [np.ones(250_000) for _ in range(10)]
        del several
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if len(sys.argv) > 1:
    assert keep_freed()
faults()
print(faults())
"""


def faults(*arguments: str) -> int:
    """Of a process that makes ten arrays of 2 MB each, time and again."""
    command = [sys.executable, "-c", SOURCE, *arguments]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no other heap gives pages back")
def test_arrays_are_given_out_again_without_asking_the_kernel() -> None:
    assert faults("kept") < faults() / 10
