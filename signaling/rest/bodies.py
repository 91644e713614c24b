"""What backends send: one model per body. Fields that are not listed are refused."""

import json
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from sfu.config.value import parse_duration
from sfu.signaling.tokens import MAX_METADATA, ROOM_ID

ROOM_METADATA: Final = 16_384
LONGEST_TOKEN: Final = 10 * 366 * 86_400.0


class Body(BaseModel):
    """A JSON object with these fields and no others; "7" is not a number."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


def size_of(value: object) -> int:
    """Bytes as JSON. Raises ValueError for what JSON cannot carry on."""
    return len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())


def _json_up_to(bytes: int) -> AfterValidator:
    def check(value: Any) -> Any:
        if size_of(value) > bytes:
            raise ValueError(f"is larger than {bytes} bytes of JSON")
        return value

    return AfterValidator(check)


def _time(text: str) -> str:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs its offset, such as Z")
    return text


def _whole(value: Any) -> Any:
    """7.0 is an integer to JSON Schema."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _ttl(value: float | str) -> float:
    seconds = parse_duration(value) if isinstance(value, str) else float(value)
    if not 1 <= seconds <= LONGEST_TOKEN:
        raise ValueError("a token is valid for a second or more, and for ten years at most")
    return seconds


_TTL: Final = "^([1-9][0-9]{0,6}s|[1-9][0-9]{0,5}m|[1-9][0-9]{0,3}h|[1-9][0-9]{0,2}d)$"

RoomId = Annotated[str, Field(pattern=ROOM_ID)]
Time = Annotated[
    str,
    Field(max_length=40, json_schema_extra={"format": "date-time"}),
    AfterValidator(_time),
]
Metadata = Annotated[JsonValue, _json_up_to(ROOM_METADATA)]
PersonMetadata = Annotated[JsonValue, _json_up_to(MAX_METADATA)]
Source = Literal["microphone", "camera", "screen", "screen_audio"]
Password = Annotated[str, Field(min_length=1, max_length=256)]

Attendees = Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(_whole)]
Presenters = Annotated[int, Field(ge=0, le=100), BeforeValidator(_whole)]
Cameras = Annotated[int, Field(ge=0, le=25), BeforeValidator(_whole)]
MeetingCap = Annotated[int, Field(ge=1, le=100), BeforeValidator(_whole)]
Microphones = Annotated[int, Field(ge=1, le=100), BeforeValidator(_whole)]
Kind = Literal["webinar", "meeting", "webcast"]
Access = Literal["open", "password", "token"]
Video = Literal["sd", "hd"]
Screen = Literal["lite", "hq", "browser"]
Record = Literal["off", "manual", "auto"]
Messages = Literal["everybody", "to-presenters", "presenters", "off"]


class Limits(Body):
    """How many people; what is left out has the server's default, or stays as it is."""

    attendees: Attendees = Field(default=1000)
    """Let in besides presenters; who comes later waits."""
    presenters: Presenters = Field(default=4)
    """Seats, without the organizer's, which comes on top."""
    cameras: Cameras = Field(default=4)
    """On at once."""
    meeting: MeetingCap = Field(default=25)
    """People in the room while it is in meeting mode."""
    viewers: Attendees = Field(default=10_000)
    """Of a webcast."""
    microphones: Microphones = Field(default=5)
    """Forwarded at a time: the loudest."""


_NO_NULL_PASSWORD: Final[dict[str, Any]] = {
    "if": {"properties": {"access": {"const": "password"}}, "required": ["access"]},
    "then": {"properties": {"password": {"type": "string"}}},
}
_NEEDS_PASSWORD: Final[dict[str, Any]] = {
    "if": {"properties": {"access": {"const": "password"}}, "required": ["access"]},
    "then": {"properties": {"password": {"type": "string"}}, "required": ["password"]},
}


class RoomSettings(Body):
    """What can be set of a room at any time; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra=_NO_NULL_PASSWORD)

    access: Access = "token"
    """Who gets in: everybody, who knows the password, or who has a join token. Rooms that are
    made without it ask for a token; on a development server they are open."""
    password: Password | None = None
    """For `access: password`; kept as a hash, and never shown."""
    starts_at: Time | None = None
    """When the event is planned to begin (RFC 3339); rooms start by `start` all the same."""
    permanent: bool = False
    """Can be started again after its end."""
    limits: Limits = Limits()
    video: Video = "sd"
    screen: Screen = "lite"
    record: Record = "off"
    messages: Messages = "everybody"
    """Who may send app messages."""
    sources: Annotated[list[Source], Field(max_length=4)] | None = None
    """What people without a seat may publish in meeting mode; null for everything. Without
    `screen` they share none."""
    locked: bool = False
    """Newcomers wait until somebody lets them in."""
    metadata: Metadata = None
    """Opaque; up to 16 KiB of JSON."""


class CreateRoom(RoomSettings):
    """A room to be made."""

    model_config = ConfigDict(json_schema_extra=_NEEDS_PASSWORD)

    room: RoomId | None = None
    """Its id; made up when left out."""
    kind: Kind = "webinar"


class SetMode(Body):
    """Who is heard and seen by whom."""

    mode: Literal["presenters-only", "webinar", "meeting"]


class MintToken(Body):
    """A join token for one person."""

    identity: Annotated[str, Field(min_length=1, max_length=256)]
    """Who it is to the backend; once in a room at a time."""
    role: Literal["organizer", "presenter", "attendee", "viewer"]
    name: Annotated[str, Field(max_length=256)] = ""
    """What others see."""
    ttl: Annotated[
        Annotated[float, Field(ge=1, le=LONGEST_TOKEN)] | Annotated[str, Field(pattern=_TTL)],
        AfterValidator(_ttl),
    ] = 3600.0
    """How long it is valid: seconds, or such as "1h"."""
    metadata: PersonMetadata = None
    """Opaque, shown to others; up to 4 KiB of JSON."""
    can: Annotated[list[Source], Field(max_length=4)] | None = None
    """What they may publish, when that is less than the role gives."""


class RemoveParticipant(Body):
    """How somebody is sent away."""

    ban: bool = False
    """Keeps their identity out until the room is started again."""


class MuteSource(Body):
    """What is muted; nobody but the person unmutes it."""

    source: Source


class AllowSources(Body):
    """What somebody may publish at most; null for all that role and mode give."""

    sources: Annotated[list[Source], Field(max_length=4)] | None


class SendMessage(Body):
    """An app message."""

    to: Annotated[str, Field(min_length=1, max_length=64)] = "all"
    """`all`, `presenters`, `attendees`, or a participant's id."""
    topic: Annotated[str, Field(max_length=64)] = ""
    body: JsonValue
    """Any JSON; up to `limits.message_bytes` of the server's settings, 64 KiB by default."""
