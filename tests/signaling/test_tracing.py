"""Ids of requests and sockets: taken from the caller when sane, logged, given back."""

from collections.abc import Iterator

import httpx
import pytest
import structlog
from structlog.testing import LogCapture
from structlog.typing import EventDict

from sfu.signaling.tracing import trace_of
from tests.signaling.listening import ask, listening
from tests.signaling.test_websocket import connect

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def written() -> Iterator[list[EventDict]]:
    """What is logged, with what the context adds."""
    capture, before = LogCapture(), structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture.entries
    structlog.configure(**before)


def lines(written: list[EventDict], event: str) -> list[EventDict]:
    return [line for line in written if line["event"] == event]


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ({"traceparent": PARENT}, TRACE),
        ({"traceparent": PARENT, "x-request-id": "mine"}, TRACE),
        ({"x-request-id": "req-17:a/b"}, "req-17:a/b"),
        ({"traceparent": "01" + PARENT[2:] + "-more"}, TRACE),
        ({"traceparent": "ff" + PARENT[2:]}, None),
        ({"traceparent": PARENT.upper()}, None),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, None),
        ({"x-request-id": "two words"}, None),
        ({"x-request-id": "x" * 129}, None),
        ({"x-request-id": "a\r\nSet-Cookie: b"}, None),
        ({"x-request-id": '{"level":"error"}'}, None),
        ({}, None),
    ],
)
def test_whose_id_it_is(headers: dict[str, str], trace: str | None) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    found = trace_of(raw)
    if trace is None:
        assert len(found) == 32
        assert found != trace_of(raw)
    else:
        assert found == trace


async def test_a_request(written: list[EventDict]) -> None:
    async with listening() as (_, host), httpx.AsyncClient() as client:
        answer = await client.get(f"http://{host}/v1/rooms", headers={"traceparent": PARENT})
        assert answer.headers["x-request-id"] == TRACE
        assert answer.json()["trace"] == TRACE
        other = await client.get(f"http://{host}/v1/nothing")
        assert other.json()["trace"] == other.headers["x-request-id"] != TRACE
    (first, second) = lines(written, "request")
    assert (first["trace"], first["path"], first["status"]) == (TRACE, "/v1/rooms", 401)
    assert second["trace"] != TRACE


async def test_a_socket(written: list[EventDict]) -> None:
    async with listening() as (_, host):
        async with connect(host, additional_headers={"X-Request-Id": "call-7"}) as socket:
            assert socket.response is not None
            assert socket.response.headers["X-Request-Id"] == "call-7"
            await ask(socket, "join", room="hall")
            refused = await ask(socket, "join", room="hall")
            assert (refused["code"], refused["trace"]) == ("already_joined", "call-7")
        async with connect(host) as other:
            refused = await ask(other, "publish", sdp="", sources={})
            assert len(refused["trace"]) == 32
    (joined,) = lines(written, "joined")
    assert joined["trace"] == "call-7"
