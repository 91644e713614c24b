"""Frames through a real socket."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from sfu.room import Options
from tests.signaling.listening import ask, listening, settings
from tests.waiting import until

SFU = [Subprotocol("sfu.v1")]


def connect(host: str, **options: Any) -> open_socket:
    return open_socket(f"ws://{host}/v1/signal", **{"subprotocols": SFU, **options})


BIG = json.dumps({"type": "padding", "text": "x" * 50_000})


async def closed(socket: Any) -> tuple[int, str]:
    """The close code, after whatever still comes."""
    async with asyncio.timeout(10):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code, socket.close_reason


async def test_a_session_over_a_socket() -> None:
    async with listening() as (server, host):
        async with connect(host) as socket:
            assert socket.subprotocol == "sfu.v1"
            joined = await ask(socket, "join", room="hall", role="presenter", name="Ann")
            assert joined["status"] == "admitted"
            offer = json.loads(await socket.recv())
            assert offer["type"] == "offer"
            assert (await ask(socket, "ping"))["type"] == "ok"
            await socket.send(b"\x00binary")
            async with asyncio.timeout(10):
                # The server may have something to say meanwhile.
                while (frame := json.loads(await socket.recv()))["type"] != "error":
                    pass
            assert frame["code"] == "bad_request"
            assert (await ask(socket, "leave"))["type"] == "ok"
            assert (await closed(socket))[0] == 1000
        live = server.rooms.find("dev", "hall")
        assert live is not None
        assert not live.room.participants


async def test_who_does_not_come_back_in_time_has_left() -> None:
    async with listening(settings(SFU_LIMITS__RESUME_TIMEOUT="0.2")) as (server, host):
        socket = await connect(host)
        await ask(socket, "join", room="hall")
        live = server.rooms.find("dev", "hall")
        assert live is not None
        assert len(live.room.participants) == 1
        socket.transport.abort()
        await until(lambda: not live.room.participants)


async def test_a_session_goes_on_over_another_socket() -> None:
    async with listening(settings(SFU_LIMITS__RESUME_TIMEOUT="5s")) as (server, host):
        first = await connect(host)
        joined = await ask(first, "join", room="hall", role="presenter", name="Ann")
        offer = json.loads(await first.recv())
        first.transport.abort()
        live = server.rooms.find("dev", "hall")
        assert live is not None
        await until(lambda: server._daemon.sockets.absentees() == 1)
        assert list(live.room.participants) == [joined["participant"]["id"]]
        async with connect(host) as second:
            resumed = await ask(second, "join", room="hall", resume=joined["resume"], received=1)
            assert (resumed["resumed"], resumed["participant"]["seat"]) == (True, 1)
            # It had not answered: the same connection is offered again.
            again = json.loads(await second.recv())
            while again["type"] != "offer":
                again = json.loads(await second.recv())
            assert again["slots"] == offer["slots"]
            assert server._daemon.sockets.absentees() == 0
            # The former socket need not be known to be gone.
            third = await connect(host)
            await ask(third, "join", room="hall", resume=resumed["resume"])
            assert (await closed(second))[0] == 4005
            assert list(live.room.participants) == [joined["participant"]["id"]]
            await third.close()


async def test_a_page_that_is_left_is_not_waited_for() -> None:
    async with listening() as (server, host):
        socket = await connect(host)
        joined = await ask(socket, "join", room="hall")
        await socket.close(1001)
        live = server.rooms.find("dev", "hall")
        assert live is not None
        await until(lambda: not live.room.participants)
        async with connect(host) as again:
            answer = await ask(again, "join", room="hall", resume=joined["resume"])
            assert answer["code"] == "cannot_resume"


async def test_no_subprotocol_is_fine_another_one_is_not() -> None:
    async with listening() as (_, host):
        async with connect(host, subprotocols=None) as socket:
            assert socket.subprotocol is None
            assert (await ask(socket, "ping"))["type"] == "ok"
        with pytest.raises(InvalidHandshake):
            await connect(host, subprotocols=[Subprotocol("chat")])


async def test_who_does_not_join_is_closed() -> None:
    async with (
        listening(settings(SFU_LIMITS__JOIN_TIMEOUT="0.3")) as (_, host),
        connect(host) as lurker,
        connect(host) as member,
    ):
        await ask(member, "join", room="hall")
        assert (await closed(lurker))[0] == 4408
        assert (await ask(member, "ping"))["type"] == "ok"


async def test_nor_may_who_was_being_checked_at_that_moment_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A password may be checked for longer than there is to join."""
    async with (
        listening(settings(SFU_LIMITS__JOIN_TIMEOUT="0.2")) as (server, host),
        connect(host) as guesser,
        connect(host) as lurker,
        connect(host) as member,
    ):
        server.rooms.create("dev", "hall", Options(access="password", password="$"))
        verdicts: list[Callable[[bool], None]] = []
        monkeypatch.setattr(
            server._daemon.admission.passwords, "check", lambda *asked: verdicts.append(asked[-1])
        )
        for socket in (guesser, member):
            await socket.send(
                json.dumps({"type": "join", "id": 1, "room": "hall", "password": "guess"})
            )
        await until(lambda: len(verdicts) == 2)
        assert (await closed(lurker))[0] == 4408
        for verdict, right in zip(verdicts, (False, True), strict=True):
            verdict(right)
        assert json.loads(await guesser.recv())["code"] == "wrong_password"
        assert (await closed(guesser))[0] == 4408
        assert json.loads(await member.recv())["status"] == "admitted"
        assert (await ask(member, "ping"))["type"] == "ok"


async def test_malformed_frames_close_with_1008() -> None:
    async with listening() as (_, host), connect(host) as socket:
        for _ in range(100):
            await socket.send("rubbish")
        assert (await closed(socket))[0] == 1008


async def test_a_frame_that_is_too_big_closes_with_1009() -> None:
    small = settings(SFU_LIMITS__FRAME_BYTES="8192", SFU_LIMITS__SDP_BYTES="4096")
    async with listening(small) as (_, host), connect(host) as socket:
        await socket.send('{"type":"ping","id":"' + "x" * 10_000 + '"}')
        assert (await closed(socket))[0] == 1009


async def test_sockets_are_bounded() -> None:
    async with (
        listening(settings(SFU_LIMITS__SOCKETS="2")) as (_, host),
        connect(host) as one,
        connect(host),
    ):
        with pytest.raises(InvalidHandshake):
            await connect(host)
        await one.close()
        async with asyncio.timeout(5):
            while True:
                try:
                    async with connect(host) as again:
                        assert (await ask(again, "ping"))["type"] == "ok"
                    break
                except InvalidHandshake:
                    await asyncio.sleep(0.01)


async def test_a_tenant_has_no_more_people_than_its_own() -> None:
    config = settings(SFU_TENANTS__DEV__MAX_PARTICIPANTS="2")
    async with listening(config) as (server, host):
        first, second, late = [await connect(host) for _ in range(3)]
        for room, socket in (("hall", first), ("lobby", second)):
            assert (await ask(socket, "join", room=room))["status"] == "admitted"
        refused = await ask(late, "join", room="hall")
        assert (refused["code"], refused["retry_after"]) == ("overloaded", 5.0)
        # A socket that is lost keeps the place; one that leaves gives it to whoever asks next.
        await first.close(1011)
        assert (await ask(late, "join", room="hall"))["code"] == "overloaded"
        await ask(second, "leave")
        assert (await ask(late, "join", room="hall"))["status"] == "admitted"
        assert server.rooms.crowds.people == {"dev": 2}
        dev = config.tenants["dev"].model_copy(update={"max_participants": 3})
        server._daemon.configure(config.model_copy(update={"tenants": {"dev": dev}}))
        async with connect(host) as another:
            assert (await ask(another, "join", room="hall"))["status"] == "admitted"


async def test_a_slow_reader_is_dropped_and_the_others_go_on() -> None:
    few = settings(SFU_LIMITS__PENDING_FRAMES="16", SFU_LIMITS__RESUME_TIMEOUT="0s")
    async with listening(few) as (server, host):
        slow = await connect(host, max_queue=1)
        await ask(slow, "join", room="hall")
        slow.transport.pause_reading()
        async with connect(host) as quick:
            await ask(quick, "join", room="hall")
            live = server.rooms.find("dev", "hall")
            assert live is not None
            async with asyncio.timeout(20):
                while len(live.room.participants) == 2:
                    # What the kernel does not take any more waits, until there is too much of it.
                    for participant in list(live.room.participants):
                        live.audience._clients[participant].push(BIG)  # type: ignore[attr-defined]
                    await asyncio.sleep(0.005)
                    while True:
                        try:
                            await asyncio.wait_for(quick.recv(), 0.001)
                        except TimeoutError:
                            break
            assert (await ask(quick, "ping"))["type"] == "ok"
        slow.transport.abort()


class Ledger:
    """A journal whose writing is in the test's hands."""

    def __init__(self) -> None:
        self.written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def record(self, room: object, changes: object) -> None:
        """Nothing is kept."""

    def renew(self, participant: object) -> None:
        """Nothing is kept."""

    def interrupted(self, resume: str) -> None:
        """Nothing was kept."""


async def test_a_join_is_durable_before_its_ok() -> None:
    async with listening() as (server, host), connect(host) as socket:
        ledger = Ledger()
        server.rooms.journal = ledger
        await socket.send('{"type":"join","id":1,"room":"hall"}')
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.3)
        ledger.written.set_result(None)
        assert json.loads(await socket.recv())["type"] == "ok"
        server.rooms.journal = None


async def test_a_join_that_cannot_be_kept_is_none() -> None:
    async with listening(settings(SFU_LIMITS__RESUME_TIMEOUT="0s")) as (server, host):
        ledger = Ledger()
        server.rooms.journal = ledger
        socket, other = await connect(host), await connect(host)
        for each in (socket, other):
            await each.send('{"type":"join","id":1,"room":"hall"}')
        await asyncio.sleep(0.1)
        # A socket that goes takes nothing from who waits for the same.
        other.transport.abort()
        await asyncio.sleep(0.1)
        assert not ledger.written.cancelled()
        ledger.written.set_exception(OSError("disk full"))
        assert (await closed(socket))[0] == 1011
        live = server.rooms.find("dev", "hall")
        assert live is not None
        await until(lambda: not live.room.participants)
        server.rooms.journal = None
