"""What an operator installs: the unit as systemd reads it, files that agree with the settings."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from sfu.config import LimitSettings, MediaSettings, ServerSettings

ROOT = Path(__file__).resolve().parents[2]
UNIT = (ROOT / "deploy/sfu.service").read_text()
CONTAINER = (ROOT / "deploy/Containerfile").read_text()

EXPOSURE = 2.0
"""The most that `systemd-analyze security` may say, of 10."""


def analyze(*arguments: str) -> str:
    """What systemd says of a unit; the test fails if it does not like it."""
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing. Debian: apt-get install systemd"
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def value(key: str) -> str:
    (found,) = re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)
    return str(found)


def test_systemd_reads_the_unit_without_a_word(tmp_path: Path) -> None:
    # The program and the user need not be on this machine.
    here = UNIT.replace("/opt/sfu/bin/sfu", "/bin/true").replace("=sfu\nGroup=sfu", "=root")
    (tmp_path / "sfu.service").write_text(here)
    assert analyze("verify", str(tmp_path / "sfu.service")) == ""


def test_the_unit_is_closed() -> None:
    shown = analyze("security", "--offline=true", "--no-pager", str(ROOT / "deploy/sfu.service"))
    (level,) = re.findall(r"exposure level for sfu.service: ([\d.]+)", shown)
    assert float(level) <= EXPOSURE


def test_transports_can_be_made_under_the_unit() -> None:
    """Callbacks of pyOpenSSL are memory that is written, then run: the kernel's own switch for
    MemoryDenyWriteExecute= (PR_SET_MDWE) is set as the unit has it."""
    denied = re.search(r"^MemoryDenyWriteExecute=(?:yes|true|on|1)$", UNIT, re.MULTILINE)
    program = (
        "import ctypes; from sfu.certificate import Certificate; "
        f"assert {denied is None} or ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; "
        "Certificate.generate().context(client=False)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_unit_agrees_with_the_server() -> None:
    assert value("Type") == "notify"
    assert value("RestartPreventExitStatus") == "2"
    limits = LimitSettings()
    assert int(value("LimitNOFILE")) >= limits.sockets + limits.connections + 200
    minutes = int(value("TimeoutStopSec").removesuffix("min"))
    assert minutes * 60 > ServerSettings().drain_timeout


def test_kernel_buffers() -> None:
    text = (ROOT / "deploy/60-sfu.conf").read_text()
    found = dict(re.findall(r"^(net\.core\.\w+) = (\d+)$", text, re.MULTILINE))
    wanted = str(MediaSettings().socket_buffer)
    assert found == {"net.core.rmem_max": wanted, "net.core.wmem_max": wanted}


def test_the_container_agrees_with_the_server() -> None:
    http, media = ServerSettings().port, MediaSettings().udp_port
    assert f"EXPOSE {http}/tcp {media}/tcp {media}/udp" in CONTAINER
    assert re.findall(r"^USER (\w+)$", CONTAINER, re.MULTILINE) == ["sfu"]
    made = set(re.findall(r"--(?:home-dir|mode 700) (\S+)", CONTAINER))
    assert made == {"/var/lib/sfu"}
    assert 'CMD ["serve", "--config", "/etc/sfu/sfu.toml"]' in CONTAINER
    for image in re.findall(r"^FROM (\S+)", CONTAINER, re.MULTILINE):
        assert re.fullmatch(r"docker\.io/library/\w+:[\w.-]+", image)
        assert not image.endswith(":latest")


def test_the_container_is_run_as_the_documentation_says() -> None:
    """One command in both places: without root's rights, and a stop that outlasts a drain."""
    page = (ROOT / "docs/operations.md").read_text()
    commands = [
        " ".join(re.sub(r"\\\n(#? +)", "", found).split())
        for text in (CONTAINER, page)
        for found in re.findall(r"# (podman run (?:.*\\\n)+.*)", text)
    ]
    assert len(commands) == 2
    assert commands[0] == commands[1]
    for option in ("--network host", "--read-only", "--cap-drop all", "--health-cmd"):
        assert option in commands[0]
    (seconds,) = re.findall(r"--stop-timeout (\d+)", commands[0])
    assert int(seconds) > ServerSettings().drain_timeout
    assert f"--ulimit nofile={value('LimitNOFILE')}:" in commands[0]
