"""`sfu top`: what is sent and received now, room by room and person by person."""

import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from sfu.cli.client import Client, Config, NoAnswer, Secret, Tenant, Url, open_client
from sfu.config.value import parse_duration
from sfu.doctor.finding import UNBOUND

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

SHOWN: Final = 40
"""Rows of each table at most: those with the most trouble come first."""

WIDE: Final = 130
"""Columns of a terminal below which LESS is left out."""
LESS: Final = {
    "state", "mode", "senders", "silent", "role", "budget", "layers", "arrives", "queue", "frozen"
}  # fmt: skip
PATH: Final = ("estimate", "given", "wanted", "arrives", "rtt", "queue", "loss", "frozen")
WORDS: Final = {"room", "state", "mode", "who", "role", "layers", "sees"}

Document = dict[str, Any]
Cell = str | int | tuple[str, str]


def top(
    room: Annotated[
        str | None,
        typer.Argument(metavar="[ROOM]", help="Whose people to show; else the busiest room's."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print one look and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, one a line.")] = False,
    every: Annotated[str, typer.Option(help="Time between two looks.")] = "1s",
    url: Url = "",
    tenant: Tenant = "",
    secret: Secret = "",
    config: Config = None,
) -> None:
    """Watch rooms and people: what is sent, what paths carry, and who gets less than they want."""
    try:
        pause = parse_duration(every)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--every") from None
    client = open_client(url, tenant, secret, config, as_json=as_json)
    try:
        _watch(client, room, pause, once=once)
    except KeyboardInterrupt:
        raise typer.Exit from None


def _watch(client: Client, room: str | None, pause: float, *, once: bool) -> None:
    if client.as_json:
        while True:
            typer.echo(json.dumps(look(client, room)))
            if once:
                return
            time.sleep(pause)
    from rich.console import Console
    from rich.live import Live

    console = Console()
    if once:
        if not console.is_terminal:
            console.width = UNBOUND
        console.print(picture(look(client, room), console.width))
        return
    seen = look(client, room)  # what is wrong from the start ends it
    client.patient = True
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(picture(seen, console.width), refresh=True)
            time.sleep(pause)
            try:
                seen = look(client, room)
            except NoAnswer as silence:
                seen = {**seen, "silence": str(silence)}


def look(client: Client, room: str | None) -> Document:
    """All rooms, and the people of one of them."""
    rooms = client.all("top")
    if room is None and rooms:
        room = max(rooms, key=lambda each: (each["people"], each["sent"]))["room"]
    people = [] if room is None else client.all(f"rooms/{quote(room, safe='')}/media")
    return {"rooms": rooms, "room": room, "participants": people}


def picture(seen: Document, width: int) -> "RenderableType":
    """As tables for a terminal of so many columns; under a line on the server's silence, if any."""
    from rich.console import Group
    from rich.text import Text

    rooms = sorted(seen["rooms"], key=lambda each: (-each["short"], -each["people"]))
    people = sorted(seen["participants"], key=_trouble, reverse=True)
    parts: list[RenderableType] = []
    if "silence" in seen:
        parts.append(Text(f"{seen['silence']}\n     Asking again; this is what was:\n", "red"))
    parts += [_table(map(_room, rooms[:SHOWN]), width), Text("")]
    if seen["room"] is not None:
        parts.append(Text(f"{seen['room']}: {len(people)} people", "bold"))
        parts.append(_table(map(_person, people[:SHOWN]), width))
    return Group(*parts)


def _room(room: Document) -> dict[str, Cell]:
    rates = room["rates"]
    return {
        "room": room["room"],
        "state": room["state"],
        "mode": room["mode"],
        "people": room["people"],
        "senders": room["publishers"],
        "sent": (rate(room["sent"]), "red" if room["over_budget"] else ""),
        "receivers": room["receivers"],
        "estimate": rate(rates["estimate"]),
        "given": rate(rates["given"]),
        "wanted": rate(rates["wanted"]),
        "short": (str(room["short"]), "yellow" if room["short"] else ""),
        "silent": (str(room["silent"]), "red" if room["silent"] else ""),
        "frozen": frozen(room),
        "quality": score(room["quality"]),
    }


def _person(each: Document) -> dict[str, Cell]:
    send, receive = each["send"], each["receive"] or {"path": None, "pictures": {}}
    over = send is not None and send["bps"] > send["budget"]
    path = receive["path"]
    return {
        "who": each["name"] or each["identity"],
        "role": each["role"],
        "sends": (rate(send["bps"]) if send else "", "red" if over else ""),
        "budget": rate(send["budget"]) if send else "",
        "layers": layers(send["sources"]) if send else "",
        **_path(path),
        "sees": pictures(receive["pictures"].values()),
        "quality": score(each["quality"]),
    }


def _path(path: Document | None) -> dict[str, Cell]:
    if path is None:
        return dict.fromkeys(PATH, "")
    short = path["given"] < 0.99 * path["wanted"]
    return {
        "estimate": rate(path["estimate"]),
        "given": (rate(path["given"]), "yellow" if short else ""),
        "wanted": rate(path["wanted"]),
        "arrives": (rate(path["arriving"]), "red" if path["silent"] else ""),
        "rtt": f"{path['round_trip']:.0f} ms",
        "queue": f"{path['queue']:.0f} ms",
        "loss": f"{path['loss']:.1%}",
        "frozen": frozen(path),
    }


def rate(bps: float) -> str:
    """Such as 850k or 2.45M."""
    return f"{bps / 1e6:.2f}M" if bps >= 999_500 else f"{bps / 1e3:.0f}k"


def frozen(seen: Document) -> str:
    """How often pictures stood still and for how long, such as 2 in 1.4 s."""
    return f"{seen['freezes']} in {seen['frozen']:.1f} s" if seen["freezes"] else ""


def score(quality: float | None) -> str:
    """Of 1 to 5, - while unknown."""
    return "-" if quality is None else f"{quality:.1f}"


def layers(sources: dict[str, list[Document]]) -> str:
    """Heights of what is sent, in brackets what nobody watches: such as camera 180 360 (720)."""
    words = []
    for source, sent in sources.items():
        heights = [
            str(layer["height"]) if layer["wanted"] else f"({layer['height']})"
            for layer in sent
            if layer["height"]
        ]
        words.append(" ".join([source, *heights]))
    return ", ".join(words)


def pictures(seen: Iterable[Document]) -> str:
    """How many of each height and reason: such as 3 x 360 link, 1 x 720."""
    counts: dict[str, int] = {}
    for each in seen:
        reason = "" if each["reason"] == "full" else f" {each['reason']}"
        name = f"{each['height'] or 'none'}{reason}"
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{count} x {name}" for name, count in sorted(counts.items()))


def _trouble(each: Document) -> tuple[bool, float]:
    path = (each["receive"] or {}).get("path")
    if path is None or not path["wanted"]:
        return (each["send"] is not None, 0.0)
    return (each["send"] is not None, 1 - path["given"] / path["wanted"])


def _table(rows: Iterable[dict[str, Cell]], width: int) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 1, 0, 0))
    columns: list[str] = []
    for row in rows:
        if not columns:
            columns = [name for name in row if width >= WIDE or name not in LESS]
            for name in columns:
                table.add_column(name, justify="left" if name in WORDS else "right", no_wrap=True)
        cells = [row[name] for name in columns]
        # Names are not to be taken for markup.
        table.add_row(
            *(Text(*cell) if isinstance(cell, tuple) else Text(str(cell)) for cell in cells)
        )
    return table
