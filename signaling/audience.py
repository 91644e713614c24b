"""What the clients of a room are told, and how often.

Slots, speaker, mode and lock are told at once. Who comes and goes is gathered:
presenters are told of everybody, the others of people on slots and of the
counts; viewers are a count only. Each event is written once, whatever the
number of readers; a join costs one answer and a share of a gathered event.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog

from sfu.events import (
    Change,
    LockChanged,
    MessageSent,
    ModeChanged,
    Notice,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantTurnedAway,
    ParticipantUpdated,
    ParticipantWaiting,
    Picture,
    QualityChanged,
    RoomConfigured,
    RoomNearlyFull,
    RoomStarted,
    SlotChanged,
    SlotsAdded,
    SpeakerChanged,
    TrackMuted,
)
from sfu.live_room import LiveRoom
from sfu.options import Mode
from sfu.participant import Participant, Role
from sfu.room import Room
from sfu.signaling import answers, events, gathering, messages, views
from sfu.signaling.allowance import MessageTraffic
from sfu.signaling.client import Client
from sfu.signaling.door import Door
from sfu.signaling.gathering import Gathering

GATHER: Final = 0.25
"""Seconds over which comings and goings are gathered."""

COUNTS_PER_SECOND: Final = 200
"""Events a second, at most, that tell a whole room of nothing but counts."""

OFFERS: Final = 50
"""Clients that get an offer in one go when slots were added: each is a description to write."""

log = structlog.get_logger()


Clients = dict[str, Client]


class RoomAudience:
    """The sessions of one room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._clients: Clients = {}
        self._groups: dict[str, Clients] = {"presenters": {}, "attendees": {}, "viewers": {}}
        self._seeing: Clients = {}
        """Who is told what is on the slots."""
        self._turned: dict[str, bool] = {}
        """Who has begun (True) or ceased to be told of the slots, by the changes of now."""
        self._announced: set[str] = set()
        """Whom presenters have been told of."""
        self._known: set[str] = set()
        """Whom all others have been told of, as long as they are here."""
        self._door: Door[Client] = Door(room)
        self._for_presenters = Gathering()
        self._for_others = Gathering()
        self._for_themselves: dict[str, Participant] = {}
        self._presenters_at = 0.0
        self._others_at = 0.0
        self.messages = MessageTraffic(self._clients)
        self._to_offer: dict[str, None] = {}
        self._speaker: str | None = None
        self._last_quality: tuple[Mapping[str, Picture | None], str] = ({}, "")

    def enter(self, participant: Participant, client: Client) -> None:
        """From now on this session is told; it has, or gets, a snapshot of all that is now."""
        self._clients[participant.id] = client
        self._groups[_group(participant.role)][participant.id] = client
        if self._room.sees_stage(participant):
            self._seeing[participant.id] = client
        if participant.role.presents and self._room.waiting:
            self._door.changed = True
        gathered = self._for_presenters if participant.role.presents else self._for_others
        gathered.snapshot(self.people(participant))

    def wait(self, participant: Participant, client: Client, reason: str, position: int) -> None:
        """From now on this session is told its place in the queue."""
        self._door.wait(participant, client, reason, position)

    def take_over(self, participant: str, client: Client) -> None:
        """Somebody goes on over this session; it has a snapshot of all that is now."""
        for clients in (self._clients, *self._groups.values(), self._seeing, self._door):
            if participant in clients:
                clients[participant] = client
        found = self._room.participants.get(participant)
        if found is not None:
            gathered = self._for_presenters if found.role.presents else self._for_others
            gathered.snapshot(self.people(found))

    def people(self, participant: Participant) -> list[Participant]:
        """Whom a newcomer is told of at once: everybody, or who is on a slot, and themself."""
        everybody = self._room.participants.values()
        if participant.role.presents:
            return [each for each in everybody if each.role is not Role.VIEWER]
        here = self._room.participants
        shown = [*self._room.seats, *self._room.gallery.values(), self._room.sharer]
        ids = dict.fromkeys([participant.id, *(id for id in shown if id is not None)])
        return [here[id] for id in ids]

    # What has changed

    def follow(self, changes: Sequence[Change], now: float) -> None:
        """Tells, or gathers, what has changed."""
        slots: dict[str, answers.SlotContent] = {}
        for change in changes:
            match change:
                case SlotChanged(slot, shown):
                    slots[slot] = views.content(shown)
                case SlotsAdded(added):
                    self._to_offer.update(dict.fromkeys(self._clients))
                    self._tell(events.SlotsEvent(slots=dict.fromkeys(added)))
                case TrackMuted(track, True, by) if by != track.participant:
                    if client := self._clients.get(track.participant):
                        event = events.MutedEvent(source=track.source.value, by=by)
                        client.push(event.model_dump_json())
                case SpeakerChanged(speaker):
                    self._speaker = speaker
                    _push(self._stayed(), events.SpeakerEvent(participant=speaker))
                case MessageSent():
                    self._deliver(change)
                case _:
                    self._follow_people(change)
                    self._follow_event(change)
        self._tell_slots(slots)

    def _follow_people(self, change: Change) -> None:
        match change:
            case ParticipantJoined(participant):
                self._join(participant)
            case ParticipantUpdated(participant):
                self._update(participant)
            case ParticipantLeft(participant, reason):
                self._leave(participant, reason)
            case ParticipantWaiting():
                self._door.changed = True
            case ParticipantAdmitted(participant):
                if client := self._door.leave(participant.id):
                    self.enter(participant, client)
                    self._guard(client.admitted)
            case ParticipantTurnedAway(participant, reason):
                if client := self._door.leave(participant.id):
                    client.removed(reason)
            case _:
                pass

    def _follow_event(self, change: Change) -> None:
        match change:
            case RoomStarted():
                self._tell(events.StartedEvent())
            case ModeChanged(mode, by):
                self._tell(events.ModeEvent(mode=mode.value, by=by))
                for participant in self._room.participants.values():
                    self._see(participant)
                    if participant.id in self._known:
                        # What they send is to be known again, or no longer.
                        self._for_others.update(participant)
            case LockChanged(locked, by):
                self._tell(events.LockedEvent(locked=locked, by=by))
            case RoomConfigured():
                self._tell(events.RoomEvent(room=views.facts(self._room)))
            case RoomNearlyFull(people, places):
                event = events.NearlyFullEvent(people=people, places=places)
                _push(self._groups["presenters"], event)
            case _:
                return
        if self._room.waiting:
            self._door.changed = True

    def notify(self, participant: str, notice: Notice) -> None:
        """Tells one participant."""
        client = self._clients.get(participant)
        if client is None:
            return
        if isinstance(notice, QualityChanged):
            client.push(self._quality(notice.slots))
        else:
            client.notice(notice)

    def tell_all(self, event: messages.Message) -> None:
        """Sends an event to everybody, those at the door included."""
        self._tell(event)
        _push(self._door, event)

    def flush(self, now: float) -> None:
        """Sends what was gathered, when its time has come."""
        presenters = self._groups["presenters"]
        gathered = self._for_presenters
        if (gathered.names_people or gathered.counts) and now >= self._presenters_at:
            self._for_presenters = Gathering()
            self._presenters_at = now + GATHER
            if presenters:
                _push_frame(presenters.values(), gathered.event(self._room))
        self._flush_others(now)
        if (waiting := self._door.flush(now)) is not None:
            _push_frame(presenters.values(), waiting)
        for id in list(self._to_offer)[:OFFERS]:
            del self._to_offer[id]
            if client := self._clients.get(id):
                self._guard(client.offer_slots)

    def _flush_others(self, now: float) -> None:
        attendees, viewers = self._groups["attendees"], self._groups["viewers"]
        gathered = self._for_others
        # Counts alone may wait: in a full room each of them is a thousand frames.
        count = 0 if gathered.names_people else len(attendees) + len(viewers)
        patience = count / COUNTS_PER_SECOND
        if (gathered.names_people or gathered.counts) and now >= self._others_at + patience:
            self._for_others = Gathering()
            self._others_at = now + GATHER
            if others := [*attendees.values(), *viewers.values()]:
                hidden = self._room.mode is Mode.PRESENTERS_ONLY
                _push_frame(others, gathered.event(self._room, hidden=hidden))
        changed, self._for_themselves = self._for_themselves, {}
        for id, participant in changed.items():
            if client := self._clients.get(id):
                client.push(gathering.frame(self._room, updated=[participant]))

    # People

    def _join(self, participant: Participant) -> None:
        self._for_presenters.counts = self._for_others.counts = True
        if participant.role is Role.VIEWER:
            return
        self._announced.add(participant.id)
        self._for_presenters.join(participant)
        if self._on_stage(participant):
            self._known.add(participant.id)
            self._for_others.join(participant)

    def _update(self, participant: Participant) -> None:
        id = participant.id
        if participant.role is not Role.VIEWER and id not in self._announced:
            self._announced.add(id)
            self._for_presenters.join(participant)
        elif id in self._announced:
            self._for_presenters.update(participant)
        if id in self._known or self._on_stage(participant):
            self._known.add(id)
            self._for_others.update(participant)
        elif not participant.role.presents:
            self._for_themselves[id] = participant
        self._place(participant)

    def _leave(self, participant: Participant, reason: str) -> None:
        id = participant.id
        self._for_presenters.counts = self._for_others.counts = True
        if id in self._announced:
            self._announced.discard(id)
            self._for_presenters.leave(participant)
        if id in self._known:
            self._known.discard(id)
            self._for_others.leave(participant)
        for clients in (*self._groups.values(), self._seeing):
            clients.pop(id, None)
        if client := self._clients.pop(id, None):
            client.removed(reason)

    def _place(self, participant: Participant) -> None:
        """After a change of role: another group, and perhaps other rights to see."""
        id = participant.id
        group = self._groups[_group(participant.role)]
        client = self._clients.get(id)
        if client is None or id in group:
            return
        was_presenter = id in self._groups["presenters"]
        for each in self._groups.values():
            each.pop(id, None)
        group[id] = client
        self._for_presenters.counts = self._for_others.counts = True
        self._see(participant)
        if participant.role.presents:
            people = self.people(participant)
            client.push(gathering.frame(self._room, joined=people))
            self._for_presenters.snapshot(people)
            self._door.changed = self._door.changed or bool(self._room.waiting)
        elif was_presenter:
            # It is told no more of these, so it is not to go on showing them.
            strangers = self._announced - self._known - {id}
            here = self._room.participants
            known = [here[each] for each in self._known | {id} if each in here]
            hidden = not self._room.sees_stage(participant)
            frame = gathering.frame(self._room, left=strangers, updated=known, hidden=hidden)
            client.push(frame)

    def _on_stage(self, participant: Participant) -> bool:
        return participant.place is not None or self._room.sharer == participant.id

    # Slots

    def _see(self, participant: Participant) -> None:
        client = self._clients.get(participant.id)
        sees = self._room.sees_stage(participant)
        if client is None or sees is (participant.id in self._seeing):
            return
        self._turned[participant.id] = sees
        if sees:
            self._seeing[participant.id] = client
        else:
            del self._seeing[participant.id]

    def _stayed(self) -> Clients:
        """Who saw the slots before and does so still; the others are told all or nothing."""
        if not self._turned:
            return self._seeing
        return {id: each for id, each in self._seeing.items() if id not in self._turned}

    def _tell_slots(self, slots: dict[str, answers.SlotContent]) -> None:
        if slots:
            _push(self._stayed(), events.SlotsEvent(slots=slots))
        turned, self._turned = self._turned, {}
        for sees in (True, False):
            ids = [id for id in turned if turned[id] is sees and id in self._clients]
            clients = {id: self._clients[id] for id in ids}
            if clients:
                _push(clients, events.SlotsEvent(slots=views.slots(self._room, hidden=not sees)))
                if self._speaker is not None:
                    speaker = self._speaker if sees else None
                    _push(clients, events.SpeakerEvent(participant=speaker))

    # Frames

    def _deliver(self, message: MessageSent) -> None:
        sender = message.sender
        if message.to == "all":
            readers = self._clients
        elif message.to in self._groups:
            readers = self._groups[message.to]
        else:
            client = self._clients.get(message.to)
            readers = {message.to: client} if client is not None else {}
        event = events.MessageEvent.model_validate(
            {"from": sender, "to": message.to, "topic": message.topic, "body": message.body}
        )
        _push_frame(
            (client for id, client in readers.items() if id != sender), event.model_dump_json()
        )

    def _quality(self, slots: Mapping[str, Picture | None]) -> str:
        # A whole audience gets the same words one after the other: write them once.
        if self._last_quality[0] != slots:
            event = events.QualityEvent(
                slots={slot: views.picture(picture) for slot, picture in slots.items()}
            )
            self._last_quality = (slots, event.model_dump_json())
        return self._last_quality[1]

    def _tell(self, event: messages.Message) -> None:
        _push(self._clients, event)

    def _guard(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            # One client's fault is not to keep the news from the others.
            log.exception("client not told", room=self._room.id, bounded=True)


def audience_of(live: LiveRoom) -> RoomAudience:
    """Who is told of the room."""
    assert isinstance(live.audience, RoomAudience)
    return live.audience


def _group(role: Role) -> str:
    return "presenters" if role.presents else f"{role.value}s"


def _push(clients: Mapping[str, Client], event: messages.Message) -> None:
    if clients:
        _push_frame(clients.values(), event.model_dump_json())


def _push_frame(clients: Iterable[Client], frame: str) -> None:
    for client in list(clients):
        client.push(frame)
