"""Coming back after lost sockets, with sockets that do as they are told."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from sfu.client import ClientError, signal_session
from sfu.client.shapes import Frame
from sfu.client.signal_session import Entered, SignalSession
from sfu.client.signal_socket import SignalSocket
from tests.waiting import until

ADMITTED: Frame = {"type": "ok", "status": "admitted", "events": 0}


class Socket:
    """Answers a join, and refuses whatever else."""

    def __init__(self, *refusals: str) -> None:
        self.asked: list[str] = []
        self.refusals = list(refusals)
        self.abandoned: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """After how many requests."""

    unreadable = ""

    async def request(
        self, type: str, then: Callable[[Frame], None] | None = None, **_: object
    ) -> Frame:
        self.asked.append(type)
        if type != "join":
            await asyncio.sleep(0)
            raise ClientError(self.refusals.pop(0), "no")
        assert then is not None
        then(ADMITTED)
        return ADMITTED

    async def closing(self) -> None:
        pass

    def abandon(self) -> None:
        if not self.abandoned.done():
            self.abandoned.set_result(len(self.asked))

    async def close(self) -> None:
        pass


class Session(SignalSession):
    """Opens the given sockets one after the other."""

    def __init__(self, *sockets: Socket) -> None:
        self.entered: list[Entered] = []
        self.ends: list[str] = []
        super().__init__(
            "", lambda _: None, self.entered.append, lambda _, reason: self.ends.append(reason)
        )
        self.sockets = list(sockets)
        self.loops: list[int] = []
        """How many loops were coming back at each opening."""

    async def _open(self, patience: float) -> SignalSocket:
        names = [getattr(each.get_coro(), "__qualname__", "") for each in asyncio.all_tasks()]
        self.loops.append(names.count("SignalSession._return"))
        return cast(SignalSocket, self.sockets.pop(0))

    def lose(self) -> None:
        assert self._socket is not None
        self._lost(self._socket, 1006, "")

    async def back(self) -> None:
        """Waits until it is in again."""
        async with asyncio.timeout(5):
            while self._returning is not None:
                await asyncio.wait([self._returning])


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal_session, "FIRST_PAUSE", 0.001)


async def test_a_token_that_cannot_be_had_now_is_asked_for_again() -> None:
    def tokens() -> Iterator[Any]:
        yield "first"
        yield OSError("the application's server restarts")
        yield KeyError("token")
        yield "second"

    given = tokens()

    def token() -> str:
        if isinstance(it := next(given), Exception):
            raise it
        return str(it)

    session = Session(*(Socket() for _ in range(4)))
    await session.connect()
    await session.join(token, {"room": "hall"})
    session.lose()
    await session.back()
    assert (session.state, session.ends, session.sockets) == ("joined", [], [])
    await session.close(1000, "")


async def test_a_token_that_never_comes_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal_session, "FETCHING", 0.01)
    silent: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    given: Iterator[Any] = iter(["first", silent, "third"])
    session = Session(*(Socket() for _ in range(3)))
    await session.connect()
    await session.join(lambda: next(given), {"room": "hall"})
    session.lose()
    await session.back()
    assert (session.state, session.ends, session.sockets) == ("joined", [], [])
    await session.close(1000, "")


async def test_whoever_joins_is_told_that_there_is_no_token() -> None:
    def token() -> str:
        raise OSError("nobody listens")

    session = Session(Socket())
    await session.connect()
    with pytest.raises(ClientError, match=r"nobody listens.*connection_failed"):
        await session.join(token, {"room": "hall"})
    await session.close(1000, "")


async def test_a_socket_lost_at_once_is_come_back_from_by_one_loop() -> None:
    class Lost(Socket):
        async def request(self, *args: Any, **fields: Any) -> Frame:
            answer = await super().request(*args, **fields)
            session.lose()
            return answer

    session = Session(Socket(), Lost(), Lost(), Socket())
    await session.connect()
    await session.join(None, {"room": "hall"})
    session.lose()
    await session.back()
    assert session.state == "joined"
    assert session.loops == [0, 1, 1, 1]
    await session.close(1000, "")


async def test_who_has_closed_is_not_let_in_any_more() -> None:
    session = Session(Socket())
    await session.connect()
    await session.close(1000, "")
    session._take({"type": "admitted"})
    assert (session.state, session.entered) == ("closed", [])


async def test_a_refused_ping_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal_session, "PING_EVERY", 0)
    socket = Socket("rate_limited", "overloaded", *["timeout"] * 100)
    session = Session(socket)
    await session.connect()
    async with asyncio.timeout(5):
        assert await socket.abandoned == 3
    await session.close(1000, "")


async def test_an_answer_that_comes_too_late_is_no_event() -> None:
    late = asyncio.Event()

    async def serving(socket: ServerConnection) -> None:
        await socket.recv()
        await late.wait()
        await socket.send('{"type": "ok", "id": 1}')
        await socket.send('{"type": "locked", "locked": true}')
        await socket.wait_closed()

    heard: asyncio.Queue[Frame] = asyncio.Queue()
    async with serve(serving, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        socket = await SignalSocket.open(
            f"ws://127.0.0.1:{port}", 5, heard.put_nowait, lambda *_: None
        )
        socket._patience = 0.01
        with pytest.raises(ClientError, match="timeout"):
            await socket.request("ping")
        late.set()
        async with asyncio.timeout(5):
            assert (await heard.get())["type"] == "locked"
        await socket.close()


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "[" * 100_000,
        "7",
        "[]",
        '{"id": []}',
        '{"no": "type"}',
        '{"id": 1, "type": "error"}',
        '{"id": 1, "type": "error", "code": "x", "message": "y", "self": 1}',
    ],
)
async def test_a_frame_that_cannot_be_read_is_a_lost_socket(frame: str) -> None:
    async def serving(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(frame)
        await socket.wait_closed()
        gone.set()

    def take(frame: Frame) -> None:
        assert frame["type"]

    gone = asyncio.Event()
    codes: list[int] = []
    async with serve(serving, "127.0.0.1", 0) as server, asyncio.timeout(5):
        port = next(iter(server.sockets)).getsockname()[1]
        socket = await SignalSocket.open(
            f"ws://127.0.0.1:{port}", 5, take, lambda _, code, reason: codes.append(code)
        )
        with pytest.raises(ClientError, match="connection_closed"):
            await socket.request("join")
        await gone.wait()
    assert codes == [1006]


def session_at(server: Server, ends: list[tuple[int, str]]) -> SignalSession:
    port = next(iter(server.sockets)).getsockname()[1]
    taken: list[str] = []
    return SignalSession(
        f"ws://127.0.0.1:{port}",
        lambda frame: taken.append(frame["type"]),
        lambda _: None,
        lambda code, reason: ends.append((code, reason)),
    )


@pytest.mark.parametrize("answers", [True, False])
async def test_what_cannot_be_read_again_and_again_is_the_end(answers: bool) -> None:
    """Whether it comes after the answer, or is the answer."""
    sockets: list[ServerConnection] = []

    async def serving(socket: ServerConnection) -> None:
        sockets.append(socket)
        frame = json.loads(await socket.recv())
        if answers or len(sockets) == 1:
            await socket.send(json.dumps({**ADMITTED, "id": frame["id"], "resume": "r"}))
        await socket.send('{"no": "type"}' if answers else "{")
        await socket.wait_closed()

    ends: list[tuple[int, str]] = []
    async with serve(serving, "127.0.0.1", 0) as server, asyncio.timeout(10):
        session = session_at(server, ends)
        await session.connect()
        await session.join(None, {})
        await until(lambda: bool(ends))
        assert len(sockets) == signal_session.UNREADABLE_SOCKETS
        assert session.state == "closed"
        ((code, reason),) = ends
        assert code == 1007
        assert "cannot be read" in reason
        with pytest.raises(ClientError, match="cannot be read"):
            await session.request("ping")
        await session.close(1000, "")


async def test_one_that_cannot_be_read_now_and_then_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal_session, "UNREADABLE_WITHIN", 0.0)
    sockets: list[ServerConnection] = []
    enough = 2 * signal_session.UNREADABLE_SOCKETS

    async def serving(socket: ServerConnection) -> None:
        sockets.append(socket)
        frame = json.loads(await socket.recv())
        await socket.send(json.dumps({**ADMITTED, "id": frame["id"], "resume": "r"}))
        if len(sockets) < enough:
            await socket.send("{")
        await socket.wait_closed()

    async with serve(serving, "127.0.0.1", 0) as server, asyncio.timeout(10):
        ends: list[tuple[int, str]] = []
        session = session_at(server, ends)
        await session.connect()
        await session.join(None, {})
        await until(lambda: len(sockets) == enough and session.state == "joined")
        assert not ends
        await session.close(1000, "")


async def test_a_socket_that_is_refused_for_now_is_asked_for_again() -> None:
    asked: list[str] = []

    def refuse(socket: ServerConnection, request: Request) -> Response | None:
        asked.append(request.path)
        if len(asked) in (1, 2, 4):
            response = socket.respond(429 if len(asked) == 1 else 503, "")
            response.headers["Retry-After"] = "0"
            return response
        return None

    async def serving(socket: ServerConnection) -> None:
        frame = json.loads(await socket.recv())
        await socket.send(json.dumps({**ADMITTED, "id": frame["id"], "resume": "r"}))
        await socket.wait_closed()

    async with (
        serve(serving, "127.0.0.1", 0, process_request=refuse) as server,
        asyncio.timeout(10),
    ):
        ends: list[tuple[int, str]] = []
        session = session_at(server, ends)
        await session.connect()
        assert len(asked) == 3
        await session.join(None, {})
        assert session._socket is not None
        session._socket.abandon()
        await until(lambda: len(asked) == 5 and session.state == "joined")
        assert not ends
        await session.close(1000, "")


async def test_a_server_that_stays_busy_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal_session, "OPENINGS", 3)
    statuses = [429, 503, 429, 429, 403]
    told: list[str] = []

    def refuse(socket: ServerConnection, _: Request) -> Response:
        response = socket.respond(statuses.pop(0), "")
        response.headers["Retry-After"] = "soon"  # which is no number, nor a date
        return response

    async def serving(_: ServerConnection) -> None:
        told.append("let in")

    async with (
        serve(serving, "127.0.0.1", 0, process_request=refuse) as server,
        asyncio.timeout(10),
    ):
        with pytest.raises(ClientError, match="rate_limited"):
            await session_at(server, []).connect()
        assert statuses == [429, 403]
        with pytest.raises(ClientError, match="connection_failed"):
            await session_at(server, []).connect()
    assert (statuses, told) == ([], [])


async def test_what_is_asked_while_a_socket_closes_waits_for_the_next_one() -> None:
    sockets: list[ServerConnection] = []

    async def serving(socket: ServerConnection) -> None:
        sockets.append(socket)
        async for text in socket:
            frame = json.loads(text)
            await socket.send(json.dumps({**ADMITTED, "id": frame["id"], "resume": "r"}))

    async with serve(serving, "127.0.0.1", 0) as server, asyncio.timeout(10):
        port = next(iter(server.sockets)).getsockname()[1]
        session = SignalSession(
            f"ws://127.0.0.1:{port}", lambda _: None, lambda _: None, lambda *_: None
        )
        await session.connect()
        await session.join(None, {})
        assert session._socket is not None
        closing = asyncio.create_task(session._socket._socket.close(3000))
        await asyncio.sleep(0)
        assert (session.state, closing.done()) == ("joined", False)
        assert (await session.request("set_status"))["type"] == "ok"
        assert len(sockets) == 2
        await closing
        await session.close(1000, "")
