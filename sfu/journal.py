"""The wiring between the rooms and the store: what changes is kept, counted and announced.

All that one command changes goes to the store as one commit: the room, the
decisions, the stays and the webhooks together, or nothing of it. Nobody is waited
for in `record`; who must not go on before it is durable awaits `durable`.

After a start, `load` brings the rooms back, and closes or keeps open the stays
that were cut off (`sfu.usage`).
"""

import asyncio
import contextlib
import math
import secrets
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from typing import Final

import structlog

from sfu import decisions, event_log
from sfu.accounts import Account
from sfu.announcements import Announcement, announcement, lost
from sfu.clock import Steps
from sfu.events import (
    Change,
    LockChanged,
    ModeChanged,
    OrderGiven,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomConfigured,
    RoomEnded,
    RoomOpened,
    RoomStarted,
)
from sfu.kept import Kept, document, make_event, make_stay, restore, resumption
from sfu.options import State
from sfu.participant import Participant, Role
from sfu.room import Room
from sfu.rooms import Rooms
from sfu.store import Store, StoreError
from sfu.store.records import DAY, Stay
from sfu.store.writes import (
    CloseStay,
    Enqueue,
    Prune,
    RemoveRoom,
    RevokeToken,
    SaveRoom,
    Write,
)
from sfu.usage import HEARTBEAT, Attendance

PATIENCE: Final = 10.0
SETTLING: Final = 1.0
"""Seconds that a usage record waits for the last word on its stay's connections."""
PRUNE: Final = 3600.0
PUT_OFF: Final = 2 * PRUNE
"""Seconds without pruning after the clock was set: webhooks are given up before."""
REVOKED_FOR: Final = 10 * 366 * 86_400.0
"""A revoked token's own end is not known, so it is barred for longer than any is valid."""

SAVED: Final = (RoomOpened, RoomStarted, RoomEnded, RoomConfigured, LockChanged, ModeChanged)
"""Changes of a room itself, which make a new version of it."""

log = structlog.get_logger()


class Journal:
    """Follows every room of `rooms`; `announced` are the tenants that get webhooks."""

    def __init__(
        self, store: Store, rooms: Rooms, announced: Container[str], *, dev: bool = False
    ) -> None:
        self.store = store
        self.written: asyncio.Future[None] | None = None
        """Done when all that was recorded so far is durable; failed when it could not be kept."""
        self.on_news: Callable[[], None] = _nothing
        """Called when there are new webhooks in the outbox."""
        self._rooms = rooms
        self._announced = announced
        self._dev = dev
        self._attendance = Attendance(announced)
        self._kept: dict[tuple[str, str], Kept] = {}
        self._absent: dict[tuple[str, str, str], str] = {}
        """The stays that were cut off, by tenant, room and identity."""
        self._resumable: dict[str, str] = {}
        """The same by what they go on with; some may be over."""
        self._gathered: list[Write] | None = None
        self._leaving: dict[str, tuple[float, Account]] = {}
        """Whose totals are still to come, by when, in that order."""
        self._settled = asyncio.Event()
        self._settled.set()
        self._steps = Steps(rooms.clock)
        self._heartbeat_at = 0.0
        self._prune_at = 0.0
        self._prune_by = rooms.clock.monotonic() + DAY

    async def load(self) -> None:
        """Brings back what an open store holds. Raises StoreError."""
        now = self._now()
        for stored in await self.store.rooms():
            room, kept = restore(stored)
            place = stored.tenant, stored.id
            decided = await self.store.bans(*place), await self.store.identities(*place)
            decisions.recall(room, kept, *decided)
            if self._dev and kept.passing and room.state is State.ENDED:
                # Its name is to be free again for the next one who joins.
                self._submit([RemoveRoom(room.tenant, room.id)])
                continue
            self._kept[room.tenant, room.id] = kept
            self._rooms.put(room)
        self._rooms.revoked |= await self.store.revoked(now)
        going_on = {
            kept.event
            for (tenant, id), kept in self._kept.items()
            if (live := self._rooms.find(tenant, id)) and live.room.state is not State.ENDED
        }
        stays, events = await self.store.open_stays(), await self.store.open_events()
        self._submit(self._told(self._attendance.recover(stays, events, going_on, now)))
        self._index_absent()
        for live in self._rooms:
            if (live.room.tenant, live.room.id) not in self._kept:  # made before the start
                self.record(live.room, [RoomOpened(live.room.tenant, live.room.id)])
        await self.durable()
        if self._kept or stays:
            log.info("rooms restored", rooms=len(self._kept), stays=len(stays))

    def record(self, room: Room, changes: Sequence[Change]) -> None:
        """Takes down what has changed (`sfu.rooms.Journal`)."""
        try:
            self._record(room, changes)
        except Exception as error:
            # The room has changed already; whoever waits for `written` learns of it.
            log.exception("changes not kept", tenant=room.tenant, room=room.id, bounded=True)
            self._fail(error)

    def renew(self, participant: Participant) -> None:
        """Takes down another `resume` of somebody (`sfu.rooms.Journal`)."""
        self._submit(self._attendance.renew(participant.id, {"token": participant.resume}))

    def interrupted(self, resume: str) -> Stay | None:
        """The stay that a restart has cut off and that this goes on with, if there is one."""
        return self._attendance.absentee(self._resumable.get(resume, ""))

    def forget(self, tenant: str, id: str, reason: str = "removed") -> None:
        """A room is no more; what was counted of it stays."""
        kept = self._kept.pop((tenant, id), None)
        if kept is not None:
            writes = self._told(self._attendance.end(kept.event, self._now(), reason))
            self._submit([*writes, RemoveRoom(tenant, id)])

    def forget_passing(self) -> None:
        """Rooms that joins made are no more; for a stop in good order."""
        for (tenant, id), kept in list(self._kept.items()):
            if kept.passing:
                self.forget(tenant, id, "stopped")

    def revoke(self, tenant: str, jti: str) -> None:
        """A token lets nobody in any more."""
        self._rooms.revoked.add((tenant, jti))
        self._submit([RevokeToken(tenant, jti, self._now() + REVOKED_FOR)])

    def kept(self, room: Room) -> Kept:
        """What is known of a room besides what it knows itself."""
        return self._kept[room.tenant, room.id]

    def absent(self, tenant: str, room: str) -> list[Stay]:
        """The stays that were cut off and may still go on: whoever joins with the same id."""
        return [
            stay for stay in self._attendance.absent() if (stay.tenant, stay.room) == (tenant, room)
        ]

    @contextlib.contextmanager
    def together(self) -> Iterator[list[Write]]:
        """All that is recorded inside, and put into the list, is one commit. Not to be awaited in.

        What was recorded before an exception is committed all the same: it has happened.
        """
        assert self._gathered is None
        gathered: list[Write] = []
        self._gathered = gathered
        try:
            yield gathered
        finally:
            self._gathered = None
            self._submit(gathered)

    async def durable(self) -> None:
        """Returns when all that was recorded so far is durable.

        Raises StoreError when it cannot be kept, or is not within PATIENCE: it is tried on.
        """
        await self.settled()
        if self.written is not None:
            try:
                await asyncio.wait_for(asyncio.shield(self.written), PATIENCE)
            except TimeoutError:
                raise StoreError("the store is busy or away") from None

    async def settled(self) -> None:
        """Returns when the totals of all who have left are recorded: within SETTLING."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), SETTLING)
        self._give_up(math.inf)

    def tick(self, now: float) -> None:
        """The heartbeat, and what is due by time alone; `now` of a clock that is never set."""
        wall = self._now()
        if now >= self._heartbeat_at:
            self._heartbeat_at = now + HEARTBEAT
            self._submit(self._attendance.heartbeat(wall, self._rooms.traffic()))
        self._give_up(now)
        if expired := self._attendance.expire(wall):
            self._submit(self._told(expired))
            self._index_absent()
        if now >= self._prune_at:
            self._prune_at, self._prune_by = now + PRUNE, now + DAY
            self._submit([Prune(wall)])

    def _now(self) -> float:
        """The time that records tell, after what they told before was put right."""
        if step := self._steps.take():
            log.warning("clock set", seconds=round(step, 1))
            # Nothing is thrown away for its age at once: somebody may have made a mistake.
            self._heartbeat_at = 0.0
            self._prune_at = min(self._rooms.clock.monotonic() + PUT_OFF, self._prune_by)
            self._submit(self._attendance.clock_set(step))
        return self._rooms.clock.wall()

    def _record(self, room: Room, changes: Sequence[Change]) -> None:
        now = self._now()
        kept = self._kept.get((room.tenant, room.id))
        if kept is None:
            if not any(isinstance(change, RoomOpened) for change in changes):
                return  # it was removed
            passing = self._dev and room.state is State.LIVE
            kept = self._kept[room.tenant, room.id] = Kept(_event_id(), now, passing=passing)
        writes: list[Write] = []
        for change in changes:
            told = announcement(room, change)
            back = isinstance(change, ParticipantJoined) and self._cut_off(room, change.participant)
            if told is not None and not back:
                writes += self._enqueue(room.tenant, room.id, told, now)
            if isinstance(change, RoomOpened) and room.state is State.LIVE:
                writes += self._enqueue(room.tenant, room.id, _started(room), now)
            writes += self._counted(room, kept, change, now)
            writes += decisions.writes(room, kept, change, now)
            if isinstance(change, OrderGiven):
                writes.append(event_log.write(room, change, now))
        if any(isinstance(change, SAVED) for change in changes):
            kept.version += 1
            writes.append(SaveRoom(room.tenant, room.id, document(room, kept), kept.version))
        self._submit(writes)

    def _counted(self, room: Room, kept: Kept, change: Change, now: float) -> list[Write]:
        attendance = self._attendance
        match change:
            case ParticipantJoined(participant):
                return self._joined(room, kept, participant, now)
            case ParticipantUpdated(participant):
                return attendance.change_role(
                    participant.id, participant.role, now, {"seat": participant.seat}
                )
            case ParticipantLeft(participant, reason):
                return self._left(participant.id, reason, now)
            case RoomStarted():
                return attendance.start(make_event(room, kept, now))
            case RoomOpened() if room.state is State.LIVE:
                return attendance.start(make_event(room, kept, now))
            case RoomEnded():
                writes = self._told(attendance.end(kept.event, now, "ended"))
                kept.event = _event_id()
                self._index_absent()
                return writes
        return []

    def _joined(self, room: Room, kept: Kept, participant: Participant, now: float) -> list[Write]:
        resumed = self._attendance.resume(participant.id, now, resumption(participant))
        if resumed is not None:
            self._absent.pop((room.tenant, room.id, participant.identity), None)
            return resumed[1]
        writes: list[Write] = []
        former = self._absent.pop((room.tenant, room.id, participant.identity), None)
        if former is not None:
            writes += self._told(self._attendance.dismiss(former, now, "replaced"))
        return writes + self._attendance.join(make_stay(room, kept, participant))

    def _left(self, id: str, reason: str, now: float) -> list[Write]:
        account = self._rooms.accounts.get(id)
        if account is None or account.settled:
            totals = None if account is None else account.totals
            return self._attendance.leave(id, now, reason, totals)
        writes = self._attendance.part(id, now, reason)
        self._leaving[id] = self._rooms.clock.monotonic() + SETTLING, account
        self._settled.clear()
        account.when_settled(lambda: self._settle(id))
        return writes

    def _settle(self, id: str) -> None:
        found = self._leaving.pop(id, None)
        if found is None:
            return  # the last word came too late
        if not self._leaving:
            self._settled.set()
        self._submit(self._attendance.settle(id, self._now(), found[1].totals))

    def _give_up(self, now: float) -> None:
        """What has not come by `now` (monotonic) counts as far as it is known."""
        for id in [id for id, (due, _) in self._leaving.items() if due <= now]:
            log.warning("totals incomplete", participant=id, bounded=True)
            self._settle(id)

    def _cut_off(self, room: Room, participant: Participant) -> bool:
        """Whether this is somebody whose stay a restart has interrupted."""
        place = (room.tenant, room.id, participant.identity)
        return self._absent.get(place) == participant.id

    def _index_absent(self) -> None:
        absent = self._attendance.absent()
        self._absent = {(stay.tenant, stay.room, stay.identity): stay.id for stay in absent}
        self._resumable = {str(stay.resume["token"]): stay.id for stay in absent if stay.resume}
        awaited: defaultdict[tuple[str, str], dict[str, Role]] = defaultdict(dict)
        for stay in absent:
            role = stay.role or Role(str((stay.resume or {})["role"]))
            awaited[stay.tenant, stay.room][stay.identity] = role
        for live in self._rooms:
            room = live.room
            room.await_these(awaited[room.tenant, room.id])

    def _enqueue(self, tenant: str, room: str, told: Announcement, at: float) -> list[Write]:
        if tenant not in self._announced:
            return []
        name, body = told
        return [Enqueue(tenant, room, f"evt-{secrets.token_hex(12)}", name, at, body)]

    def _told(self, writes: list[Write]) -> list[Write]:
        """The same, with the webhooks for stays that end by no change of their room."""
        told: list[Write] = []
        for write in writes:
            if isinstance(write, CloseStay) and (stay := write.stay).left is None:
                body = lost(stay, write.reason)
                told += self._enqueue(stay.tenant, stay.room, body, write.recorded_at)
            told.append(write)
        return told

    def _submit(self, writes: Sequence[Write]) -> None:
        if not writes:
            return
        if self._gathered is not None:
            self._gathered += writes
            return
        try:
            self.written = self.store.keep(writes)
        except (StoreError, ValueError, TypeError) as error:
            self._fail(error)
            return
        self.written.add_done_callback(partial(self._committed, bool(_enqueues(writes))))

    def _committed(self, news: bool, done: asyncio.Future[None]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("store failed", error=str(error), bounded=True)
        elif news:
            self.on_news()

    def _fail(self, error: Exception) -> None:
        log.error("store failed", error=str(error), bounded=True)
        self.written = asyncio.get_running_loop().create_future()
        self.written.set_exception(
            error if isinstance(error, StoreError) else StoreError(str(error))
        )
        self.written.exception()  # it is logged: not to be called unretrieved


def _nothing() -> None:
    """Nobody wants to know."""


def _enqueues(writes: Sequence[Write]) -> bool:
    """Whether there may be new webhooks; closed stays and events announce their usage."""
    return any(isinstance(write, Enqueue | CloseStay) for write in writes)


def _started(room: Room) -> Announcement:
    told = announcement(room, RoomStarted())
    assert told is not None
    return told


def _event_id() -> str:
    return f"run-{secrets.token_hex(10)}"
