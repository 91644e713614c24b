"""What `sfu rooms` and `sfu top` ask a server with, and how rooms and people are shown."""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn
from urllib.parse import quote

import typer
from typer.core import TyperGroup, TyperOption

from sfu.cli.reach import USUAL, Reach, own_server, why_not
from sfu.config import DEV_SECRET, DEV_TENANT, Settings, load
from sfu.doctor.finding import UNBOUND

TIMEOUT: Final = 30.0
PAGE: Final = 200

Url = Annotated[
    str,
    typer.Option(
        envvar="SFU_URL", help="The server.", show_default=f"by the settings, else {USUAL}"
    ),
]
Tenant = Annotated[
    str,
    typer.Option(envvar="SFU_TENANT", help="Whose rooms.", show_default="the only tenant, or dev"),
]
Secret = Annotated[
    str,
    typer.Option(envvar="SFU_SECRET", help="The tenant's secret.", show_default="of the settings"),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Settings of the server, with the tenant's secret.",
        show_default="sfu.toml, if there is one",
    ),
]


class Anywhere(TyperGroup):
    """A group whose own options may stand behind the name of its command as well."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        """Takes them to the front."""
        options = {
            name: option
            for option in self.params
            if isinstance(option, TyperOption) and "--help" not in option.opts
            for name in option.opts
        }
        own: list[str] = []
        others: list[str] = []
        rest = iter(args)
        for argument in rest:
            option = options.get(argument.partition("=")[0])
            if argument == "--":
                others += [argument, *rest]
            elif option is None:
                others.append(argument)
            else:
                own.append(argument)
                if not option.is_flag and "=" not in argument:
                    own += [value for value in [next(rest, None)] if value is not None]
        return super().parse_args(context, own + others)


class NoAnswer(Exception):
    """The server was not reached; says why, and what to try."""


class Client:
    """One server and one tenant, and how answers are shown.

    Ends the program where a server does not answer; while it is `patient`, raises NoAnswer.
    """

    patient = False

    def __init__(self, reach: Reach, tenant: str, secret: str, *, as_json: bool) -> None:
        self.as_json = as_json
        self._url = reach.url.rstrip("/")
        self._verify = reach.verify
        self._headers = {"Authorization": f"Bearer {tenant}:{secret}"}

    def ask(self, method: str, path: str, body: object = None, **query: object) -> Any:
        """The answer's document; says what is wrong and ends with 1 when there is none."""
        import httpx

        given = {name: str(value) for name, value in query.items() if value is not None}
        try:
            answer = httpx.request(
                method,
                f"{self._url}/v1/{path}",
                params=given,
                json=body,
                headers=self._headers,
                timeout=TIMEOUT,
                verify=self._verify,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason, remedy = why_not(self._url, error)
            words = f"{self._url} does not answer: {reason}\n     {remedy}"
            if self.patient:
                raise NoAnswer(words) from None
            fail(words)
        if answer.is_success:
            return answer.json() if answer.content else None
        try:
            problem = answer.json()
            fail(f"{problem['detail']} ({problem['code']})")
        except (ValueError, KeyError, TypeError):
            fail(f"{self._url} answers {answer.status_code}: is it an SFU?")

    def all(self, path: str) -> list[dict[str, Any]]:
        """All pages of a list."""
        items: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.ask("GET", path, limit=PAGE, cursor=cursor)
            items += page["items"]
            cursor = page["cursor"]
            if cursor is None:
                return items

    def room(self, method: str, room: str, rest: str = "", body: object = None) -> Any:
        """A request about one room."""
        return self.ask(method, f"rooms/{quote(room, safe='')}{rest}", body)

    def person(self, method: str, room: str, id: str, rest: str = "", body: object = None) -> Any:
        """A request about one participant."""
        return self.room(method, room, f"/participants/{quote(id, safe='')}{rest}", body)


def fail(message: str) -> NoReturn:
    """Says what is wrong and ends with 1."""
    typer.echo(f"sfu: {message}", err=True)
    raise typer.Exit(1)


def open_client(
    url: str, tenant: str, secret: str, config: Path | None, *, as_json: bool
) -> Client:
    """As given; else by the settings on this machine, else to `sfu serve --dev`."""
    if url and tenant and secret:
        return Client(Reach(url, True), tenant, secret, as_json=as_json)
    if config is None and Path("sfu.toml").is_file():
        config = Path("sfu.toml")
    settings = load(config, os.environ)
    try:
        reach = Reach(url, True) if url else own_server(settings.server)
    except OSError as error:
        fail(f"{settings.server.certificate} cannot be used: {error.strerror or error}")
    return Client(reach, *_credentials(tenant, secret, settings), as_json=as_json)


def _credentials(tenant: str, secret: str, settings: Settings) -> tuple[str, str]:
    tenants = settings.tenants
    name = tenant or (next(iter(tenants)) if len(tenants) == 1 else DEV_TENANT)
    if secret:
        return name, secret
    if name in tenants:
        return name, tenants[name].secret.get_secret_value()
    if name == DEV_TENANT and (tenant or not tenants):
        return name, DEV_SECRET
    if not tenant:
        fail(f"whose rooms? Give --tenant, one of {', '.join(tenants)}")
    fail(f"the secret of tenant {name} is not known: give --config, --secret, or SFU_SECRET")


def show_rooms(client: Client, rooms: list[dict[str, Any]]) -> None:
    """A table of rooms."""
    rows = [
        (
            room["id"],
            room["kind"],
            room["state"],
            room["mode"],
            "locked" if room["locked"] else "",
            str(sum(room["counts"].values())),
            str(room["waiting"]),
        )
        for room in rooms
    ]
    _table(client, rooms, ("room", "kind", "state", "mode", "", "people", "waiting"), rows)


def show_people(client: Client, people: list[dict[str, Any]]) -> None:
    """A table of people."""
    rows = [
        (
            each["id"],
            each["identity"],
            each["name"],
            each["role"],
            "" if each["seat"] is None else str(each["seat"]),
            ", ".join(
                source + (" (muted)" if facts["muted"] else "")
                for source, facts in each["sources"].items()
            ),
            f"waits: {each['reason']}" if each["state"] == "waiting" else each["joined_at"],
        )
        for each in people
    ]
    columns = ("id", "identity", "name", "role", "seat", "sources", "since")
    _table(client, people, columns, rows)


def _table(
    client: Client, items: list[dict[str, Any]], columns: tuple[str, ...], rows: list[Any]
) -> None:
    if client.as_json:
        typer.echo(json.dumps(items, indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*map(Text, row))  # names are not to be taken for markup
    console = Console()
    if not console.is_terminal:
        console.width = UNBOUND
    console.print(table)


def facts(client: Client, document: dict[str, Any]) -> None:
    """A table of a document's members."""
    if client.as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    rows = []
    for name, value in document.items():
        for inner, fact in value.items() if isinstance(value, dict) else [("", value)]:
            text = fact if isinstance(fact, str) else json.dumps(fact, ensure_ascii=False)
            rows.append((f"{name}.{inner}" if inner else name, text))
    _table(client, [document], ("", ""), rows)
