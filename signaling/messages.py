"""What clients ask over the socket `/v1/signal`, subprotocol `sfu.v1`.

A request is parsed whole or refused whole: a field of the wrong type or out of
range is an `Unreadable` that names the field, an unknown field is passed over.
docs/protocol.md is written from these models and those of answers.py and events.py
(`sfu.signaling.reference`).
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from sfu.options import Mode
from sfu.participant import Role
from sfu.track import Source

SUBPROTOCOL: Final = "sfu.v1"

RoomId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
ParticipantId = Annotated[str, Field(min_length=1, max_length=64)]
Slot = Annotated[str, Field(min_length=1, max_length=32)]
Mid = Annotated[str, Field(min_length=1, max_length=64)]
Sdp = Annotated[str, Field(min_length=1)]


class Unreadable(Exception):
    """A frame that is no request; `id` is the request's where it could be read."""

    def __init__(self, message: str, path: str = "", id: int | str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.id = id


class Message(BaseModel):
    """What all messages have in common: strict types, unknown fields passed over."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class Request(Message):
    """What a client asks for; the answer carries the same `id`."""

    id: Annotated[int, Field(ge=-(2**53), le=2**53)] | Annotated[str, Field(max_length=64)]


class Join(Request):
    """Enter a room; the first request. `token` is a join token; `role` works on a development
    server only. The answer is a `Joined`, and an `offer` event follows.

    With `resume`, from an earlier answer, the client goes on with a session whose socket it has
    lost: see [Lost sockets](#lost-sockets). `received` is how many events it has got on that
    session."""

    type: Literal["join"] = "join"
    room: RoomId
    tenant: Annotated[str, Field(max_length=64)] | None = None
    token: Annotated[str, Field(max_length=8192)] | None = None
    password: Annotated[str, Field(max_length=256)] | None = None
    name: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    role: Annotated[Role, Field(strict=False)] | None = None
    resume: Annotated[str, Field(max_length=256)] | None = None
    received: Annotated[int, Field(ge=0, le=2**53)] | None = None
    client: Annotated[dict[str, Any], Field(max_length=32)] | None = None


class Publish(Request):
    """Offer what the client publishes: `sources` says what each m-line (by mid) carries, m-lines
    that it does not name are inactive in the answer. A changed set is a new `publish` on the same
    connection; sources that it does not name any more have ended."""

    type: Literal["publish"] = "publish"
    sdp: Sdp
    sources: Annotated[dict[Mid, Annotated[Source, Field(strict=False)]], Field(max_length=4)]


class Unpublish(Request):
    """End a source. The connection stays."""

    type: Literal["unpublish"] = "unpublish"
    source: Annotated[Source, Field(strict=False)]


class Answer(Request):
    """Answer the last `offer` event. `number` is the offer's: where another one has come after it
    the answer is refused with `offer_replaced`, and that is to be answered. Without `number` it is
    taken as the answer to the last offer there is."""

    type: Literal["answer"] = "answer"
    sdp: Sdp
    number: Annotated[int, Field(ge=0, le=2**53)] | None = None


class RestartIce(Request):
    """Ask for another path to the receiving connection, after a change of network: an `offer` with
    new ICE credentials follows (RFC 8445 §9). The publishing connection is restarted by a `publish`
    whose offer has new ones."""

    type: Literal["restart_ice"] = "restart_ice"


class Mute(Request):
    """Mute or unmute a source: one's own, or with `participant` somebody else's, whom presenters
    may mute but nobody unmutes. A muted source is not forwarded, whatever the client sends."""

    type: Literal["mute"] = "mute"
    source: Annotated[Source, Field(strict=False)]
    muted: bool
    participant: ParticipantId | None = None


class SlotView(Message):
    """How one slot is looked at. `max_height` is in pixels; of two slots the one with the higher
    `priority` steps down later when the budget is short."""

    max_height: Annotated[int, Field(ge=1, le=8192)] | None = None
    priority: Annotated[int, Field(ge=0, le=255)] | None = None


class View(Request):
    """Say what one looks at; merged slot by slot into what was said before. `"off"` stops the
    slot's picture, not its sound. `pin` null unpins."""

    type: Literal["view"] = "view"
    slots: Annotated[dict[Slot, SlotView | Literal["off"]], Field(max_length=128)] = {}
    layout: Literal["gallery", "presenter"] | None = None
    pin: ParticipantId | None = None
    auto_speaker: bool | None = None


class Status(Request):
    """Show a sign, such as a raised hand, applause or away; null takes it back."""

    type: Literal["status"] = "status"
    value: Annotated[str, Field(max_length=32)] | None = None


class AppMessage(Request):
    """Send an app message to `all`, `presenters`, `attendees` or one participant. Messages of one
    sender arrive in their order; who is not in the room gets none, and the sender gets no copy."""

    type: Literal["message"] = "message"
    to: ParticipantId
    topic: Annotated[str, Field(max_length=64)] = ""
    body: Any = None


class Start(Request):
    """Begin the event: whoever waits for it comes in."""

    type: Literal["start"] = "start"


class End(Request):
    """End the event, for everybody. The sockets close after the answer."""

    type: Literal["end"] = "end"


class Lock(Request):
    """Have newcomers wait."""

    type: Literal["lock"] = "lock"


class Unlock(Request):
    """Let in those who wait, and newcomers at once."""

    type: Literal["unlock"] = "unlock"


class ChangeMode(Request):
    """Change who is heard and seen by whom. The microphones of all presenters but one's own are
    muted by it."""

    type: Literal["mode"] = "mode"
    mode: Annotated[Mode, Field(strict=False)]


class Admit(Request):
    """Let in one who waits, or with `all` everybody. Give one of the two."""

    type: Literal["admit"] = "admit"
    participant: ParticipantId | None = None
    all: bool = False

    @model_validator(mode="after")
    def _one_or_all(self) -> Self:
        if (self.participant is None) is not self.all:
            raise ValueError("give either `participant` or `all`")
        return self


class Remove(Request):
    """Disconnect somebody, or send away who waits; `ban` keeps the identity out for the event."""

    type: Literal["remove"] = "remove"
    participant: ParticipantId
    ban: bool = False


class Block(Request):
    """Keep somebody from publishing; they go on watching."""

    type: Literal["block"] = "block"
    participant: ParticipantId


class Unblock(Request):
    """Let somebody publish again."""

    type: Literal["unblock"] = "unblock"
    participant: ParticipantId


class GrantSeat(Request):
    """Make somebody a presenter, on the connections they have."""

    type: Literal["grant_seat"] = "grant_seat"
    participant: ParticipantId


class RevokeSeat(Request):
    """Take somebody's seat: their sources have ended when the answer comes, and they are an
    attendee."""

    type: Literal["revoke_seat"] = "revoke_seat"
    participant: ParticipantId


class Allow(Request):
    """Narrow what somebody may publish to these sources; null lifts it."""

    type: Literal["allow"] = "allow"
    participant: ParticipantId
    sources: Annotated[list[Annotated[Source, Field(strict=False)]], Field(max_length=4)] | None


class Promote(Request):
    """Make a viewer an attendee, on the connections they have."""

    type: Literal["promote"] = "promote"
    participant: ParticipantId


class Stats(Request):
    """What the client has noticed since it said so last: for how many seconds a picture stood
    still, and sound had to be made up. It lowers the quality of one's own stay. Any further
    fields."""

    type: Literal["stats"] = "stats"
    frozen: Annotated[float, Field(ge=0)] = 0.0
    concealed: Annotated[float, Field(ge=0)] = 0.0


class Ping(Request):
    """Ask whether the server is there."""

    type: Literal["ping"] = "ping"


class Leave(Request):
    """Close one's own session; the room goes on. The socket closes after the answer."""

    type: Literal["leave"] = "leave"


REQUESTS: Final[dict[str, type[Request]]] = {
    "join": Join,
    "publish": Publish,
    "unpublish": Unpublish,
    "answer": Answer,
    "restart_ice": RestartIce,
    "mute": Mute,
    "view": View,
    "status": Status,
    "message": AppMessage,
    "start": Start,
    "end": End,
    "lock": Lock,
    "unlock": Unlock,
    "mode": ChangeMode,
    "admit": Admit,
    "remove": Remove,
    "block": Block,
    "unblock": Unblock,
    "grant_seat": GrantSeat,
    "revoke_seat": RevokeSeat,
    "allow": Allow,
    "promote": Promote,
    "stats": Stats,
    "ping": Ping,
    "leave": Leave,
}

UNSUPPORTED: Final = frozenset({"record", "play"})
"""Requests of the protocol that this version answers with `not_supported`."""


class UnsupportedRequest(Request):
    """A request of the protocol that this version does not carry out."""

    type: str


Order = (
    Unpublish | Mute | View | Status | AppMessage | Start | End | Lock | Unlock | ChangeMode
    | Admit | Remove | Block | Unblock | GrantSeat | RevokeSeat | Allow | Promote
)  # fmt: skip
"""Requests that are one command to the room (`sfu.signaling.orders`)."""

InRoom = Publish | Answer | RestartIce | Order
"""Requests of who is in the room, about media or to the room."""

AnyRequest = Join | InRoom | Stats | Ping | Leave | UnsupportedRequest


def parse(frame: str) -> AnyRequest:
    """Reads one frame. Raises Unreadable, nothing else, whatever the frame holds."""
    try:
        data = from_json(frame, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise Unreadable(f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise Unreadable("a frame is one JSON object")
    id = _readable_id(data.get("id"))
    type = data.get("type")
    if not isinstance(type, str):
        raise Unreadable("`type` must be a text", "type", id)
    model = REQUESTS.get(type, UnsupportedRequest if type in UNSUPPORTED else None)
    if model is None:
        raise Unreadable("there is no such request", "type", id)
    try:
        return model.model_validate(data)  # type: ignore[return-value]
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Unreadable(first["msg"], _path(data, first["loc"]), id) from None


def _path(data: object, location: tuple[int | str, ...]) -> str:
    """The field's place in the frame; pydantic's names for the members of a union are left out."""
    parts = []
    for part in location:
        held = isinstance(data, dict) and part in data
        if held or (isinstance(data, list) and isinstance(part, int)):
            data = data[part]  # type: ignore[index]
        elif not isinstance(data, dict) or part != location[-1] or part == "[key]":
            continue
        parts.append(str(part)[:64])
    return ".".join(parts)


def _readable_id(id: object) -> int | str | None:
    match id:
        case bool():
            return None
        case int() if abs(id) <= 2**53:
            return id
        case str() if len(id) <= 64:
            return id
    return None
