import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import jwt
import pytest
import typer

from sfu.cli.main import run
from sfu.config import DEV_SECRET, Settings

Run = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[3]


@pytest.fixture
def sfu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in an empty folder; gives exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("SFU_")]:
        monkeypatch.delenv(variable)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def claims_of(text: str, secret: str) -> dict[str, Any]:
    return dict(jwt.decode(text.strip(), secret, algorithms=["HS256"]))


def test_token_without_settings_is_the_dev_tenant_s(sfu: Run) -> None:
    code, out, _ = sfu("token", "--room", "lobby", "--identity", "alice", "--role", "presenter")
    assert code == 0
    claims = claims_of(out, DEV_SECRET)
    assert claims["iss"] == "dev"
    assert claims["sub"] == "alice"
    assert claims["room"] == "lobby"
    assert claims["role"] == "presenter"
    assert claims["exp"] - claims["iat"] in (3600, 3601)


def test_token_with_everything(sfu: Run) -> None:
    Path("sfu.toml").write_text('[tenants.acme]\nsecret = "the secret of acme, long enough…"\n')
    arguments = "token --room r --identity i --role attendee --name N --ttl 10m --can microphone"
    code, out, _ = sfu(*arguments.split(), "--can", "screen", "--metadata", '{"seat": 7}')
    assert code == 0
    claims = claims_of(out, "the secret of acme, long enough…")
    assert claims["iss"] == "acme"
    assert claims["name"] == "N"
    assert sorted(claims["can"]) == ["microphone", "screen"]
    assert claims["metadata"] == {"seat": 7}
    assert claims["exp"] - claims["iat"] in (600, 601)


def test_token_of_one_of_several_tenants(sfu: Run) -> None:
    Path("sfu.toml").write_text('[tenants.a]\nsecret = "1"\n[tenants.b]\nsecret = "2"\n')
    arguments = ["token", "--room", "r", "--identity", "i", "--role", "viewer"]
    code, _, err = sfu(*arguments)
    assert code == 2
    assert "a, b" in err
    code, out, _ = sfu(*arguments, "--tenant", "b")
    assert code == 0
    assert claims_of(out, "2")["iss"] == "b"
    assert sfu(*arguments, "--tenant", "c")[0] == 2


@pytest.mark.parametrize(
    "changed",
    [
        ["--role", "king"],
        ["--room", "a b"],
        ["--ttl", "soon"],
        ["--metadata", "{"],
        ["--can", "kitchen"],
        ["--identity", ""],
    ],
)
def test_token_refuses_bad_values(sfu: Run, changed: list[str]) -> None:
    good = ["token", "--room", "r", "--identity", "i", "--role", "viewer"]
    code, out, err = sfu(*good, *changed)
    assert (code, out) == (2, "")
    assert err


def test_usage_errors(sfu: Run) -> None:
    assert sfu("nope")[0] == 2
    assert sfu("serve", "--nope")[0] == 2
    assert sfu("token")[0] == 2
    assert sfu("--help")[0] == 0
    assert sfu("--version")[0] == 0


def test_config_check(sfu: Run) -> None:
    assert sfu("config", "check")[:2] == (0, "defaults: good; tenants: none\n")
    Path("sfu.toml").write_text('[tenants.acme]\nsecret = "1"\n')
    assert sfu("config", "check")[:2] == (0, "sfu.toml: good; tenants: acme\n")
    Path("other.toml").write_text("[server]\nport = -1\n")
    code, out, err = sfu("config", "check", "--config", "other.toml")
    assert (code, out) == (2, "")
    assert err.startswith("other.toml:2: server.port: -1 is not accepted")
    assert sfu("config", "check", "--config", "absent.toml")[0] == 2


def test_config_show_masks_secrets(sfu: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFU_TENANTS__ACME__SECRET", "s3cret")
    monkeypatch.setenv("SFU_SERVER__PORT", "7921")
    code, out, _ = sfu("config", "show", "--dev")
    assert code == 0
    assert "s3cret" not in out
    assert DEV_SECRET not in out
    assert tomllib.loads(out)["server"]["port"] == 7921


def test_config_schema(sfu: Run) -> None:
    code, out, _ = sfu("config", "schema")
    assert code == 0
    assert json.loads(out)["properties"]["server"]


def test_serve_hands_settings_to_the_process(sfu: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Settings, bool]] = []

    def serve(read: Callable[[], Settings], *, dev: bool) -> int:
        seen.append((read(), dev))
        return 1

    process = ModuleType("sfu.process")
    vars(process)["serve"] = serve
    monkeypatch.setitem(sys.modules, "sfu.process", process)
    monkeypatch.setattr(sys.modules["sfu"], "process", process, raising=False)
    monkeypatch.setenv("SFU_SERVER__PORT", "7922")
    assert sfu("serve", "--dev")[0] == 1
    settings, dev = seen[0]
    assert dev
    assert settings.server.port == 7922
    assert settings.tenants["dev"].secret.get_secret_value() == DEV_SECRET


def test_serve_does_not_start_with_bad_settings(sfu: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFU_SERVER__PORT", "http")
    code, _, err = sfu("serve")
    assert code == 2
    assert "SFU_SERVER__PORT: server.port" in err


def test_bench_passes_its_arguments_on(sfu: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = typer.Typer()

    @bench.callback()
    def measurements() -> None:
        """Measurements."""

    @bench.command()
    def forward(subscribers: int = 1) -> None:
        print(subscribers)

    module = ModuleType("sfu.bench.cli")
    vars(module)["app"] = bench
    monkeypatch.setitem(sys.modules, "sfu.bench.cli", module)
    assert sfu("bench", "forward", "--subscribers", "200")[:2] == (0, "200\n")
    assert "Measurements." in sfu("bench", "--help")[1]


def test_the_process_ends_with_the_same_codes(tmp_path: Path) -> None:
    def code(*arguments: str) -> int:
        command = [sys.executable, "-m", "sfu", *arguments]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, check=False
        ).returncode

    assert code("config", "check") == 0
    assert code("config", "check", "--config", "absent.toml") == 2
    assert code("nope") == 2


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    heavy = ["numpy", "fastapi", "OpenSSL", "uvloop", "jwt", "sfu._plane"]
    check = f"import sys, sfu.cli.main; print([each for each in {heavy} if each in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
