"""All rooms of the process: where they are found, opened, recorded and ended."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Final

import structlog

from sfu.accounts import Account
from sfu.awake import Awake
from sfu.clock import Clock
from sfu.commands import End
from sfu.crowds import Crowds
from sfu.errors import Refusal
from sfu.events import (
    Change,
    RoomEvent,
    RoomOpened,
)
from sfu.followers import Audience, Journal
from sfu.forwarder import Forwarder
from sfu.live_room import LiveRoom
from sfu.participant import Role
from sfu.room import Options, Room, State
from sfu.store.records import Totals
from sfu.watchers import Watchers

RECEIVERS_PER_ROOM: Final = 25
"""What a room counts for when the next one looks for a worker, besides those who receive already:
most people come after the room has found its place."""

log = structlog.get_logger()


class Rooms:
    """Every room of the process, by tenant and id."""

    def __init__(
        self,
        forwarders: list[Forwarder],
        make_audience: Callable[[LiveRoom], Audience],
        clock: Clock,
        *,
        limit: int,
    ) -> None:
        self.forwarders = forwarders
        self.make_audience = make_audience
        self.clock = clock
        self.limit = limit
        """Rooms at once."""
        self._rooms: dict[tuple[str, str], LiveRoom] = {}
        self.awake: Awake[LiveRoom] = Awake()
        """The rooms in which something may be due by time alone: not those where nobody is."""
        self._watchers = Watchers()
        self.journal: Journal | None = None
        self.parallel_events: Mapping[str, int | None] = {}
        """How many rooms of a tenant may be live at a time; None, or not listed, is any number."""
        self.max_rooms: Mapping[str, int | None] = {}
        """How many rooms a tenant may have at all."""
        self.crowds = Crowds()
        self.spill_after = 500
        """Receivers of one room on one worker after which the next go to another."""
        self.empty_timeout: float | None = None
        """Seconds after which a live room ends that nobody is in; None is never."""
        self.accounts: dict[str, Account] = {}
        """Of those in rooms who have had connections, by participant."""
        self.revoked: set[tuple[str, str]] = set()
        """Tenant and jti of the tokens that let nobody in any more."""

    def __iter__(self) -> Iterator[LiveRoom]:
        return iter(list(self._rooms.values()))

    def __len__(self) -> int:
        return len(self._rooms)

    def find(self, tenant: str, id: str) -> LiveRoom | None:
        """The room, if there is one."""
        return self._rooms.get((tenant, id))

    def of(self, tenant: str) -> list[LiveRoom]:
        """A tenant's rooms, by id."""
        return [self._rooms[key] for key in sorted(self._rooms) if key[0] == tenant]

    def create(
        self,
        tenant: str,
        id: str,
        options: Options,
        *,
        state: State = State.LIVE,
        locked: bool = False,
    ) -> LiveRoom:
        """Makes a room; an existing one of this name is given as it is."""
        live = self._rooms.get((tenant, id))
        if live is None:
            if len(self._rooms) >= self.limit:
                raise Refusal("too_many_rooms", "the server has as many rooms as it may have")
            most = self.max_rooms.get(tenant)
            if most is not None and sum(owner == tenant for owner, _ in self._rooms) >= most:
                raise Refusal("too_many_rooms", f"the tenant has its {most} rooms")
            room = Room(tenant, id, options, state)
            room.locked = locked
            if state is State.LIVE:
                self.check_parallel(room)
                room.started_at = self.clock.wall()
            live = self.put(room)
            log.info("room opened", tenant=tenant, room=id)
            self.record(room, [RoomOpened(tenant, id)])
        return live

    def put(self, room: Room) -> LiveRoom:
        """Takes a room in as it is, as after a restart: nobody is told."""
        live = self._rooms[room.tenant, room.id] = LiveRoom(self, room)
        live.wake()
        return live

    def check_parallel(self, room: Room) -> None:
        """Raises Refusal when the tenant runs as many events as it may, this one aside."""
        most = self.parallel_events.get(room.tenant)
        if most is None or (room.state is State.LIVE and (room.tenant, room.id) in self._rooms):
            return
        live = sum(
            tenant == room.tenant and each.room.state is State.LIVE
            for (tenant, _), each in self._rooms.items()
        )
        if live >= most:
            raise Refusal("parallel_events_exceeded", f"{live} events are running already")

    def remove(self, tenant: str, id: str, reason: str = "ended") -> None:
        """Ends a room, if there is one: everybody in it goes."""
        live = self._rooms.pop((tenant, id), None)
        if live is not None:
            if reason == "ended" and live.room.state is not State.ENDED:
                live.execute(End(), None)
            live.close(reason)
            log.info("room removed", tenant=tenant, room=id, reason=reason)

    def end_empty_after(self, timeout: float | None) -> None:
        """Sets `empty_timeout`, for rooms that nobody is in already as well."""
        self.empty_timeout = timeout
        now = self.clock.monotonic()
        for live in self:
            live.end_empty(now)

    def counts(self) -> dict[Role, int]:
        """People by role, over all rooms."""
        return {role: sum(live.room.counts[role] for live in self._rooms.values()) for role in Role}

    def account(self, participant: str) -> Account:
        """Of somebody's stay; opened when it is first asked for."""
        return self.accounts.setdefault(participant, Account())

    def traffic(self) -> dict[str, Totals]:
        """Bytes by participant, of those that have had some since, as of the last call: each asks
        the workers for the next."""
        for forwarder in self.forwarders:
            if forwarder.fault is None:
                forwarder.order(forwarder.worker.report_traffic)
        return {id: each.totals for id, each in self.accounts.items() if each.has_news()}

    def least_loaded(self) -> Forwarder:
        """The worker for the next room. Raises Refusal while none runs."""
        alive = [forwarder for forwarder in self.forwarders if forwarder.fault is None]
        if not alive:
            raise Refusal("overloaded", "no packet worker is running")
        return min(alive, key=lambda each: each.load * RECEIVERS_PER_ROOM + each.receivers)

    def leave(self, lost: Forwarder, now: float) -> None:
        """A worker has ended: rooms that had their home there go on on others, if any runs, and who
        was there is told."""
        for live in self:
            if live.stage is not None:
                live.stage.leave(lost, self.least_loaded)
        lost.abandon(now)

    def tick(self, now: float) -> None:
        """What is due, in the rooms where something may be."""
        for live in self.awake.due(now):
            try:
                live.tick(now)
            except Exception:
                # A fault about one room stays in that room.
                log.exception("room tick failed", room=live.room.id, bounded=True)
            if live.sleeps(now):
                self.awake.sleep(live)

    def record(self, room: Room, changes: Sequence[Change]) -> None:
        """Hands changes to the journal, and to whoever iterates over `events`."""
        if self.journal is not None:
            self.journal.record(room, changes)
        if self._watchers:
            at = self.clock.wall()
            self._watchers.tell(RoomEvent(room.tenant, room.id, at, each) for each in changes)

    def events(self) -> AsyncIterator[RoomEvent]:
        """Every change from now on. A watcher that lets EVENTS_WAITING pile up gets no more."""
        return self._watchers.events()
