"""The Python client comes back to a real server after lost sockets."""

import asyncio
from typing import Any

import pytest

from sfu.client import Client, TestPicture, signal_session
from sfu.client.signal_session import SignalSession
from sfu.client.signal_socket import SignalSocket
from sfu.signaling import door
from tests.sfu.client.company import first, joined, url
from tests.signaling.listening import listening
from tests.waiting import until


async def test_a_lost_socket_is_come_back_from() -> None:
    async with (
        listening() as (_, host),
        joined(host, "presenter") as ann,
        joined(host, "attendee") as ben,
    ):
        before = ann.participant and ann.participant["id"]
        back = first(ann, "resumed")
        missed = first(ann, "message")
        assert ann._session._socket is not None
        ann._session._socket.abandon()
        await ben.send_message("all", "chat", "while you were away")
        await ann.set_status("hand")  # waits for the next socket
        assert (await back)["resumed"]
        assert (await missed)["body"] == "while you were away"
        assert ann.participant is not None
        assert ann.participant["id"] == before
        assert ann.state == "joined"


async def test_an_answer_that_is_lost_on_the_way_back_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal_session, "FIRST_PAUSE", 0.01)
    take = SignalSocket._take
    lost: list[str] = []

    def lose(socket: SignalSocket, frame: dict[str, Any]) -> None:
        if frame.get("resumed") and len(lost) < 2:
            lost.append(frame["resume"])
            socket.abandon()
        else:
            take(socket, frame)

    async with (
        listening() as (_, host),
        joined(host, "presenter") as ann,
        joined(host, "attendee") as ben,
    ):
        before = ann.participant and ann.participant["id"]
        back, missed = first(ann, "resumed"), first(ann, "message")
        monkeypatch.setattr(SignalSocket, "_take", lose)
        assert ann._session._socket is not None
        ann._session._socket.abandon()
        await ben.send_message("all", "chat", "while you were away")
        assert (await back)["resumed"]
        assert (await missed)["body"] == "while you were away"
        assert len(lost) == 2
        assert (ann.participant or {})["id"] == before


@pytest.mark.parametrize("counts", [True, False])
async def test_nothing_comes_twice_to_who_has_waited(
    counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older servers did not count in `admitted`."""
    monkeypatch.setattr(door, "ROUND", 0.0)
    take = SignalSession._take
    if not counts:
        monkeypatch.setattr(
            SignalSession,
            "_take",
            lambda it, frame: take(it, frame | ({"events": 0} if "events" in frame else {})),
        )
    async with (
        listening() as (_, host),
        joined(host, "organizer") as ann,
        Client(url(host)) as cat,
        Client(url(host)) as ben,
    ):
        await ann.lock()
        await cat.join("hall", role="attendee")
        await ben.join("hall", role="attendee")
        await cat.leave()
        await ben.until(lambda room: room.queue and room.queue["position"] == 1)
        await ann.admit_all()
        await ben.until(lambda room: room.queue is None)
        events, heard = ben.events(), first(ben, "message")
        await ann.send_message("all", "chat", 1)
        await heard
        assert ben._session._socket is not None
        ben._session._socket.abandon()
        await ann.send_message("all", "chat", 2)
        bodies: list[object] = []
        async with asyncio.timeout(10):
            while 2 not in bodies:
                event = await anext(events)
                bodies += [event["body"]] if event["type"] == "message" else []
        assert bodies == [1, 2]


async def test_who_is_let_in_while_away_has_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the next time is one of coming back."""
    monkeypatch.setattr(signal_session, "FIRST_PAUSE", 0.01)
    async with (
        listening() as (_, host),
        joined(host, "organizer") as ann,
        Client(url(host)) as ben,
    ):
        await ann.lock()
        await ben.join("hall", role="attendee")
        events, admitted = ben.events(), asyncio.Event()
        open_socket = ben._session._open

        async def held(patience: float) -> SignalSocket:
            await admitted.wait()
            return await open_socket(patience)

        monkeypatch.setattr(ben._session, "_open", held)
        assert ben._session._socket is not None
        ben._session._socket.abandon()
        await until(lambda: ben.state == "resuming")
        await ann.admit_all()
        admitted.set()
        await ben.ping()
        ben._session._socket.abandon()
        told: list[str] = []
        async with asyncio.timeout(10):
            while "resumed" not in told:
                event = await anext(events)
                told += {event["type"]} & {"joined", "resumed"}
        assert told == ["joined", "resumed"]


async def test_who_waits_to_come_back_publishes_again_when_let_in() -> None:
    async with (
        listening() as (_, host),
        joined(host, "organizer") as ann,
        joined(host, "attendee") as ben,
    ):
        await ann.set_mode("meeting")
        await ben.until(lambda room: room.may_publish)
        await ben.publish(camera=TestPicture())
        await ben.view({"seat-0": "off", "seat-1": {"max_height": 180}}, pin=None)
        await ben.view({"seat-0": {"max_height": 360}}, layout="gallery")
        asked = note_requests(ben)
        await ann.lock()
        assert ben._session._socket is not None
        ben._session.resume = None  # as after a restart of the server
        ben._session._socket.abandon()
        await ann.until(lambda room: room.waiting_count == 1)
        await ann.admit(id := ann.waiting[0]["id"])
        await ann.until(lambda room: "camera" in room.participants.get(id, {}).get("sources", {}))
        assert ben.sources == ["camera"]
        await until(lambda: "view" in asked)
        assert asked["view"] == {
            "slots": {"seat-0": {"max_height": 360}, "seat-1": {"max_height": 180}},
            "layout": "gallery",
        }


def note_requests(client: Client) -> dict[str, dict[str, object]]:
    """The last request of each type, from now on."""
    asked: dict[str, dict[str, object]] = {}
    request = client._session.request

    async def noted(type: str, **fields: object) -> dict[str, Any]:
        asked[type] = fields
        return await request(type, **fields)

    client._session.request = noted  # type: ignore[method-assign]  # noted, and made all the same
    return asked
