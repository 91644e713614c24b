"""Offers that overtake each other, and what the Python client makes of them."""

import asyncio
from typing import Any

import pytest
from aiortc import InvalidStateError, RTCSessionDescription
from aiortc.mediastreams import VideoStreamTrack

from sfu.client import receiving as module
from sfu.client.receiving import Receiving

SLOTS = {"v0": "seat-0"}


class Connection:
    """Takes its time for everything, as those of aiortc do."""

    def __init__(self, configuration: Any) -> None:
        self.mid, self.kind, self.receiver = "v0", "video", self
        self.track = VideoStreamTrack()
        self.remote = self.sdp = ""
        self.closed_while_busy = False
        self._busy = self._closed = False

    async def _later(self) -> None:
        self._busy = True
        await asyncio.sleep(0)
        self._busy = False
        if self._closed:
            raise InvalidStateError

    async def setRemoteDescription(self, offer: RTCSessionDescription) -> None:
        await self._later()
        self.remote = offer.sdp

    async def createAnswer(self) -> str:
        await self._later()
        return f"to {self.remote}"

    async def setLocalDescription(self, answer: str) -> None:
        await self._later()
        self.sdp = answer

    @property
    def localDescription(self) -> "Connection":
        return self

    def getTransceivers(self) -> list["Connection"]:
        return [self]

    async def close(self) -> None:
        self.closed_while_busy |= self._busy
        self._closed = True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """The connections that there have been."""
    made: list[Connection] = []

    def make(configuration: Any) -> Connection:
        made.append(Connection(configuration))
        return made[-1]

    monkeypatch.setattr(module, "RTCPeerConnection", make)
    return made


def offer(session: int, version: int = 0) -> str:
    return f"v=0\r\no=- {session} {version} IN IP4 127.0.0.1\r\n"


def source(receiving: Receiving) -> Any:
    """Whose frames the slot shows."""
    pump = receiving.track("seat-0", "video")._pump
    assert pump is not None
    frame = pump.get_coro().cr_frame  # type: ignore[union-attr]  # it is a coroutine, and waits
    return frame.f_locals["source"]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("steps", range(4))
async def test_the_offer_after_a_lost_connection_is_answered(
    made: list[Connection], steps: int, told: bool
) -> None:
    receiving = Receiving()
    overtaken = asyncio.create_task(receiving.accept(offer(1), SLOTS))
    await asyncio.sleep(0)
    for _ in range(steps):
        await asyncio.sleep(0)
    resetting = []
    if told:
        resetting.append(asyncio.create_task(receiving.reset()))
        await asyncio.sleep(0)
    answer = await receiving.accept(offer(2), SLOTS)
    # Once it is given there is no taking it back; the server does not take it then.
    assert await overtaken == (f"to {offer(1)}" if steps + told >= 3 else None)
    await asyncio.gather(*resetting)
    assert answer == f"to {offer(2)}"
    current: object = receiving.connection
    assert current is made[1]
    assert source(receiving) is made[1].track
    await receiving.close()
    # One that closes while it gathers candidates leaves sockets open.
    assert [each.closed_while_busy for each in made] == [False, False]
    assert all(each._closed for each in made)


async def test_offers_of_one_connection_are_taken_one_after_the_other(
    made: list[Connection],
) -> None:
    receiving = Receiving()
    answers = await asyncio.gather(*(receiving.accept(offer(1, each), SLOTS) for each in range(3)))
    assert answers == [f"to {offer(1, each)}" for each in range(3)]
    assert len(made) == 1
    await receiving.close()


async def test_what_waits_for_its_turn_on_a_lost_connection_is_not_answered(
    made: list[Connection],
) -> None:
    receiving = Receiving()
    waiting = [asyncio.create_task(receiving.accept(offer(1, each), SLOTS)) for each in range(3)]
    await asyncio.sleep(0)
    await receiving.reset()
    assert await asyncio.gather(*waiting) == [None, None, None]
    assert len(made) == 1
    await receiving.close()
