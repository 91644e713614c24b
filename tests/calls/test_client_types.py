"""The browser client's JSDoc types hold, as an embedding program's TypeScript would see them."""

import subprocess

from tests.calls.node import FOLDER, modules


def test_the_client_and_the_page_are_type_correct() -> None:
    tsc = modules() / ".bin" / "tsc"
    done = subprocess.run([tsc, "-p", FOLDER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
