"""Example programs of the plane, for tests against other implementations."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def example(name: str) -> str:
    """Builds one and gives the path of its program.

    With the features of the whole workspace, and in the profile that the Makefile's tests have, so
    that all is there that they have built.
    """
    command = ["cargo", "build", "--quiet", "--workspace", "--no-default-features"]
    command += os.environ.get("TEST_PROFILE", "").split()
    command += ["--example", name, "--message-format", "json"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return next(str(m["executable"]) for m in messages if m.get("executable"))
