"""The parsers in Python, as targets of a fuzzer that is guided by coverage (atheris):

    .venv/bin/pip install --no-build-isolation --editable '.[fuzz]'
    .venv/bin/python -m tests.fuzz.parsers sdp 900 corpus/

for so many seconds; the folder, if one is named, keeps what reaches further. An input that breaks
something is left in the working directory, named crash-….
"""

import asyncio
import base64
import contextlib
import gc
import hmac
import importlib
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from starlette.requests import Request

from sfu import dtls, stun
from sfu.certificate import Certificate
from sfu.client.room_view import RoomView
from sfu.client.signal_session import Entered, SignalSession
from sfu.client.signal_socket import SignalSocket
from sfu.config import ConfigError, load
from sfu.config.value import duration_text, parse_duration
from sfu.doctor import server as doctor_server
from sfu.errors import Refusal
from sfu.signaling import messages, preflight, sdp, sdpfrag, tokens, tracing
from sfu.signaling.known_answers import KnownAnswers
from sfu.signaling.negotiation import (
    NegotiationError,
    accept_answer,
    answer_play,
    answer_publish,
)
from sfu.signaling.origins import Origins
from sfu.signaling.rest import paging, whip
from sfu.signaling.rest.gate import Tenants
from sfu.store import redis, sqlite
from sfu.track import Source
from tests.signaling.descriptions import ANSWER, CAMERA, CAPTURED, LOCAL, OFFER, SLOTS

SECRETS = {"acme": "a secret of this tenant that nobody else knows"}
NOW = 1.8e9
BUDGETS = {Source.MICROPHONE: 64_000, Source.CAMERA: 2_000_000}
FRAME = '{"type": "join", "id": 1, "room": "hall", "role": "presenter", "name": "Ann"}'
SETTINGS = (Path(__file__).parents[2] / "sfu.toml").read_text(encoding="utf-8")
OURS, THEIRS = Certificate.generate(), Certificate.generate()
TENANTS = Tenants(load(None, {"SFU_TENANTS__ACME__SECRET": SECRETS["acme"]}).tenants)
ORIGINS = Origins(["https://app.example", "https://*.rooms.example:8443"])
ETAG = '"bmV4dA"'
TOLD = """{"type": "ok", "id": 1, "status": "admitted", "participant": {"id": "a"}, "slots": {}}
{"type": "participant", "joined": [{"id": "b"}], "left": ["a"], "counts": {}}
{"type": "room", "room": {"mode": "meeting"}}
{"type": "admitted", "status": "waiting", "participant": {}, "reason": "full", "position": 3}"""
GUIDING = ("sfu.", "tomllib", "json", "base64")
"""Modules whose coverage guides."""
HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")


def read_sdp(data: bytes) -> None:
    """What is read can be written, and is read as the same again."""
    try:
        found = sdp.parse(_text(data))
    except sdp.SdpError:
        return
    assert sdp.parse(sdp.write(found)) == found


def read_fragment(data: bytes) -> None:
    """Of a WHIP client's PATCH."""
    with contextlib.suppress(sdp.SdpError):
        sdpfrag.parse_fragment(_text(data))


def read_publish(data: bytes) -> None:
    """An offer of somebody who publishes."""
    with contextlib.suppress(NegotiationError):
        answer_publish(_text(data), CAMERA, LOCAL, budgets=BUDGETS, cname="x")


def read_answer(data: bytes) -> None:
    """A receiver's answer, twice: the second time it is a known one. All three ways agree."""
    text, known = _text(data), KnownAnswers()
    assert _outcome(known.accept, text) == _outcome(accept_answer, text)
    assert _outcome(known.accept, text) == _outcome(accept_answer, text)


def read_frame(data: bytes) -> None:
    """A client's frame on the socket."""
    with contextlib.suppress(messages.Unreadable):
        messages.parse(_text(data))


def read_token(data: bytes) -> None:
    """Any text as a token, and any claims in a token with a good signature."""
    signed = HEADER + b"." + base64.urlsafe_b64encode(data).rstrip(b"=")
    signature = hmac.digest(SECRETS["acme"].encode(), signed, "sha256")
    good = signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")
    for token in (_text(data), good.decode()):
        with contextlib.suppress(tokens.TokenError):
            tokens.verify(token, SECRETS, now=NOW)


def read_settings(data: bytes) -> None:
    """A settings file."""
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(ConfigError):
            load(Path(file.name))


def read_trace(data: bytes) -> None:
    """Headers that name a request: whatever they are, there is an id that a log can show."""
    traceparent, _, request = data.partition(b"\0")
    found = tracing.trace_of([(b"traceparent", traceparent), (b"x-request-id", request)])
    assert found.isascii()
    assert found.isprintable()


def read_stun(data: bytes) -> None:
    """What a STUN server answers to the doctor."""
    stun.answered(data)


def read_play(data: bytes) -> None:
    """An offer of a player's: what it is answered can be read, m-line for m-line."""
    offer = _text(data)
    with contextlib.suppress(NegotiationError):
        answer = answer_play(offer, LOCAL)
        assert len(sdp.parse(answer.sdp).media) == len(sdp.parse(offer).media)


def read_preflight(data: bytes) -> None:
    """An offer of what is to come back."""
    offer = _text(data)
    with contextlib.suppress(Refusal, NegotiationError):
        answer_publish(offer, preflight._sources(offer), LOCAL, budgets=BUDGETS, cname="x")


def read_cursor(data: bytes) -> None:
    """A list's cursor, up to the store that it is a place of."""
    with contextlib.suppress(Refusal):
        position = paging.decode("usage", _text(data))
        assert paging.decode("usage", paging.encode("usage", position)) == position
        for place in (sqlite._position, redis._order):
            with contextlib.suppress(ValueError):
                place(position)


def read_environment(data: bytes) -> None:
    """Variables, one a line, each behind the prefix of ours."""
    pairs = (line.partition("=") for line in _text(data).split("\n")[:8])
    with contextlib.suppress(ConfigError):
        load(None, {f"SFU_{name}": value for name, _, value in pairs})


def read_duration(data: bytes) -> None:
    """A duration, as a text and as a number; what is shown of it is read as the same again."""
    values: list[object] = [text := _text(data)]
    for kind in (float, int):
        with contextlib.suppress(ValueError):
            values.append(kind(text))
    for value in values:
        try:
            seconds = parse_duration(value)
        except ValueError:
            continue
        assert parse_duration(duration_text(seconds)) == seconds


def read_doctor(data: bytes) -> None:
    """A server's offer, which the doctor makes its checks from."""
    try:
        offered = doctor_server.read(_text(data))
    except ValueError:
        return
    stun.check(offered.ufrag, offered.pwd)
    assert all(0 < each.port < 2**16 for each in offered.candidates)


def read_origin(data: bytes) -> None:
    """The header, as servers give it to us: whoever is let in is of this host or of the list."""
    origin = data.decode("latin-1")
    if ORIGINS.allow(origin, "sfu.example:7800"):
        _, _, authority = origin.lower().partition("://")
        named = authority in ("app.example", "sfu.example:7800")
        assert named or authority.endswith(".rooms.example:8443")


def read_authorization(data: bytes) -> None:
    """The header of both kinds of caller; nobody guesses a secret."""
    assert TENANTS.authenticate(data) is None
    with contextlib.suppress(Refusal, tokens.TokenError):
        token = whip.bearer(Request({"type": "http", "headers": [(b"authorization", data)]}))
        tokens.verify(token, SECRETS, now=NOW)


def read_condition(data: bytes) -> None:
    """If-Match: without our tag it is of none but any."""
    text = data.decode("latin-1")
    assert not whip.names(text, ETAG) or ETAG in text or text.strip() == "*"


def read_told(data: bytes) -> None:
    """What a server tells the Python client, a frame a line; the first one answers its join."""
    asyncio.run(_listen(data.split(b"\n")))


def read_dtls(data: bytes) -> None:
    """Datagrams, each behind its length in two bytes, for the role that the first byte says."""
    client, at = bool(data[:1].strip(b"\0")), 1
    end = dtls.Handshake(OURS, client=client, fingerprints=[THEIRS.fingerprint], now=0)
    with contextlib.suppress(dtls.DtlsError):
        end.start(0)
        while at < len(data):
            stop = at + 2 + int.from_bytes(data[at : at + 2])
            sent = end.receive(data[at + 2 : stop], 0)
            assert all(len(each) <= dtls.MTU for each in sent)
            at = stop
        end.expire(0.5)
    assert end.keys is None


def _flights() -> list[bytes]:
    """A client's first datagram for a server, and what a server says to it for a client."""
    client, server = (
        dtls.Handshake(OURS, client=role, fingerprints=[], now=0) for role in (True, False)
    )
    hello = client.start(0)
    flights = {b"\0": hello, b"\1": server.receive(hello[0], 0)}
    return [
        role + b"".join(len(each).to_bytes(2) + each for each in flight)
        for role, flight in flights.items()
    ]


TARGETS: dict[str, tuple[Callable[[bytes], None], Sequence[str | bytes]]] = {
    "sdp": (read_sdp, [*CAPTURED.values(), ANSWER]),
    "fragment": (read_fragment, ["a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n"]),
    "publish": (read_publish, [*CAPTURED.values()]),
    "answer": (read_answer, [ANSWER]),
    "frame": (read_frame, [FRAME]),
    "token": (read_token, ['{"tenant": "acme", "room": "hall", "sub": "u", "exp": 1900000000}']),
    "settings": (read_settings, [SETTINGS]),
    "trace": (read_trace, ["00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"]),
    "stun": (read_stun, []),
    "play": (read_play, [each.replace("a=sendonly", "a=recvonly") for each in CAPTURED.values()]),
    "preflight": (read_preflight, [*CAPTURED.values()]),
    "cursor": (read_cursor, [paging.encode("usage", each) for each in ("17", "1800-0")]),
    "environment": (read_environment, ["SERVER__PORT=1\nTENANTS__A__SECRET=x\nTURN__URLS=[1]"]),
    "duration": (read_duration, ["500ms", "1.5h", "1e8", "0.25"]),
    "doctor": (read_doctor, [OFFER]),
    "origin": (read_origin, ["https://app.example", "https://a.rooms.example:8443"]),
    "authorization": (read_authorization, ["Bearer acme:secret", "bearer a.b.c"]),
    "condition": (read_condition, ['"other", "bmV4dA"', "*"]),
    "told": (read_told, [TOLD]),
    "dtls": (read_dtls, _flights()),
}
"""By name: what reads, and inputs to begin with."""


def as_bytes(given: str | bytes) -> bytes:
    """An input as it is read."""
    return given.encode() if isinstance(given, str) else given


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


class _Socket:
    """Tells its frames, and is closed."""

    close_code = None
    close_reason = ""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = frames
        self.transport = self

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for each in self._frames:
            yield each

    def abort(self) -> None:
        """It is closed anyhow."""


async def _listen(frames: list[bytes]) -> None:
    view, codes = RoomView(), list[int]()
    session = SignalSession("", view._follow, lambda it: view._begin(it.answer), lambda *_: None)
    socket = SignalSocket(
        cast(Any, _Socket(frames)), 1, session._take, lambda _, code, reason: codes.append(code)
    )
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    socket._answers[1] = answer, lambda frame: session._enter(Entered(frame))
    await socket._reader
    assert codes == [1006]
    answer.exception()  # there is one, or an answer


def _outcome(accept: Callable[..., object], text: str) -> object:
    try:
        return accept(text, SLOTS, "x")
    except NegotiationError as error:
        return error.code


def main(name: str, seconds: str, *corpora: str) -> None:
    """Fuzzes one target."""
    atheris = importlib.import_module("atheris")  # only who fuzzes has it
    target, inputs = TARGETS[name]
    for each in gc.get_objects():  # all there is would take minutes
        if isinstance(each, FunctionType) and str(each.__module__).startswith(GUIDING):
            atheris.instrument_func(each)
    with tempfile.TemporaryDirectory() as folder:
        for number, each in enumerate(inputs):
            Path(folder, str(number)).write_bytes(as_bytes(each))
        limits = [f"-max_total_time={seconds}", "-max_len=20000", "-timeout=10"]
        atheris.Setup([name, *limits, *corpora, folder], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
