"""What a guest of the chaos does when things overlap, without a server."""

import asyncio
from typing import Any

import pytest

from sfu.bench.chaos.guest import Guest, Place
from sfu.bench.clients import Signaling
from sfu.bench.description import Credentials, Remote, publish_offer


class Endpoints:
    """Remembers under which credentials each endpoint looks for its path, the last ones."""

    fingerprint = "sha-256 AA"

    def __init__(self) -> None:
        self.engine = self
        self.asked: tuple[str, str] = ("", "")
        self.removed: list[int] = []

    def add_attendee(self, *, verify: bool) -> int:
        return 0 if not verify else 1

    def remove(self, endpoint: int) -> None:
        self.removed.append(endpoint)

    def connect(self, *told: Any) -> Any:
        if isinstance(told[-1], Remote):  # with a handshake: name, endpoint, ours, theirs
            _, _, ours, theirs = told
            self.asked = f"{theirs.credentials.ufrag}:{ours.ufrag}", theirs.credentials.pwd
            return asyncio.sleep(0)
        self.asked = told[3], told[4]
        return None


class Line:
    """Answers the first request late, all others at once."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.late = asyncio.Event()
        self.requests = 0

    async def request(self, type: str, **fields: Any) -> dict[str, Any]:
        self.requests += 1
        if self.requests == 1:
            await self.late.wait()
        return {}


def offer(ufrag: str) -> str:
    sdp = publish_offer(Credentials(ufrag, f"password of {ufrag}"), "sha-256 AA", 1, 5)
    return sdp + "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n"


async def test_a_restart_that_overtakes_the_first_answer_counts() -> None:
    endpoints, line = Endpoints(), Line()
    place = Place("", "r", endpoints, 1.0)  # type: ignore[arg-type]  # what a guest uses of them
    guest = Guest(place, "g")
    guest._line = line  # type: ignore[assignment]  # likewise
    await guest._on_offer(offer("first"), 1)
    half = guest.receiving
    assert half is not None
    assert half.work is not None
    await asyncio.sleep(0)
    await guest._on_offer(offer("second"), 2)
    line.late.set()
    await half.work
    assert place.faults == []
    assert line.requests == 2
    assert endpoints.asked == (f"second:{half.ours.ufrag}", "password")


async def test_an_offer_for_another_connection_takes_the_place_of_one_that_came_to_nothing() -> (
    None
):
    endpoints, line = Endpoints(), Line()
    place = Place("", "r", endpoints, 1.0)  # type: ignore[arg-type]  # what a guest uses of them
    guest = Guest(place, "g")
    guest._line = line  # type: ignore[assignment]  # likewise
    await guest._on_offer(offer("first"), 1)
    lost = guest.receiving
    await asyncio.sleep(0)
    await guest._on_offer(offer("second").replace("o=- 1 ", "o=- 2 "), 2)
    assert guest.receiving is not lost
    assert guest.receiving is not None
    assert guest.receiving.work is not None
    await guest.receiving.work
    assert endpoints.removed == [0]
    assert place.faults == []
    assert endpoints.asked == (f"second:{guest.receiving.ours.ufrag}", "password")


class Socket:
    """Takes everything, and says nothing."""

    async def send(self, frame: str) -> None:
        """To nobody."""

    async def close(self) -> None:
        """It was never open."""

    def __aiter__(self) -> "Socket":
        return self

    async def __anext__(self) -> str:
        await asyncio.Event().wait()
        raise StopAsyncIteration


async def test_who_gives_up_as_the_answer_comes_does_not_go_on() -> None:
    signaling = Signaling("g", Socket())  # type: ignore[arg-type]  # what it uses of one
    asking = asyncio.create_task(signaling.request("answer"))
    await asyncio.sleep(0)
    signaling._take({"type": "ok", "id": 1})
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await signaling.close()
