"""The parsers in Python, as targets of a fuzzer that is guided by coverage (atheris):

    .venv/bin/pip install --no-build-isolation --editable '.[fuzz]'
    .venv/bin/python -m tests.fuzz.parsers sdp 900 corpus/

for so many seconds; the folder, if one is named, keeps what reaches further. An input that breaks
something is left in the working directory, named crash-….
"""

import base64
import contextlib
import hmac
import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from sfu.config import ConfigError, load
from sfu.signaling import messages, sdp, sdpfrag, tokens, tracing
from sfu.signaling.known_answers import KnownAnswers
from sfu.signaling.negotiation import NegotiationError, accept_answer, answer_publish
from sfu.stun import answered
from sfu.track import Source
from tests.signaling.descriptions import ANSWER, CAMERA, CAPTURED, LOCAL, SLOTS

SECRETS = {"acme": "a secret of this tenant that nobody else knows"}
NOW = 1.8e9
BUDGETS = {Source.MICROPHONE: 64_000, Source.CAMERA: 2_000_000}
FRAME = '{"type": "join", "id": 1, "room": "hall", "role": "presenter", "name": "Ann"}'
SETTINGS = (Path(__file__).parents[2] / "sfu.toml").read_text(encoding="utf-8")
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
    answered(data)


TARGETS: dict[str, tuple[Callable[[bytes], None], list[str]]] = {
    "sdp": (read_sdp, [*CAPTURED.values(), ANSWER]),
    "fragment": (read_fragment, ["a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n"]),
    "publish": (read_publish, [*CAPTURED.values()]),
    "answer": (read_answer, [ANSWER]),
    "frame": (read_frame, [FRAME]),
    "token": (read_token, ['{"tenant": "acme", "room": "hall", "sub": "u", "exp": 1900000000}']),
    "settings": (read_settings, [SETTINGS]),
    "trace": (read_trace, ["00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"]),
    "stun": (read_stun, []),
}
"""By name: what reads, and inputs to begin with."""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _outcome(accept: Callable[..., object], text: str) -> object:
    try:
        return accept(text, SLOTS, "x")
    except NegotiationError as error:
        return error.code


def main(name: str, seconds: str, *corpora: str) -> None:
    """Fuzzes one target."""
    atheris = importlib.import_module("atheris")  # only who fuzzes has it
    target, inputs = TARGETS[name]
    atheris.instrument_all()
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(inputs):
            Path(folder, str(number)).write_text(text, encoding="utf-8")
        limits = [f"-max_total_time={seconds}", "-max_len=20000", "-timeout=10"]
        atheris.Setup([name, *limits, *corpora, folder], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
