"""The media of one room: turns changes into commands to its workers (`sfu.sites`).

Each slot has two routes, sound and picture, for as long as the room has
people. Whoever sits in a seat is bound to its routes, so that a change of seat,
source or mute is one command whatever the number of receivers. Who is given
which layers is `sfu.allocation`'s.
"""

from collections.abc import Callable, Iterable, Sequence

from sfu.accounts import Account
from sfu.allocation import Allocation
from sfu.events import (
    Change,
    ConnectionLost,
    ModeChanged,
    Notice,
    ParticipantLeft,
    RoomConfigured,
    SlotChanged,
    SlotsAdded,
    SpeakerChanged,
    TrackMuted,
    TrackPublished,
    TrackUnpublished,
    ViewChanged,
)
from sfu.focus import Focus, Line
from sfu.forwarder import Forwarder, Remote
from sfu.microphones import Microphones
from sfu.receiver import EgressPlan, Receiver
from sfu.room import SCREEN, Room, slot_of
from sfu.routes import Routes, track_on
from sfu.sent import Frame, Sent
from sfu.sites import Sites
from sfu.track import Source, Track
from sfu.transport import State, Transport
from sfu.uplinks import Uplinks
from sfu.weights import Weights


class Stage:
    """Made with a room's first participant, closed with its last."""

    def __init__(
        self,
        sites: Sites,
        room: Room,
        notify: Callable[[str, Notice], None],
        heard: Callable[[Sequence[tuple[str, int]], float], None],
        lost: Callable[[str, Transport, float], None],
        accounts: Callable[[str], Account],
    ) -> None:
        self._sites = sites
        self._room = room
        self._notify, self._heard, self._lost = notify, heard, lost
        self._weights = Weights(sites, room)
        self._routes: dict[str, Routes] = {}
        self._add_routes(room.slots)
        self._sent: dict[int, Sent] = {}
        self._ids: dict[Track, int] = {}
        self.uplinks = Uplinks(sites, room, self.published, notify)
        self.receivers: dict[str, Receiver] = {}
        """By participant."""
        self.focus = Focus(room)
        self._offered: dict[str, Transport] = {}
        self.allocation = Allocation(room, self, notify, sites.show_again)
        self._accounts = accounts
        self._microphones = Microphones(sites.home, room.options.microphones)

    @property
    def forwarder(self) -> Forwarder:
        """Of the room's home, where its people publish."""
        return self._sites.home

    def leave(self, lost: Forwarder, another: Callable[[], Forwarder]) -> None:
        """A worker has ended, with all that was on it: where that was the home, the room goes on on
        `another`. Raises Refusal when there is none."""
        if lost is not self.forwarder:
            self._sites.lose(lost)
            return
        home = another()
        self._sites.move(home)
        self._microphones = Microphones(home, self._room.options.microphones)
        for routes in self._routes.values():
            routes.bound = {False: None, True: None}

    def _add_routes(self, slots: Iterable[str]) -> None:
        for slot in slots:
            if slot not in self._routes:
                add = self._sites.add_route
                self._routes[slot] = Routes(add(video=False), add(video=True, rests=slot == SCREEN))

    # Connections

    def downlink(self, participant: str) -> Transport | None:
        """The transport that somebody receives over, while it lives."""
        receiver = self.receivers.get(participant)
        return receiver.transport if receiver else None

    def published(self, participant: str) -> list[Sent]:
        """What the worker has of somebody's sources."""
        tracks = self._room.participant(participant).tracks.values()
        return [self._sent[id] for track in tracks if (id := self._ids.get(track)) is not None]

    def open(self) -> Transport:
        """A transport to publish over, to be described to a client; it takes part once it is
        connected."""
        return self.forwarder.open_transport(self)

    def offer(self, participant: str) -> Transport:
        """A transport to be offered to somebody, who is told when it is lost unanswered."""
        self._offered[participant] = self._sites.receive(self)
        return self._offered[participant]

    def connect_uplink(
        self, participant: str, transport: Transport, remote: Remote, now: float
    ) -> None:
        """Publishing goes over this transport from now on; a former one ends."""
        former = self.uplinks.get(participant)
        if former is not transport:
            if former is not None:
                former.drop("replaced", now)
                for track in [t for t in self._ids if t.participant == participant]:
                    self._forget(track)
            self._accounts(participant).open(transport)
            self.uplinks.put(participant, transport)
        transport.forwarder.connect(transport, remote, now)
        self.uplinks.limit([participant])

    def connect_downlink(
        self,
        participant: str,
        transport: Transport,
        remote: Remote,
        egresses: Iterable[EgressPlan],
        now: float,
    ) -> None:
        """Receiving goes over this transport from now on; a former one ends."""
        if former := self.receivers.pop(participant, None):
            self._drop_receiver(former, "replaced", now)
        self._offered.pop(participant, None)
        self._accounts(participant).open(transport)
        transport.forwarder.connect(transport, remote, now)
        receiver = Receiver(participant, transport, transport.forwarder.aim)
        receiver.codecs = frozenset(name for _, name, _ in remote.payload_types)
        self.receivers[participant] = receiver
        self.extend_downlink(participant, egresses, now)

    def extend_downlink(self, participant: str, egresses: Iterable[EgressPlan], now: float) -> None:
        """More is received over the transport that is there; what is received already stays."""
        receiver = self.receivers[participant]
        forwarder = receiver.transport.forwarder
        for plan in egresses:
            kind = receiver.video if plan.video else receiver.audio
            if plan.slot not in kind:
                kind[plan.slot] = forwarder.add_egress(
                    receiver, receiver.transport, self._route(plan.slot, plan.video),
                    plan.mid, plan.ssrc, plan.rtx_ssrc,
                )  # fmt: skip
        self.allocation.refresh([receiver], now, fresh=True)

    def play(
        self, participant: str, over: Transport, remote: Remote, lines: Sequence[Line], now: float
    ) -> None:
        """Somebody receives the stage in a few m-lines, over a transport of `offer`."""
        plans = self.focus.plans(participant, lines)
        self.connect_downlink(participant, over, remote, plans, now)
        self.focus.add(self.receivers[participant])

    def leveled(self, transports: Sequence[int], now: float) -> None:
        """Paths carry more, or less (TransportOwner)."""
        self.allocation.level(transports, now)

    def exceeded(self, transport: Transport, now: float) -> None:
        """What comes over it is too much (TransportOwner)."""
        self.uplinks.exceeded(transport, now)

    def transport_lost(self, transport: Transport, now: float) -> None:
        """A transport has ended by itself (TransportOwner)."""
        publisher = self.uplinks.owner(transport)
        if publisher is not None:
            self.uplinks.pop(publisher)
            for track in [t for t in self._ids if t.participant == publisher]:
                self._forget(track)
            self._notify(publisher, ConnectionLost("publish", transport.why, transport.opened))
            self._lost(publisher, transport, now)
            return
        for participant, receiver in self.receivers.items():
            if receiver.transport is transport:
                del self.receivers[participant]
                self._forget_receiver(receiver, now)
                lost = ConnectionLost("receive", transport.why, transport.opened)
                self._notify(participant, lost)
                return
        for participant, offered in self._offered.items():
            if offered is transport:
                del self._offered[participant]
                self._notify(participant, ConnectionLost("receive", transport.why, False))
                return

    def close(self, now: float) -> None:
        """Everything of the room goes from its workers."""
        for transport in self.uplinks.all():
            transport.drop("room closed", now)
        for receiver in list(self.receivers.values()):
            self._drop_receiver(receiver, "room closed", now)
        for track in self._sent:
            self._sites.forget_track(track)
        self._sites.close()
        self.receivers.clear()
        self._sent.clear()

    # Changes

    def follow(self, changes: Sequence[Change], now: float) -> None:
        """Brings the worker to what the room has become."""
        slots: dict[str, None] = {}
        publishers: dict[str, None] = {}
        looking: list[Receiver] = []
        everybody = False
        for change in changes:
            match change:
                case SlotsAdded(added):
                    self._add_routes(added)
                case ModeChanged() | RoomConfigured():
                    everybody = True
                    self._microphones.set_most(self._room.options.microphones)
                case TrackUnpublished(track):
                    self._remove(track)
                    publishers[track.participant] = None
                    slots.update(self._slots_of(track))
                case TrackPublished(track):
                    self._add(track)
                    publishers[track.participant] = None
                    slots.update(self._slots_of(track))
                case TrackMuted(track, muted, _):
                    if track in self._ids:
                        worker = self.forwarder.worker
                        self.forwarder.order(worker.mute, self._ids[track], muted)
                    slots.update(self._slots_of(track))
                case SlotChanged(slot, _):
                    slots[slot] = None
                case ViewChanged(participant):
                    if receiver := self.receivers.get(participant.id):
                        looking.append(receiver)
                case SpeakerChanged(speaker):
                    self.allocation.speak(speaker, now)
                    self._weights.speak(speaker)
                    self.focus.speak(speaker)
                case ParticipantLeft(participant, reason):
                    self._part(participant.id, reason, now)
        for slot in slots:
            self._bind(slot)
        self._weights.refresh({slot: routes.video for slot, routes in self._routes.items()})
        self.uplinks.limit(None if everybody else publishers)
        if slots or everybody:
            self.allocation.restage(now)
        elif looking:
            self.allocation.refresh(looking, now)
        if moves := self.focus.follow(self._route):
            for forwarder, moved in moves.items():
                forwarder.order(forwarder.worker.show_routes, moved)
            self.allocation.refresh(list(self.focus.receivers), now, fresh=True)

    def _route(self, slot: str, video: bool) -> int:
        return self._routes[slot].of(video)

    def tick(self, now: float) -> None:
        """What is due by time alone."""
        self.allocation.tick(now)
        self.uplinks.tick(now)

    def reattach(self, participant: str) -> None:
        """Adds those tracks of somebody that the worker does not have, after a new uplink."""
        for track in self._room.participant(participant).tracks.values():
            if track not in self._ids:
                self._add(track)
                for slot in self._slots_of(track):
                    self._bind(slot)

    def _part(self, participant: str, reason: str, now: float) -> None:
        if uplink := self.uplinks.pop(participant):
            uplink.drop(reason, now)
        self._offered.pop(participant, None)
        if receiver := self.receivers.pop(participant, None):
            self._drop_receiver(receiver, reason, now)

    def _drop_receiver(self, receiver: Receiver, why: str, now: float) -> None:
        self._forget_receiver(receiver, now)
        receiver.transport.drop(why, now)

    def _forget_receiver(self, receiver: Receiver, now: float) -> None:
        self.focus.remove(receiver)
        self.allocation.remove(receiver, now)
        for egress in (*receiver.audio.values(), *receiver.video.values()):
            receiver.transport.forwarder.forget_egress(egress)

    def _add(self, track: Track) -> None:
        uplink = self.uplinks.get(track.participant)
        if uplink is None or uplink.state is State.CLOSED:
            return
        media = track.media
        id = self._sites.add_track(
            self,
            uplink,
            media.mid,
            media.codec,
            [(stream.rid, stream.ssrc, stream.rtx_ssrc) for stream in media.streams],
        )
        if track.source is Source.MICROPHONE:
            self._microphones.add(id)
        if track.muted:
            self.forwarder.order(self.forwarder.worker.mute, id, True)
        self._ids[track] = id
        self._sent[id] = Sent(track, id)

    def _remove(self, track: Track) -> None:
        id = self._ids.get(track)
        if id is not None:
            self._unbind(id)
            self._sites.remove_track(id)
            self._forget(track)

    def _forget(self, track: Track) -> None:
        id = self._ids.pop(track, None)
        if id is not None:
            del self._sent[id]
            self._microphones.forget(id)
            self._sites.forget_track(id)
            for routes in self._routes.values():
                routes.forget(id)

    def _unbind(self, id: int) -> None:
        for routes in self._routes.values():
            for video in (False, True):
                if routes.bound[video] == id:
                    self._set_bound(routes, video, None)

    def _bind(self, slot: str) -> None:
        """One command per kind, if anything is other than before."""
        for video in (False, True):
            track = track_on(self._room, slot, video=video)
            id = self._ids.get(track) if track else None
            if self._routes[slot].bound[video] != id:
                self._set_bound(self._routes[slot], video, id)

    def _set_bound(self, routes: Routes, video: bool, id: int | None) -> None:
        routes.bound[video] = id
        self._sites.bind(routes.of(video), id)

    def _slots_of(self, track: Track) -> dict[str, None]:
        if track.source.is_screen:
            return {SCREEN: None}
        publisher = self._room.participants.get(track.participant)
        if publisher is None or publisher.place is None:
            return {}
        return {slot_of(publisher.place): None}

    # Layers and levels

    def audible(self, track: int, audible: bool, now: float) -> None:
        """Speakers are told from levels alone (TrackOwner)."""

    def levels(self, levels: Sequence[tuple[int, int]], now: float) -> None:
        """Who is heard how loud (TrackOwner)."""
        self._heard(
            [
                (self._sent[id].track.participant, level)
                for id, level in levels
                if self._sent[id].track.source is Source.MICROPHONE
                and not self._sent[id].track.muted
            ],
            now,
        )

    def rates(self, track: int, layers: Sequence[tuple[int, float, int, int]]) -> None:
        """Once a second for each track (TrackOwner)."""
        sent = self._sent[track]
        replan, news = sent.observe(layers)
        if replan or news:
            self.allocation.remeasure(replan=replan)

    def frame(self, track: int, spatial: int) -> Frame | None:
        """What a layer is now (Pictures)."""
        sent = self._sent.get(track)
        return sent.frames[spatial] if sent and spatial < len(sent.frames) else None

    def visible(self, slot: str) -> int | None:
        """The track whose picture a slot shows, None when it is muted or off (Pictures)."""
        id = self._routes[slot].bound[True]
        return None if id is None or self._sent[id].track.muted else id

    def pictures(self) -> dict[str, Sent]:
        """The visible pictures, by slot (Shown)."""
        return {
            slot: self._sent[id] for slot in self._routes if (id := self.visible(slot)) is not None
        }
