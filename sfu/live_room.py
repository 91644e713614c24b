"""A room with its stage (media) and its audience (signaling).

`execute` applies a command, then both follow the same list of changes. This is
the one door to a room, for the socket, REST, the command line and embedding
programs alike.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from sfu import event_log
from sfu.accounts import Account
from sfu.commands import Command, End, Join, Leave, Publish, Start, Tick
from sfu.events import (
    Change,
    Notice,
    ParticipantLeft,
    SpeakerChanged,
    TrackMuted,
    TrackUnpublished,
)
from sfu.followers import Audience
from sfu.forwarder import Remote
from sfu.participant import Participant
from sfu.room import Room, State
from sfu.sites import Sites
from sfu.speakers import Speakers
from sfu.stage import Stage
from sfu.track import Media, Source
from sfu.transport import Transport

AWAKE: Final = 1.0
"""Seconds that an empty room is looked at after a change: longer than anything is gathered."""

if TYPE_CHECKING:
    from sfu.rooms import Rooms

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
        self._alarm_at: float | None = None

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
        self.end_empty(now)
        if self.speakers.expire(now):
            self._follow([SpeakerChanged(None)])
        if self.stage is not None:
            self.stage.tick(now)

    def end_empty(self, now: float) -> None:
        """Ends an event at which nobody has been for as long as is set, or sets an alarm."""
        if self.room.participants or self.room.waiting or self.room.state is not State.LIVE:
            self._empty_since = None
            return
        if self._empty_since is None:
            self._empty_since = now
        if self._rooms.empty_timeout is None:
            return
        ends_at = self._empty_since + self._rooms.empty_timeout
        if now >= ends_at:
            self.execute(End(), None)
        elif self._alarm_at != ends_at:
            self._alarm_at = ends_at
            self._rooms.awake.wake_at(ends_at, self)

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
