"""What the tests need from npm: installed into this folder on the first use."""

import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent


def modules() -> Path:
    """The folder node_modules, complete. Raises RuntimeError saying what is missing."""
    folder = FOLDER / "node_modules"
    wanted = FOLDER / "package.json"
    # npm rewrites this file on every installation.
    stamp = folder / ".package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= wanted.stat().st_mtime:
        return folder
    if shutil.which("npm") is None:
        raise RuntimeError("npm is missing: apt-get install npm")
    install = ["npm", "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"npm ci failed in {FOLDER}:\n{done.stderr}")
    stamp.touch()
    return folder
