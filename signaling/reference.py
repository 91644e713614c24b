"""Writes docs/protocol.md from the message models: `python -m sfu.signaling.reference`.

A test holds the file equal to what `render` gives.
"""

import re
from collections.abc import Iterable
from typing import Any

from sfu.errors import CODES
from sfu.rights import table
from sfu.signaling import answers, events, messages
from sfu.signaling.closing import CLOSE_CODES

INTRODUCTION = """\
# The signaling protocol

Written by `python -m sfu.signaling.reference` from the message models; do not edit.

A WebSocket at `/v1/signal`, subprotocol `sfu.v1`. Text frames, one JSON object each.

- A request carries `type` and an `id` of the client's choice (a text or a whole number). Its
  answer is `{"type": "ok", "id": …, …}` or `{"type": "error", "id": …, "code": …, "message": …}`.
- Frames of the server without `id` are events.
- Unknown fields are passed over. An unknown type, a missing field or one of the wrong type is
  answered with the code `bad_request` and the field's `path`. Whoever goes on sending malformed
  frames is disconnected with close code 1008.
- A server that cannot open the socket now answers the handshake with status 429 (this address has
  too many, or opens them too fast) or 503 (there are too many) and `Retry-After`. Come back after
  so many seconds, and later each time: scripts in a page, which are not told the status, too.
- The first request is `join`. Its answer says `admitted` or `waiting`. Once admitted, the server
  sends an `offer` for the receiving connection, and another one for the same connection when the
  room gets more slots. Publishing is a second connection, which the client offers with `publish`.
- Whose network has changed goes on over another path by an ICE restart, which leaves DTLS and media
  as they are: a `publish` with new ICE credentials on the same connection, and `restart_ice` for
  an `offer` that has some. The former ones are good until an address is nominated under the new.
- The `ok` of a request comes when it is done: whoever has lost a seat, or the right to publish, is
  no longer forwarded by then.
- The server is an ICE-lite agent: its candidates are in its descriptions, and it needs none of
  the client's.
"""


LOST_SOCKETS = """\
Whoever loses the socket keeps seat and media for `[limits] resume_timeout` (30 s); nobody else
notices. Only then are they gone, for the reason `disconnected`. (A page that is left closes its
socket with 1001: that is a goodbye.)

To go on, open another socket and `join` the same room with the `resume` of the last answer, and
with `received`, how many events (frames without `id`) have come since the session began. The
answer is a snapshot of all that is now, with `resumed: true`, the same participant, and a new
`resume`: each is good once. (Should this answer be lost with its socket, the same `resume` works
again: it is used up by the next frame that the client sends.) Then the events follow that were
missed; without `received` those that the server had not sent. `events` is the number to count on
from (that of an `admitted` counts itself), `lost` tells how many missed events are not kept any
more (the last `[limits] pending_frames` are, up to 512 KiB). An `offer` that waits for its answer
is made again. The connections of both directions go on all the while; answers to requests that
were under way are lost. The former socket, should it still be there, is closed with 4005.

What cannot be resumed is refused with `cannot_resume`: it is too late, the token was used, the
session has ended or was replaced. Then join anew, without `resume`. After a restart of the server
the same works for as long: the participant is the same and has their seat again, but the
connections are new (`offer` as after every join; publish again).
"""

RIGHTS = """\
Who may ask the room what, and in which state of the room; the backend may ask everything. A
command that is refused has changed nothing.
"""

STATUSES = """\
The same at every door; `status` is that of REST, WHIP and WHEP, whose errors are
`application/problem+json` (RFC 9457) with `code` beside `status` and `detail`.
"""


def render() -> str:
    """The whole page."""
    parts = [INTRODUCTION, "## Lost sockets\n", LOST_SOCKETS, "## Requests\n"]
    for name, model in messages.REQUESTS.items():
        parts += [f"### `{name}`\n", *_describe(model, skip={"type", "id"})]
    names = ", ".join(f"`{name}`" for name in sorted(messages.UNSUPPORTED))
    parts += ["### Not yet carried out\n", f"Answered with `not_supported`: {names}.\n"]
    parts.append("## Answers\n")
    for answer in (answers.Ok, answers.Joined, answers.Waiting, answers.Answered, answers.Error):
        parts += [f"### {answer.__name__}\n", *_describe(answer, skip=set())]
    parts.append("## Events\n")
    for event in events.EVENTS:
        kind = event.model_fields["type"].default
        parts += [f"### `{kind}`\n", *_describe(event, skip={"type"})]
    parts.append("## Shapes\n")
    for shape in (
        answers.Person, answers.Guest, answers.RoomFacts, answers.SeatContent,
        answers.ScreenContent, events.PictureFacts, messages.SlotView,
    ):  # fmt: skip
        parts += [f"### {shape.__name__}\n", *_describe(shape, skip=set())]
    parts += ["## Rights\n", RIGHTS, table()]
    parts += ["## Error codes\n", STATUSES, _table(("code", "status", "meaning"), _codes())]
    parts += ["## Close codes\n", _table(("code", "when"), _closes())]
    return "\n".join(parts)


def _describe(model: type[messages.Message], skip: set[str]) -> Iterable[str]:
    text = " ".join((model.__doc__ or "").split())
    yield text + "\n"
    schema = model.model_json_schema()
    fields = [
        (f"`{name}`", _kind(field), "yes" if name in schema.get("required", ()) else "")
        for name, field in schema.get("properties", {}).items()
        if name not in skip
    ]
    if not fields:
        return
    if model in (*messages.REQUESTS.values(), messages.SlotView):
        yield _table(("field", "type", "required"), fields)
    else:  # what the server sends is complete
        yield _table(("field", "type"), (field[:2] for field in fields))


def _kind(field: dict[str, Any]) -> str:
    """A field's type in words, from its JSON schema."""
    if "anyOf" in field:
        return " or ".join(_kind(each) for each in field["anyOf"])
    if "$ref" in field:
        return _named(str(field["$ref"]).rsplit("/", 1)[-1])
    if "const" in field:
        return f'`"{field["const"]}"`'
    if "enum" in field:
        return " or ".join(f'`"{value}"`' for value in field["enum"])
    match field.get("type"):
        case "array":
            return f"list of {_kind(field['items'])}"
        case "object":
            values = field.get("additionalProperties")
            return f"object of {_kind(values)}" if isinstance(values, dict) else "object"
        case "null":
            return "null"
        case "string":
            return "text" + _bounds(field.get("minLength"), field.get("maxLength"), " long")
        case "integer":
            return "whole number" + _bounds(field.get("minimum"), field.get("maximum"), "")
        case None:
            return "anything"
        case other:
            return {"boolean": "true or false", "number": "number"}[str(other)]


def _named(name: str) -> str:
    if name == "Role":
        return "role (`organizer`, `presenter`, `attendee`, `viewer`)"
    if name == "Mode":
        return "mode (`presenters-only`, `webinar`, `meeting`)"
    if name == "Source":
        return "source (`microphone`, `camera`, `screen`, `screen_audio`)"
    return f"[{name}](#{name.lower()})"


def _bounds(low: int | None, high: int | None, unit: str) -> str:
    if high is None or high >= 2**53:
        return ""
    return f", {low or 0} to {high}{unit}"


def _codes() -> Iterable[tuple[str, ...]]:
    return ((f"`{code}`", f"{status}", meaning) for code, (status, meaning) in CODES.items())


def _closes() -> Iterable[tuple[str, str]]:
    for close in CLOSE_CODES.values():
        yield f"{close.code}", close.reason
    yield "1008", "too many malformed frames"
    yield "1013", "too many sockets, where the server is mounted in one that cannot answer with 429"
    yield "4008", "the client reads too slowly"
    yield "4408", "no join in time"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return (
        "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"
    )


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


if __name__ == "__main__":
    print(render(), end="")
