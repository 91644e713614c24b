"""What a room is made of, and how its slots follow from that."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sfu.config import SLOTS
from sfu.errors import Refusal
from sfu.events import Change, ParticipantUpdated, ScreenShown, SeatShown, Shown, SlotChanged
from sfu.options import Mode, Options, State
from sfu.participant import Participant, Role
from sfu.room.queue import Queue
from sfu.track import Source

SCREEN: Final = "screen"
REMEMBERED: Final = 10_000
"""Identities that a room remembers decisions about; the oldest are forgotten."""


def slot_of(place: int) -> str:
    """The slot that shows a seat, or a place of the gallery."""
    return f"seat-{place}"


@dataclass(slots=True)
class Record:
    """What an identity keeps for the event, whoever's token they come back with."""

    blocked: bool = False
    allowed: frozenset[Source] | None = None
    demoted: bool = False
    """Their seat was taken: a presenter's token makes them an attendee."""


class RoomState:
    """Data, and reading of it."""

    def __init__(self, tenant: str, id: str, options: Options, state: State = State.LIVE) -> None:
        self.tenant = tenant
        self.id = id
        self.options = options
        self.state = state
        self.mode = Mode.MEETING if options.kind == "meeting" else Mode.WEBINAR
        self.locked = False
        self.started_at: float | None = None
        self.participants: dict[str, Participant] = {}
        self.waiting = Queue()
        """Who is at the door, in the order of their coming."""
        self.seats: list[str | None] = [None] * (1 + options.presenters)
        self.gallery: dict[int, str] = {}
        """Who is shown on which place behind the seats."""
        self.places = len(self.seats)
        """Slots there are without the screen's; it only ever grows."""
        self.sharer: str | None = None
        """Who has the screen's slot."""
        self.banned: set[str] = set()
        self.records: dict[str, Record] = {}
        """What presenters decided about an identity; it outlives a reload of their page."""
        self.admitted: set[str] = set()
        """Identities that a presenter let in while newcomers wait."""
        self.counts: dict[Role, int] = dict.fromkeys(Role, 0)
        self.awaited: dict[str, Role] = {}
        """Whom a restart has cut off, by identity: nobody else is let in to their places while they
        may still come back."""
        self.nearly_full = False
        self.admissions = 0.0
        """How many may come in from the queue now; filled again by time."""
        self.admissions_at = 0.0
        self.flowing = False
        """Whether somebody waits for nothing but their turn: time alone lets them in."""
        self.identities: dict[str, str] = {}
        """Who is in the room or waits, by identity."""
        if self.mode is Mode.MEETING:
            self.places = min(self.meeting_places, SLOTS - 1)
        self._shown: dict[str, Shown] = dict.fromkeys(self.slots)

    @property
    def slots(self) -> list[str]:
        """The names of all slots: the seats, the gallery, then the screen."""
        return [slot_of(place) for place in range(self.places)] + [SCREEN]

    @property
    def meeting_places(self) -> int:
        """Slots that a meeting needs: everybody may be without a seat."""
        return len(self.seats) + self.options.meeting

    def shown(self, slot: str) -> Shown:
        """What a slot shows to those who may see it."""
        return self._shown[slot]

    def sees_stage(self, participant: Participant) -> bool:
        """Whether anything on the stage is for this participant."""
        return self.mode is not Mode.PRESENTERS_ONLY or participant.role.presents

    def participant(self, id: str) -> Participant:
        """Raises Refusal if nobody in the room has this id."""
        found = self.participants.get(id)
        if found is None:
            raise Refusal("participant_not_found", "there is no such participant in the room")
        return found

    def record(self, participant: Participant) -> Record:
        """What is kept of somebody's identity, to be changed."""
        if participant.identity not in self.records and len(self.records) >= REMEMBERED:
            del self.records[next(iter(self.records))]
        return self.records.setdefault(participant.identity, Record())

    def await_these(self, awaited: dict[str, Role]) -> None:
        """Keeps places for them, and no longer for others: who waits for one may come in."""
        if len(awaited) < len(self.awaited) and self.waiting:
            self.flowing = True
        self.awaited = awaited

    def taken(self, role: Role) -> int:
        """Places of a role that are somebody's: of those inside, and of those who are awaited."""
        return self.counts[role] + sum(each is role for each in self.awaited.values())

    def open_door(self, identities: Iterable[str]) -> None:
        """These need not wait for anything but a place, now and when they come again."""
        self.admitted.update(identities)
        if len(self.admitted) > REMEMBERED:
            self.admitted &= self.identities.keys()

    def role_of(self, id: str) -> Role | None:
        """Of somebody inside or at the door."""
        found = self.participants.get(id) or self.waiting.get(id)
        return found.role if found is not None else None

    @property
    def cameras(self) -> int:
        """How many cameras are on, shown or hidden by a mute."""
        return sum(Source.CAMERA in each.tracks for each in self.participants.values())

    @property
    def camera_limit(self) -> int:
        """How many cameras the mode shows at a time."""
        return self.options.meeting if self.mode is Mode.MEETING else self.options.cameras

    # Slots

    def add_places(self, places: int) -> list[str]:
        """Makes more slots, as far as there may be more; gives the names of the new ones."""
        places = min(places, SLOTS - 1)
        names = [slot_of(place) for place in range(self.places, places)]
        self.places = max(self.places, places)
        self._shown.update(dict.fromkeys(names))
        return names

    def show_all(self, participant: Participant) -> list[Change]:
        """Every slot that has to do with somebody."""
        changes: list[Change] = []
        if participant.place is not None:
            changes += self.show(slot_of(participant.place))
        if self.sharer in (None, participant.id):
            changes += self.show(SCREEN)
        return changes

    def show(self, slot: str) -> list[Change]:
        """What a slot shows now, if that is something else."""
        now_shown = self._content(slot)
        if now_shown == self._shown[slot]:
            return []
        self._shown[slot] = now_shown
        return [SlotChanged(slot, now_shown)]

    def updated(self, participant: Participant) -> Change:
        """Name, role, seat, status or sources have changed."""
        return ParticipantUpdated(participant)

    def _content(self, slot: str) -> Shown:
        if slot == SCREEN:
            if self.sharer is None:
                return None
            sharer = self.participants[self.sharer]
            return ScreenShown(
                sharer.id, sharer.sends(Source.SCREEN), sharer.sends(Source.SCREEN_AUDIO)
            )
        place = int(slot.removeprefix("seat-"))
        occupant = self.seats[place] if place < len(self.seats) else self.gallery.get(place)
        if occupant is None:
            return None
        seated = self.participants[occupant]
        return SeatShown(seated.id, seated.sends(Source.CAMERA), seated.sends(Source.MICROPHONE))
