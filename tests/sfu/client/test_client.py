"""The Python client against a real server: verbs and events."""

import asyncio
import subprocess
import sys

import pytest
from av import AudioFrame

from sfu.client import Client, ClientError, TestPicture, Tone, signal_session
from sfu.client import client as client_module
from sfu.client.shapes import SourceName
from tests.sfu.client.company import first, joined, url
from tests.signaling.listening import listening, settings
from tests.waiting import until


async def test_a_seat_is_granted_and_taken() -> None:
    async with (
        listening() as (_, host),
        joined(host, "organizer") as ann,
        joined(host, "attendee") as ben,
    ):
        assert not ben.may_publish
        with pytest.raises(ClientError) as refused:
            await ben.grant_seat(ben.participant["id"] if ben.participant else "")
        assert refused.value.code == "not_allowed"
        await ben.raise_hand()
        await ann.until(lambda room: any(each.get("status") for each in room.participants.values()))
        (hand,) = [each for each in ann.participants.values() if each.get("status") == "hand"]
        await ann.grant_seat(hand["id"])
        await ben.until(lambda room: room.may_publish)
        picture = TestPicture()
        await ben.publish(camera=picture)
        await ann.until(lambda room: (room.slots.get(ben.seat or "") or {}).get("camera"))
        await ann.revoke_seat(hand["id"])
        await ben.until(lambda room: not room.may_publish)
        assert ben.sources == []
        assert picture.readyState == "ended"


async def test_sources_come_and_go_on_one_connection() -> None:
    async with (
        listening() as (_, host),
        joined(host, "presenter") as ann,
        joined(host, "attendee") as ben,
    ):
        seat = ann.seat or ""
        await ann.publish(camera=TestPicture())
        connection = ann._publishing.connection
        async with asyncio.timeout(20):
            await ben.track(seat).recv()
        await ann.unpublish("camera")
        await ben.until(lambda room: not (room.slots[seat] or {}).get("camera"))
        await ann.publish(camera=TestPicture(), screen=TestPicture())
        await ben.until(lambda room: (room.slots["screen"] or {}).get("screen"))
        async with asyncio.timeout(20):
            await ben.track("screen").recv()
            track = ben.track(seat)
            track._frames.clear()
            await track.recv()  # of the camera that is there again
        assert ann._publishing.connection is connection
        with pytest.raises(ClientError, match="codec_unsupported"):
            await ann.publish(codec="vp7", camera=TestPicture())


async def test_a_source_that_the_server_ends_is_let_go_alone() -> None:
    async with (
        listening() as (_, host),
        joined(host, "organizer") as ann,
        joined(host, "presenter") as bot,
    ):
        picture, tone = TestPicture(), Tone()
        await bot.publish(camera=picture, microphone=tone)
        await ann.allow(id := (bot.participant or {})["id"], ["microphone"])
        await bot.until(lambda room: room.sources == ["microphone"])
        assert (picture.readyState, tone.readyState) == ("ended", "live")
        # What goes on can be published anew; before, the camera was offered with it.
        await bot.publish(microphone=Tone())
        await ann.until(
            lambda room: list(room.participants.get(id, {}).get("sources", {})) == ["microphone"]
        )
        assert bot.sources == ["microphone"]


async def test_what_the_server_has_not_taken_yet_it_has_not_ended() -> None:
    async with listening() as (_, host), joined(host, "presenter") as bot:
        await bot.publish(microphone=Tone())
        exchange = bot._publishing._exchange
        own = bot.participant or {}
        update = {"type": "participant", "updated": [{**own, "sources": {"microphone": {}}}]}

        async def meanwhile(sdp: str, sources: dict[str, SourceName]) -> str:
            bot._on_frame(update)
            return await exchange(sdp, sources)

        bot._publishing._exchange = meanwhile
        await bot.publish(camera=TestPicture())
        assert bot.sources == ["microphone", "camera"]
        # Nor has it where the connection was lost.
        bot._on_frame({"type": "connection", "connection": "publish"})
        bot._on_frame({**update, "updated": [{**own, "sources": {}}]})
        assert bot.sources == ["microphone", "camera"]


async def test_what_is_refused_in_place_of_another_is_over_on_both_sides() -> None:
    async with (
        listening() as (_, host),
        joined(host, "organizer") as ann,
        joined(host, "presenter") as bot,
    ):
        id = (bot.participant or {})["id"]

        def there(room: Client) -> bool:
            return "camera" in (room.participants.get(id, {}).get("sources") or {})

        await bot.publish(camera=TestPicture())
        await ann.until(there)
        exchange = bot._publishing._exchange

        async def refused(sdp: str, sources: dict[str, SourceName]) -> str:
            raise ClientError("rate_limited", "too many requests")

        bot._publishing._exchange = refused
        with pytest.raises(ClientError, match="rate_limited"):
            await bot.publish(camera=TestPicture())
        await ann.until(lambda room: not there(room))

        async def broken_off(sdp: str, sources: dict[str, SourceName]) -> str:
            await exchange(sdp, sources)
            raise asyncio.CancelledError

        bot._publishing._exchange = broken_off
        with pytest.raises(asyncio.CancelledError):
            await bot.publish(camera=TestPicture())
        await ann.until(lambda room: not there(room))
        assert (bot.sources, bot._taken) == ([], set())
        # What is not there any more is ended all the same.
        await bot.unpublish("camera")


async def test_a_source_is_silent_at_once_whatever_the_server_is_doing() -> None:
    async with listening() as (_, host), joined(host, "presenter") as bot:
        publishing = asyncio.create_task(bot.publish(microphone=Tone()))
        await asyncio.sleep(0)
        muting = asyncio.create_task(bot.mute("microphone", True))
        await asyncio.gather(publishing, muting)  # the server had it by then
        assert bot.is_muted("microphone")
        assert bot._publishing._used["microphone"].feed._pump is None
        unmuting = asyncio.create_task(bot.mute("microphone", False))
        await asyncio.sleep(0)
        again = asyncio.create_task(bot.mute("microphone", True))
        await asyncio.sleep(0)
        assert bot.is_muted("microphone")
        await asyncio.gather(unmuting, again)
        assert bot.is_muted("microphone")
        with pytest.raises(ClientError, match="not_published"):
            await bot.mute("camera", True)
        assert not bot.is_muted("camera")


async def test_a_track_that_fails_is_told(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Tone):
        async def recv(self) -> AudioFrame:
            raise ValueError("no such sound")

    async with listening() as (_, host), joined(host, "presenter") as bot:
        await bot.publish(microphone=Broken())
        await until(lambda: "no such sound" in caplog.text)


async def test_messages_reach_every_reader_of_events() -> None:
    async with (
        listening() as (_, host),
        joined(host, "presenter") as ann,
        joined(host, "attendee") as ben,
    ):
        readers = [first(ann, "message") for _ in range(2)]
        await ben.send_message("all", "chat", {"text": "hello"})
        for each in await asyncio.gather(*readers):
            assert each["body"] == {"text": "hello"}


async def test_who_reads_events_too_slowly_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PENDING_EVENTS", 2)
    client = Client("ws://nobody.invalid")
    events = client.events()
    for number in range(4):
        client._tell({"type": str(number)})
    assert (await anext(events))["type"] == "1"
    with pytest.raises(ClientError, match="overloaded"):
        await anext(events)


async def test_who_waits_is_let_in_and_the_end_is_told() -> None:
    async with listening() as (_, host), joined(host, "organizer") as ann:
        await ann.lock()
        async with Client(url(host)) as ben:
            inside = first(ben, "joined")
            answer = await ben.join("hall", role="attendee")
            assert (answer["status"], ben.state) == ("waiting", "waiting")
            await ann.until(lambda room: room.waiting_count == 1)
            await ann.admit(ann.waiting[0]["id"])
            await inside
            over = first(ben, "closed")
            await ann.end()
            assert (await over)["code"] == 4004
            with pytest.raises(ClientError, match="connection_closed"):
                await ben.ping()


async def test_what_is_refused_for_a_while_is_published_again_and_stays_muted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal_session, "FIRST_PAUSE", 0.01)
    async with (
        listening() as (_, host),
        joined(host, "presenter") as ann,
        joined(host, "attendee") as ben,
    ):
        track = ben.track(ann.seat or "")
        await ann.publish(camera=TestPicture())
        async with asyncio.timeout(20):
            await track.recv()
        await ann.mute("camera", True)
        refusals = ["overloaded", "rate_limited", "timeout"]
        fed = []

        async def exchange(sdp: str, sources: dict[str, SourceName]) -> str:
            fed.append(ann._publishing._used["camera"].feed._pump is not None)
            if refusals:
                raise ClientError(refusals.pop(0), "not now", retry_after=0.02)
            return await ann._offer(sdp, sources)

        ann._publishing._exchange = exchange
        assert ann._publishing.connection is not None
        await ann._publishing.connection.close()
        await ann.until(lambda room: room._again)  # the server has seen it
        await asyncio.gather(*ann._tasks)
        assert fed == [False] * 4
        own = ann.participant or {}
        await ann.until(
            lambda room: room.participants[own["id"]]["sources"] == {"camera": {"muted": True}}
        )
        await ann.publish(camera=TestPicture())
        assert ann.is_muted("camera")
        assert fed == [False] * 5
        track._frames.clear()
        await ann.mute("camera", False)
        async with asyncio.timeout(20):
            await track.recv()


async def test_what_is_refused_for_good_ends() -> None:
    async with listening() as (_, host), joined(host, "presenter") as ann:
        picture = TestPicture()
        await ann.publish(camera=picture)

        async def refuse(sdp: str, sources: dict[str, SourceName]) -> str:
            raise ClientError("no_seat", "not any more")

        ann._publishing._exchange = refuse
        told = first(ann, "error")
        ann._on_frame({"type": "connection", "connection": "publish"})
        assert (await told)["code"] == "no_seat"
        assert (ann.sources, picture.readyState) == ([], "ended")


async def test_closing_does_not_wait_for_what_is_refused_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal_session, "FIRST_PAUSE", 3600)
    async with listening() as (_, host), joined(host, "presenter") as ann:
        await ann.publish(camera=TestPicture())
        refused = asyncio.Event()

        async def refuse(sdp: str, sources: dict[str, SourceName]) -> str:
            refused.set()
            raise ClientError("overloaded", "not now")

        ann._publishing._exchange = refuse
        ann._on_frame({"type": "connection", "connection": "publish"})
        async with asyncio.timeout(10):
            await refused.wait()
            assert ann.sources == ["camera"]
            await ann.close()


async def test_where_nobody_listens() -> None:
    with pytest.raises(ClientError, match="connection_failed"):
        async with Client("ws://127.0.0.1:9/v1/signal"):
            pass


async def test_a_token_may_be_fetched() -> None:
    async def fetch() -> str:
        return "no token"

    async with listening(settings()) as (_, host), Client(url(host)) as client:
        with pytest.raises(ClientError, match="invalid_token"):
            await client.join("hall", token=fetch)


def test_without_aiortc_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['aiortc'] = None; import sfu.client"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'open-sfu[client]'" in done.stderr.splitlines()[-1]
