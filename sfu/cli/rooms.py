"""`sfu rooms …`: a client of the REST interface, for people and scripts."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from sfu.cli.client import (
    Anywhere,
    Client,
    Config,
    Secret,
    Tenant,
    Url,
    facts,
    open_client,
    show_people,
    show_rooms,
)
from sfu.config.value import parse_duration
from sfu.options import Mode
from sfu.participant import Role
from sfu.track import Source

app = typer.Typer(
    cls=Anywhere,
    help="Look at and run the rooms of a server.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RoomArgument = Annotated[str, typer.Argument(metavar="ROOM")]
ParticipantArgument = Annotated[str, typer.Argument(metavar="PARTICIPANT", help="Their id.")]


@app.callback()
def connect(
    context: typer.Context,
    url: Url = "",
    tenant: Tenant = "",
    secret: Secret = "",
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
) -> None:
    """Look at and run the rooms of a server."""
    context.obj = open_client(url, tenant, secret, config, as_json=as_json)


# Rooms


@app.command("list")
def list_rooms(context: typer.Context) -> None:
    """List all rooms."""
    client: Client = context.obj
    show_rooms(client, client.all("rooms"))


@app.command()
def show(context: typer.Context, room: RoomArgument) -> None:
    """Show a room's settings and state."""
    facts(context.obj, context.obj.room("GET", room))


@app.command()
def create(
    context: typer.Context,
    room: Annotated[str | None, typer.Argument(metavar="[ROOM]")] = None,
    kind: Annotated[str, typer.Option(help="webinar, meeting or webcast.")] = "webinar",
    access: Annotated[
        str | None, typer.Option(help="open, password or token.", show_default="of the server")
    ] = None,
    password: Annotated[str | None, typer.Option(help="For access by password.")] = None,
    locked: Annotated[bool, typer.Option("--locked", help="Newcomers wait.")] = False,
    permanent: Annotated[bool, typer.Option("--permanent", help="Can start again.")] = False,
    attendees: Annotated[int | None, typer.Option(help="How many are let in.")] = None,
    presenters: Annotated[int | None, typer.Option(help="Seats.")] = None,
    body: Annotated[
        str, typer.Option("--settings", metavar="JSON", help="Further settings, as in REST.")
    ] = "{}",
) -> None:
    """Create a room; it is preparing until it is started."""
    limits = {"attendees": attendees, "presenters": presenters}
    settings: dict[str, Any] = {
        **_parsed(body, "--settings"),
        "room": room,
        "kind": kind,
        "access": access,
        "password": password,
        "locked": locked or None,
        "permanent": permanent or None,
    }
    said = {name: value for name, value in settings.items() if value is not None}
    if given := {name: value for name, value in limits.items() if value is not None}:
        said["limits"] = {**said.get("limits", {}), **given}
    facts(context.obj, context.obj.ask("POST", "rooms", said))


@app.command("set")
def change(
    context: typer.Context,
    room: RoomArgument,
    settings: Annotated[str, typer.Argument(metavar="JSON", help="As in REST.")],
) -> None:
    """Change a room's settings, live too."""
    facts(context.obj, context.obj.room("PATCH", room, "", _parsed(settings, "JSON")))


@app.command()
def delete(context: typer.Context, room: RoomArgument) -> None:
    """End and remove a room."""
    context.obj.room("DELETE", room)


@app.command()
def start(context: typer.Context, room: RoomArgument) -> None:
    """Start: who waited for it comes in."""
    facts(context.obj, context.obj.room("POST", room, "/start"))


@app.command()
def end(context: typer.Context, room: RoomArgument) -> None:
    """End: everybody goes."""
    facts(context.obj, context.obj.room("POST", room, "/end"))


@app.command()
def lock(context: typer.Context, room: RoomArgument) -> None:
    """Lock: newcomers wait."""
    facts(context.obj, context.obj.room("POST", room, "/lock"))


@app.command()
def unlock(context: typer.Context, room: RoomArgument) -> None:
    """Unlock: who waited for it comes in."""
    facts(context.obj, context.obj.room("POST", room, "/unlock"))


@app.command()
def mode(context: typer.Context, room: RoomArgument, mode: Mode) -> None:
    """Change who is heard and seen by whom."""
    facts(context.obj, context.obj.room("POST", room, "/mode", {"mode": mode.value}))


@app.command()
def token(
    context: typer.Context,
    room: RoomArgument,
    identity: Annotated[str, typer.Option(help="Who it is for; once in a room at a time.")],
    role: Annotated[Role, typer.Option(help="What they may do.")],
    name: Annotated[str, typer.Option(help="Name that others see.")] = "",
    ttl: Annotated[str, typer.Option(help='How long it is valid, such as "30m".')] = "1h",
    can: Annotated[list[Source] | None, typer.Option(help="May be repeated.")] = None,
) -> None:
    """Mint a join token."""
    try:
        seconds = parse_duration(ttl)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--ttl") from None
    body: dict[str, Any] = {"identity": identity, "role": role.value, "name": name, "ttl": seconds}
    if can:
        body["can"] = [source.value for source in can]
    made = context.obj.room("POST", room, "/tokens", body)
    typer.echo(json.dumps(made, indent=2) if context.obj.as_json else made["token"])


@app.command()
def revoke(
    context: typer.Context, room: RoomArgument, jti: Annotated[str, typer.Argument(metavar="JTI")]
) -> None:
    """Revoke a join token: whoever came with it is disconnected."""
    context.obj.room("DELETE", room, f"/tokens/{quote(jti, safe='')}")


# People


@app.command()
def participants(context: typer.Context, room: RoomArgument) -> None:
    """List who is inside, and who waits."""
    client: Client = context.obj
    show_people(client, client.all(f"rooms/{quote(room, safe='')}/participants"))


@app.command()
def admit(
    context: typer.Context,
    room: RoomArgument,
    participant: Annotated[
        str | None, typer.Argument(metavar="[PARTICIPANT]", help="All who wait when left out.")
    ] = None,
) -> None:
    """Let in somebody who waits, or all of them."""
    client: Client = context.obj
    if participant is None:
        facts(client, client.room("POST", room, "/admit"))
    else:
        facts(client, client.person("POST", room, participant, "/admit"))


@app.command()
def remove(
    context: typer.Context,
    room: RoomArgument,
    participant: ParticipantArgument,
    ban: Annotated[bool, typer.Option("--ban", help="For good.")] = False,
) -> None:
    """Disconnect somebody."""
    context.obj.person("POST", room, participant, "/remove", {"ban": ban})


@app.command()
def seat(context: typer.Context, room: RoomArgument, participant: ParticipantArgument) -> None:
    """Give somebody a seat."""
    facts(context.obj, context.obj.person("POST", room, participant, "/seat"))


@app.command()
def unseat(context: typer.Context, room: RoomArgument, participant: ParticipantArgument) -> None:
    """Take somebody's seat."""
    facts(context.obj, context.obj.person("DELETE", room, participant, "/seat"))


@app.command()
def mute(
    context: typer.Context, room: RoomArgument, participant: ParticipantArgument, source: Source
) -> None:
    """Mute a source of somebody's."""
    body = {"source": source.value}
    facts(context.obj, context.obj.person("POST", room, participant, "/mute", body))


@app.command()
def block(context: typer.Context, room: RoomArgument, participant: ParticipantArgument) -> None:
    """Keep somebody from publishing."""
    facts(context.obj, context.obj.person("POST", room, participant, "/block"))


@app.command()
def unblock(context: typer.Context, room: RoomArgument, participant: ParticipantArgument) -> None:
    """Let somebody publish again."""
    facts(context.obj, context.obj.person("POST", room, participant, "/unblock"))


def _parsed(text: str, what: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=what) from None
    if not isinstance(parsed, dict):
        raise typer.BadParameter("is no JSON object", param_hint=what)
    return parsed
