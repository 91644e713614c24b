"""A person in a room, from Python."""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any, Literal, Self

from aiortc import MediaStreamTrack

from sfu.client.commands import Commands
from sfu.client.errors import ClientError
from sfu.client.publishing import Publishing
from sfu.client.receiving import Receiving, SlotTrack
from sfu.client.shapes import Frame, Kind, SlotView, SourceName, State
from sfu.client.signal_session import Entered, SignalSession, Token

_REPLACED = frozenset({"offer_replaced", "no_offer"})
"""Refusals of an answer after which another offer comes, where one is needed."""

PENDING_EVENTS = 1000
"""Events that one reader of `events()` may be behind; further ones end it."""


class Client(Commands):
    """One session in one room; the verbs are those of sfu-client.js.

    Use it as `async with Client(url) as client:`. A lost socket is no end: the client comes back by
    itself, for as long as it takes. Meanwhile `state` is `resuming`, media goes on, and requests
    wait. A closed client is not used again.
    """

    def __init__(self, url: str, *, tls: ssl.SSLContext | None = None) -> None:
        """`url` is of the server's `/v1/signal`, `ws:` or `wss:`; `tls` is for a certificate that
        this host does not trust by itself."""
        super().__init__()
        self._session = SignalSession(
            url, self._on_frame, self._on_entered, self._on_closed, tls=tls
        )
        self._publishing = Publishing(self._offer)
        self._receiving = Receiving()
        self._muted: set[SourceName] = set()
        self._wishes: dict[SourceName, object] = {}
        """Of each source, the last mute or unmute that was asked for."""
        self._looked: dict[str, Any] = {}
        """What was said to be looked at, for a session that begins anew; not the pin, as nobody has
        the same id again."""
        self._taken: set[SourceName] = set()
        """What the server has taken, and has not ended since."""
        self._inside = False
        """The room has let one in, ever."""
        self._anew = False
        """What was published has to be published again, once the waiting is over."""
        self._again: asyncio.Task[None] | None = None
        self._readers: set[asyncio.Queue[Frame | None]] = set()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed: Frame | None = None

    async def __aenter__(self) -> Self:
        await self._session.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._session.state

    @property
    def resume(self) -> str | None:
        """What takes the session up again, once, as in another process: see `join`."""
        return self._session.resume

    @property
    def sources(self) -> list[SourceName]:
        """What is published now."""
        return list(self._publishing.tracks)

    async def join(
        self,
        room: str,
        *,
        token: Token | None = None,
        password: str | None = None,
        name: str | None = None,
        role: str | None = None,
        tenant: str | None = None,
        resume: str | None = None,
    ) -> Frame:
        """Asks to be let in; gives `{status: "admitted" | "waiting", …}`. Raises ClientError.

        `token` is a join token, or a function that gets one: it is asked again when the client has
        to join anew. `role` works on a development server only. With status `waiting` a `joined`
        event follows when the wait is over.
        """
        fields: dict[str, object] = {
            "room": room, "password": password, "name": name, "role": role, "tenant": tenant,
            "resume": resume, "client": {"platform": "Python", "name": "sfu.client"},
        }  # fmt: skip
        return await self._session.join(token, fields)

    async def publish(
        self,
        *,
        codec: str = "vp8",
        camera: MediaStreamTrack | None = None,
        microphone: MediaStreamTrack | None = None,
        screen: MediaStreamTrack | None = None,
        screen_audio: MediaStreamTrack | None = None,
    ) -> None:
        """Publishes each track as the source it is given for, besides what is published already.
        A source that is published and muted stays muted with its new track.

        `codec` is that of pictures: vp8 or h264. Raises ClientError.
        """
        given: dict[SourceName, MediaStreamTrack | None] = {
            "camera": camera,
            "microphone": microphone,
            "screen": screen,
            "screen_audio": screen_audio,
        }
        tracks = {source: track for source, track in given.items() if track is not None}
        before = self.sources
        try:
            await self._publishing.add(tracks, codec, self._muted)
        except BaseException as error:
            # Of one that is broken off, or answered too late, the server may know all the same.
            late = not isinstance(error, ClientError) or error.code == "timeout"
            for source in tracks.keys() - set(self.sources):
                self._muted.discard(source)
                if source in self._taken or (late and source not in before):
                    self._taken.discard(source)
                    self._do(functools.partial(self._end, source))
            raise

    async def unpublish(self, source: SourceName) -> None:
        """Ends a source; its track is stopped."""
        self._drop(source)
        await self._end(source)

    async def mute(
        self, source: SourceName, muted: bool, *, participant: str | None = None
    ) -> None:
        """Mutes or unmutes an own source, or mutes that of somebody else (presenters only; nobody
        unmutes others). The server does not forward a muted source."""
        if self.participant is None or participant not in (None, self.participant["id"]):
            await self.request("mute", source=source, muted=muted, participant=participant)
            return
        # Silent at once; heard when the server agrees, if that is still wanted then.
        wish = self._wishes[source] = object()
        if muted:
            self._apply_mute(source, True)
        await self._publishing.settled()
        try:
            await self.request("mute", source=source, muted=muted)
        except ClientError:
            if source not in self.sources:
                self._muted.discard(source)
            raise
        if not muted and self._wishes.get(source) is wish:
            self._apply_mute(source, False)

    def track(self, slot: str, kind: Kind = "video") -> SlotTrack:
        """What a slot (`seat-0` and up, or `screen`) shows, or sounds: the same object for good."""
        return self._receiving.track(slot, kind)

    async def view(
        self,
        slots: Mapping[str, SlotView | Literal["off"]] | None = None,
        *,
        layout: Literal["gallery", "presenter"] | None = None,
        pin: str | None = "",
        auto_speaker: bool | None = None,
    ) -> None:
        """As `Commands.view`; it is said again after a restart of the server, but for the pin."""
        await super().view(slots, layout=layout, pin=pin, auto_speaker=auto_speaker)
        said = {"layout": layout, "auto_speaker": auto_speaker}
        self._looked |= {name: each for name, each in said.items() if each is not None}
        self._looked["slots"] = {**self._looked.get("slots", {}), **(slots or {})}

    def is_muted(self, source: SourceName) -> bool:
        """Whether an own source is muted, by whomever."""
        return source in self._muted

    async def request(self, type: str, **fields: object) -> Frame:
        """Any request of the protocol, for what has no method of its own. Raises ClientError."""
        return await self._session.request(type, **fields)

    def events(self) -> AsyncIterator[Frame]:
        """Every event from this call on, until the session is over.

        Events of the protocol have their `type`; own ones are `joined` (the snapshot: on join, or
        when the waiting is over), `resumed` (`{resumed, lost}`: back after a lost socket), `error`
        (`{code, message}`: something failed that no call is waiting for) and `closed` (`{code,
        reason}`), the last one. Who reads too slowly for too long is left behind: ClientError
        `overloaded`.
        """
        queue: asyncio.Queue[Frame | None] = asyncio.Queue(PENDING_EVENTS)
        if self._closed is not None:
            queue.put_nowait(self._closed)
        else:
            self._readers.add(queue)
        return self._read(queue)

    async def _read(self, queue: asyncio.Queue[Frame | None]) -> AsyncIterator[Frame]:
        try:
            while (event := await queue.get()) is not None:
                yield event
                if event["type"] == "closed":
                    return
            raise ClientError("overloaded", "events were read too slowly")
        finally:
            self._readers.discard(queue)

    async def until(self, holds: Callable[[Self], object], patience: float = 20.0) -> None:
        """Waits until something holds for what is known of the room, such as
        `lambda room: room.slots.get("screen")`. Raises ClientError `timeout`, or
        `connection_closed` when the session ends before."""
        try:
            async with asyncio.timeout(patience):
                while not holds(self):
                    if self._closed is not None:
                        raise ClientError("connection_closed", "the session is over")
                    await self._changed.wait()
        except TimeoutError:
            raise ClientError("timeout", "what was waited for has not come") from None

    async def leave(self) -> None:
        """Leaves the room, which goes on, and releases everything."""
        with contextlib.suppress(ClientError):  # gone is gone
            await self.request("leave")
        await self.close()

    async def close(self) -> None:
        """Releases everything. Without `leave` the server keeps the seat for a while."""
        await self._session.close(1000, "closed")
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for track in self._publishing.tracks.values():
            track.stop()
        await asyncio.gather(self._publishing.close(), self._receiving.close())

    def _on_frame(self, frame: Frame) -> None:
        self._follow(frame)
        match frame["type"]:
            case "offer":
                self._do(functools.partial(self._answer, frame))
            case "connection" if frame["connection"] == "receive":
                self._do(self._receiving.reset)  # the server makes a new offer
            case "connection":
                self._begin_again()
            case "muted":
                self._apply_mute(frame["source"], True)
            case "mode":
                self._drop_ended(self._taken if self.may_publish else ())
            case "participant":
                self._on_people(frame)
        self._tell(frame)

    def _on_entered(self, entered: Entered) -> None:
        answer = entered.answer
        self._begin(answer)
        servers = answer.get("ice_servers") or []
        self._publishing.ice_servers = self._receiving.ice_servers = servers
        if entered.anew:
            self._anew = True
            self._taken.clear()
            self._end_again()
            self._do(self._receiving.reset)
        if answer.get("status") != "waiting":
            # Who was let in while the socket was away comes in now.
            back, self._inside = entered.again and self._inside, True
            self._tell({**answer, "type": "resumed" if back else "joined"})
            if self._anew:
                self._anew = False
                self._begin_again()
                if self._looked:
                    self._do(self._look_again)
        self._notify()

    def _on_closed(self, code: int, reason: str) -> None:
        self._closed = {"type": "closed", "code": code, "reason": reason}
        self._end_again()
        self._tell(self._closed)

    async def _offer(self, sdp: str, sources: dict[str, SourceName]) -> str:
        def take(_: Frame) -> None:
            self._taken = set(sources.values())

        answer = await self._session.insist("publish", take, sdp=sdp, sources=sources)
        return str(answer["sdp"])

    async def _answer(self, offer: Frame) -> None:
        sdp = await self._receiving.accept(offer["sdp"], offer["slots"])
        if sdp is None:
            return
        number = offer.get("number")
        try:
            await self._session.persist(lambda: self._send_answer(sdp, number))
        except ClientError as error:
            if error.code not in _REPLACED:
                raise

    async def _send_answer(self, sdp: str, number: int | None) -> None:
        await self.request("answer", sdp=sdp, number=number)

    def _begin_again(self) -> None:
        self._taken.clear()
        self._end_again()
        self._again = self._do(self._publish_again)

    def _end_again(self) -> None:
        if self._again is not None:
            self._again.cancel()  # it may wait between two attempts

    async def _publish_again(self) -> None:
        try:
            await self._session.persist(lambda: self._publishing.again(self._muted))
        except Exception:
            for source in self.sources:
                self._drop(source)
            raise
        # It is silent already; this is for the server to know.
        for source in self.sources:
            await self._session.persist(functools.partial(self._mute_again, source))

    async def _mute_again(self, source: SourceName) -> None:
        if source in self._muted:
            await self.request("mute", source=source, muted=True)

    async def _end(self, source: SourceName) -> None:
        try:
            await self.request("unpublish", source=source)
        except ClientError as error:
            if error.code != "not_published":  # the server has ended it by itself
                raise

    async def _look_again(self) -> None:
        slots = {each: seen for each, seen in self._looked["slots"].items() if each in self.slots}
        await self.request("view", **{**self._looked, "slots": slots})

    def _apply_mute(self, source: SourceName, muted: bool) -> None:
        if muted:
            self._muted.add(source)
        else:
            self._muted.discard(source)
        self._publishing.mute(source, muted)

    def _drop(self, source: SourceName) -> None:
        self._taken.discard(source)
        self._muted.discard(source)
        if (track := self._publishing.remove(source)) is not None:
            track.stop()

    def _on_people(self, frame: Frame) -> None:
        people = [*(frame.get("joined") or []), *(frame.get("updated") or [])]
        own = self.participant
        if own is not None and any(each["id"] == own["id"] for each in people):
            self._drop_ended((own.get("sources") or {}) if self.may_publish else ())

    def _drop_ended(self, published: Collection[str]) -> None:
        """Lets go of what the server has ended by itself, with a seat, a mode, a block. What it
        has not taken yet it has not ended."""
        for source in self._taken.difference(published):
            self._drop(source)

    def _do(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _done(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # whatever aiortc raises is told, too
            if self._closed is None:
                code = error.code if isinstance(error, ClientError) else "failed"
                self._tell({"type": "error", "code": code, "message": str(error)})

    def _tell(self, event: Frame) -> None:
        for queue in list(self._readers):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self._readers.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
        self._notify()

    def _notify(self) -> None:
        """Wakes who waits in `until`."""
        self._changed.set()
        self._changed = asyncio.Event()
