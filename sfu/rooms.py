"""All rooms, and what carries each one's changes out.

A `LiveRoom` is a room with its stage (media) and its audience (signaling):
`execute` applies a command, then both follow the same list of changes. This is
the one door to a room, for the socket, REST, the command line and embedding
programs alike.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Final

import structlog

from sfu import event_log
from sfu.accounts import Account
from sfu.awake import Awake
from sfu.clock import Clock
from sfu.commands import Command, End, Join, Leave, Publish, Start, Tick
from sfu.crowds import Crowds
from sfu.errors import Refusal
from sfu.events import (
    Change,
    Notice,
    ParticipantLeft,
    RoomEvent,
    RoomOpened,
    SpeakerChanged,
    TrackMuted,
    TrackUnpublished,
)
from sfu.followers import Audience, Journal
from sfu.forwarder import Forwarder, Remote
from sfu.participant import Participant, Role
from sfu.room import Options, Room, State
from sfu.sites import Sites
from sfu.speakers import Speakers
from sfu.stage import Stage
from sfu.store.records import Totals
from sfu.track import Media, Source
from sfu.transport import Transport
from sfu.watchers import Watchers

RECEIVERS_PER_ROOM: Final = 25
"""What a room counts for when the next one looks for a worker, besides those who receive already:
most people come after the room has found its place."""

AWAKE: Final = 1.0
"""Seconds that an empty room is looked at after a change: longer than anything is gathered."""

log = structlog.get_logger()


class LiveRoom:
    """A room, its stage while somebody is in it, and its audience."""

    def __init__(self, rooms: "Rooms", room: Room) -> None:
        self.room = room
        self.stage: Stage | None = None
        self.audience: Audience = rooms.make_audience(self)
        self.speakers = Speakers()
        self._rooms = rooms
        self._people = 0
        self._awake_until = 0.0
        self._empty_since: float | None = None

    def execute(self, command: Command, actor: str | None) -> Sequence[Change]:
        """Applies a command and has everybody follow; raises Refusal if it is not granted."""
        if isinstance(command, Start) and (actor is None or self._presents(actor)):
            self._rooms.check_parallel(self.room)
        order = event_log.order(self.room, command, actor)
        changes = self.room.apply(command, actor, self._rooms.clock.wall())
        self._follow([*changes, *event_log.given(order, changes)])
        return changes

    def join(self, command: Join) -> Participant:
        """Lets somebody in, or has them wait: they are in `room.participants` or `room.waiting`.

        Raises Refusal, while no worker runs or the tenant's limits are reached as well.
        """
        room, id, now = self.room, command.participant, self._rooms.clock.monotonic()
        self._rooms.least_loaded()
        self._rooms.crowds.check(room, command, now)
        self.execute(command, id)
        self._rooms.crowds.joined(room, command, now)
        return room.waiting[id] if id in room.waiting else room.participant(id)

    def renew(self, participant: str, resume: str) -> None:
        """Their session is taken up again by another token from now on."""
        room = self.room
        found = room.participants.get(participant) or room.waiting[participant]
        found.resume = resume
        if self._rooms.journal is not None:
            self._rooms.journal.renew(found)

    @property
    def written(self) -> "asyncio.Future[None] | None":
        """Done when all that has changed so far is durable; None when it is, or nobody keeps it."""
        journal = self._rooms.journal
        return journal.written if journal is not None else None

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Of all who have had connections, by participant."""
        return self._rooms.accounts

    def open_stage(self) -> Stage:
        """The room's media; made when it is first needed. Refused while no worker runs."""
        if self.stage is not None:
            return self.stage
        rooms = self._rooms
        sites = Sites(rooms.least_loaded(), rooms.forwarders, rooms.spill_after)
        self.stage = Stage(sites, self.room, self._notify, self._heard, self._lost, rooms.account)
        return self.stage

    def publish(
        self,
        participant: str,
        sources: Mapping[Source, Media],
        transport: Transport,
        remote: Remote,
    ) -> None:
        """Publishes over a transport that has been described to the client.

        Raises Refusal, with nothing changed; a transport that is new is then
        the caller's to discard.
        """
        now = self._rooms.clock.monotonic()
        stage = self.open_stage()
        changes = self.room.apply(
            Publish(participant, sources), participant, self._rooms.clock.wall()
        )
        stage.connect_uplink(participant, transport, remote, now)
        self._follow(changes)
        stage.reattach(participant)

    def tick(self, now: float) -> None:
        """What is due by time alone."""
        if self.room.flowing:
            self.execute(Tick(), None)
        self.audience.flush(now)
        self._end_empty(now)
        if self.speakers.expire(now):
            self._follow([SpeakerChanged(None)])
        if self.stage is not None:
            self.stage.tick(now)

    def wake(self) -> None:
        """Something has changed: what follows from it may be due by and by."""
        self._awake_until = self._rooms.clock.monotonic() + AWAKE
        self._rooms.awake.wake(self)

    def sleeps(self, now: float) -> bool:
        """Whether time alone changes nothing here."""
        empty = not (self.room.participants or self.room.waiting or self.stage)
        return empty and now >= self._awake_until

    def close(self, reason: str) -> None:
        """Everybody goes, and the media with them."""
        # Those who wait first: a place that becomes free is not for them any more.
        for participant in [*self.room.waiting, *self.room.participants]:
            self.execute(Leave(participant, reason), None)

    def _follow(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        self.wake()
        self._people = self._rooms.crowds.count(self.room, self._people)
        now = self._rooms.clock.monotonic()
        changes = [*changes, *self._speaker_changes(changes)]
        if self.room.participants or self.stage is not None:
            self._guard(self._follow_media, changes, now)
        # Kept before it is told: what is told waits for what is kept.
        self._rooms.record(self.room, changes)
        self._guard(self.audience.follow, changes, now)
        for change in changes:
            if isinstance(change, ParticipantLeft):
                self._rooms.accounts.pop(change.participant.id, None)
        self._close_empty()

    def _follow_media(self, changes: Sequence[Change], now: float) -> None:
        stage = self.stage or self.open_stage()
        stage.follow(changes, now)

    def _presents(self, id: str) -> bool:
        found = self.room.participants.get(id)
        return found is not None and found.role.presents

    def _end_empty(self, now: float) -> None:
        timeout = self._rooms.empty_timeout
        if self.room.participants or self.room.waiting or self.room.state is not State.LIVE:
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = now
            if timeout is not None:
                self._rooms.awake.wake_at(now + timeout, self)
        elif timeout is not None and now - self._empty_since >= timeout:
            self.execute(End(), None)

    def _close_empty(self) -> None:
        if not self.room.participants and self.stage is not None:
            self.stage.close(self._rooms.clock.monotonic())
            self.stage = None

    def _guard(
        self,
        follow: Callable[[Sequence[Change], float], None],
        changes: Sequence[Change],
        now: float,
    ) -> None:
        try:
            follow(changes, now)
        except Exception:
            # The room has changed already: a fault in one follower must not leave the other behind.
            log.exception("change not followed", tenant=self.room.tenant, room=self.room.id)

    def _speaker_changes(self, changes: Sequence[Change]) -> Iterator[Change]:
        for change in changes:
            match change:
                case ParticipantLeft(participant, _):
                    gone = participant.id
                case TrackMuted(track, True, _) | TrackUnpublished(track) if (
                    track.source is Source.MICROPHONE
                ):
                    gone = track.participant
                case _:
                    continue
            if self.speakers.forget(gone):
                yield SpeakerChanged(None)

    def _heard(self, levels: Sequence[tuple[str, int]], now: float) -> None:
        if self.speakers.update(levels, now):
            self._follow([SpeakerChanged(self.speakers.speaker)])

    def _notify(self, participant: str, notice: Notice) -> None:
        self.audience.notify(participant, notice)

    def _lost(self, participant: str, transport: Transport, now: float) -> None:
        if participant in self.room.participants:
            self.execute(Publish(participant, {}), participant)


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
