"""The `sfu` command. What a subcommand needs is imported when it runs, so that help is quick."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from sfu.cli.rooms import app as rooms_app
from sfu.cli.top import top
from sfu.config import DEV_SECRET, DEV_TENANT, ConfigError, Settings, load
from sfu.config.value import parse_duration
from sfu.doctor.finding import Finding, show_findings
from sfu.participant import Role
from sfu.track import Source

Parsed = TypeVar("Parsed")

app = typer.Typer(
    name="sfu",
    help="A WebRTC media server for webinars, meetings and webcasts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, secrets among them
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(rooms_app, name="rooms")
app.command()(top)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Settings file.",
        show_default="sfu.toml, if there is one",
    ),
]
DevOption = Annotated[
    bool, typer.Option("--dev", help="Loopback, a tenant `dev`, rooms made on first join.")
]


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; the exit code is 0, 2 (bad settings or usage) or 1 (anything else)."""
    try:
        code: Any = app(args=list(arguments), prog_name="sfu", standalone_mode=True)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except SystemExit as stop:
        code = stop.code
    return code if isinstance(code, int) else 0


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """A WebRTC media server for webinars, meetings and webcasts."""
    if version:
        print(_version())
        raise typer.Exit


@app.command()
def serve(config: ConfigOption = None, dev: DevOption = False) -> None:
    """Run the server until SIGTERM or Ctrl-C."""
    path = _path(config)
    _settings(path, dev)  # what is wrong is said before anything else is loaded
    from sfu import process

    raise typer.Exit(process.serve(lambda: _settings(path, dev), dev=dev))


@app.command()
def token(
    room: Annotated[str, typer.Option(help="Room the token is for.")],
    identity: Annotated[str, typer.Option(help="Who it is for; once in a room at a time.")],
    role: Annotated[Role, typer.Option(help="What they may do.")],
    name: Annotated[str, typer.Option(help="Name that others see.")] = "",
    tenant: Annotated[
        str, typer.Option(help="Whose room.", show_default="the only tenant, or dev")
    ] = "",
    ttl: Annotated[str, typer.Option(help='How long it is valid, such as "30m" or "1h".')] = "1h",
    can: Annotated[
        list[Source] | None, typer.Option(help="Source they may publish; may be repeated.")
    ] = None,
    metadata_json: Annotated[
        str,
        typer.Option(
            "--metadata", metavar="JSON", help="Opaque data that others see.", show_default=False
        ),
    ] = "null",
    config: ConfigOption = None,
) -> None:
    """Print a join token."""
    from sfu.signaling.tokens import mint

    issuer, secret = _issuer(_settings(config, dev=False), tenant)
    valid_for = _parsed(parse_duration, ttl, "--ttl")
    opaque = _parsed(_json, metadata_json, "--metadata")
    try:
        print(
            mint(
                secret,
                tenant=issuer,
                room=room,
                identity=identity,
                role=role,
                name=name,
                now=time.time(),
                ttl=valid_for,
                metadata=opaque,
                can=can,
            )
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@config_app.command("check")
def config_check(config: ConfigOption = None, dev: DevOption = False) -> None:
    """Read the settings and say what is wrong with them."""
    path = _path(config)
    settings = _settings(path, dev)
    print(f"{path or 'defaults'}: good; tenants: {', '.join(settings.tenants) or 'none'}")


@config_app.command("show")
def config_show(config: ConfigOption = None, dev: DevOption = False) -> None:
    """Print the settings in use, file and environment together; secrets are masked."""
    from sfu.config.sample import effective

    print(effective(_settings(config, dev)), end="")


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON schema of the settings."""
    from sfu.config.accepted import json_schema

    print(json.dumps(json_schema(Settings), indent=2))


@app.command()
def doctor(
    config: ConfigOption = None,
    dev: DevOption = False,
    server: Annotated[
        str, typer.Option(metavar="URL", help="Check the way to this server instead of this host.")
    ] = "",
    token: Annotated[
        str, typer.Option(envvar="SFU_TOKEN", help="Join token, where the server asks for one.")
    ] = "",
) -> None:
    """Check host, ports, addresses, certificate, clock and store, or with --server the way to a
    server; exit code 1 if something is bad."""
    if server:
        show_findings(_examine_server(server, token or None))
    from sfu.doctor.host import examine

    show_findings(list(examine(_settings(config, dev), dev=dev)))


def _examine_server(server: str, token: str | None) -> list[Finding]:
    import asyncio

    from sfu.doctor.server import examine

    try:
        from sfu.client.doctor import media
    except ModuleNotFoundError:
        return asyncio.run(examine(server, token, None))
    return asyncio.run(examine(server, token, media))


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bench(context: typer.Context) -> None:
    """Measure this build; `sfu bench --help` lists the measurements."""
    from sfu.bench.cli import app as bench_app

    typer.main.get_command(bench_app)(args=context.args, prog_name="sfu bench")


def _parsed(parse: Callable[[str], Parsed], text: str, option: str) -> Parsed:
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"""is no JSON ({error}), such as '{{"row": 4}}'""") from None


def _version() -> str:
    try:
        return metadata.version("open-sfu")
    except metadata.PackageNotFoundError:
        return "run from its source folder, not installed"


def _path(config: Path | None) -> Path | None:
    """The file named, else the usual one where there is one."""
    if config is None and DEFAULT_PATH.is_file():
        return DEFAULT_PATH
    return config


def _settings(config: Path | None, dev: bool) -> Settings:
    return load(_path(config), os.environ, dev=dev)


def _issuer(settings: Settings, name: str) -> tuple[str, str]:
    """Tenant and secret: the one named, else the only one, else that of `--dev`."""
    names = list(settings.tenants)
    if not name:
        name = names[0] if len(names) == 1 else "" if names else DEV_TENANT
    if tenant := settings.tenants.get(name):
        return name, tenant.secret.get_secret_value()
    if name == DEV_TENANT:
        return name, DEV_SECRET
    wanted = f"there is no tenant {name}" if name else "there are several tenants"
    raise typer.BadParameter(
        f"{wanted}; known: {', '.join(names) or DEV_TENANT}", param_hint="--tenant"
    )


DEFAULT_PATH = Path("sfu.toml")
