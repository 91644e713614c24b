"""What those see and hear who have few m-lines: the stage in one or two pictures and sounds.

Others have an m-line for every slot. A player that knows nothing of slots has a fixed few; each is
one egress that goes from slot to slot:

- first picture: the screen while it is shared, else who spoke last; second: who is next in line
- first sound: who spoke last; the screen's, while it has some and nobody speaks, unless there is a
  second one, which is the screen's
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sfu.events import Shown
from sfu.forwarder import Forwarder
from sfu.participant import View
from sfu.receiver import EgressPlan, Receiver
from sfu.room import SCREEN, Room, slot_of

MOST: Final = 2
"""Pictures, and sounds, of one player."""

MAX_SPEAKERS: Final = 32
"""Former speakers remembered."""


class Line(NamedTuple):
    """An m-line of a player, and its stream's numbers."""

    video: bool
    mid: str
    ssrc: int
    rtx_ssrc: int


class Attention(NamedTuple):
    """The slots of the pictures, of the sounds, and of the sound of who has only one."""

    pictures: tuple[str, str]
    sounds: tuple[str, str]
    sound: str

    def of(self, lines: int, *, video: bool) -> tuple[str, ...]:
        """The slots of so many lines of a kind."""
        if video:
            return self.pictures[:lines]
        return (self.sound,) if lines == 1 else self.sounds[:lines]


@dataclass(slots=True, eq=False)
class _Player:
    receiver: Receiver
    pictures: list[int] = field(default_factory=list)
    """Egresses, by line."""
    sounds: list[int] = field(default_factory=list)


class Focus:
    """Of one room; decides and keeps, and orders nothing."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._players: dict[Receiver, _Player] = {}
        self._speakers: list[str] = []
        self._speaking = False
        self._now = Attention((slot_of(0), SCREEN), (slot_of(0), SCREEN), slot_of(0))
        self._views: dict[int, View] = {}
        """By number of pictures."""
        self._slots = 0

    @property
    def receivers(self) -> Iterable[Receiver]:
        """The players'."""
        return self._players.keys()

    def speak(self, participant: str | None) -> None:
        """Who speaks now, None for nobody."""
        self._speaking = participant is not None
        if participant is not None:
            former = [each for each in self._speakers if each != participant]
            self._speakers = [participant, *former[: MAX_SPEAKERS - 1]]

    def plans(self, participant: str, lines: Iterable[Line]) -> list[EgressPlan]:
        """Which slot each line shows to begin with; the participant looks at those from now on."""
        self._look()
        ordered = list(lines)
        pictures = [line for line in ordered if line.video]
        sounds = [line for line in ordered if not line.video]
        self._room.participant(participant).view = self._views[len(pictures)]
        return [
            EgressPlan(slot, line.video, line.mid, line.ssrc, line.rtx_ssrc)
            for kind in (pictures, sounds)
            for slot, line in zip(
                self._now.of(len(kind), video=kind is pictures), kind, strict=True
            )
        ]

    def add(self, receiver: Receiver) -> None:
        """A player's, made as `plans` says."""
        player = _Player(receiver)
        pictures = self._now.of(len(receiver.video), video=True)
        player.pictures = [receiver.video[slot] for slot in pictures]
        sounds = self._now.of(len(receiver.audio), video=False)
        player.sounds = [receiver.audio[slot] for slot in sounds]
        self._players[receiver] = player

    def remove(self, receiver: Receiver) -> None:
        """It is gone, if it was one."""
        self._players.pop(receiver, None)

    def follow(self, route: Callable[[str, bool], int]) -> dict[Forwarder, list[tuple[int, int]]]:
        """After a change of the room: the egresses that go to another slot, and its route, by
        worker."""
        moves: dict[Forwarder, list[tuple[int, int]]] = {}
        if not self._players or not self._look():
            return moves
        for receiver, player in self._players.items():
            view = self._views[len(player.pictures)]
            self._room.participant(receiver.participant).view = view
            for video, egresses in ((True, player.pictures), (False, player.sounds)):
                slots = self._now.of(len(egresses), video=video)
                now = dict(zip(slots, egresses, strict=True))
                before = receiver.video if video else receiver.audio
                for slot, egress in now.items():
                    if before.get(slot) != egress:
                        there = moves.setdefault(receiver.transport.forwarder, [])
                        there.append((egress, route(slot, video)))
                if video:
                    receiver.video = now
                else:
                    receiver.audio = now
        return moves

    def _look(self) -> bool:
        """Whether anything is other than before."""
        pictures, sounds = self._pictures(), self._sounds()
        quiet = not self._speaking and _sounds(self._room.shown(SCREEN))
        now = Attention(pictures, sounds, SCREEN if quiet else sounds[0])
        slots = self._room.slots
        if now == self._now and len(slots) == self._slots:
            return False
        self._now, self._slots = now, len(slots)
        for lines in range(MOST + 1):
            seen = pictures[:lines]
            self._views[lines] = View(slots={slot: "off" for slot in slots if slot not in seen})
        return True

    def _pictures(self) -> tuple[str, str]:
        slots = self._room.slots
        order = self._ranked((slot for slot in slots if _shows(self._room.shown(slot))), 0)
        main, second = (*order, None, None)[:2]
        main = main or self._now.pictures[0]
        if second is None:
            others = (slot for slot in (self._now.pictures[1], *slots) if slot != main)
            second = next(others, SCREEN)
        return main, second

    def _sounds(self) -> tuple[str, str]:
        seats = (slot for slot in self._room.slots if slot != SCREEN)
        heard = self._ranked((slot for slot in seats if _sounds(self._room.shown(slot))), 1)
        return (heard[0] if heard else self._now.sounds[0]), SCREEN

    def _ranked(self, slots: Iterable[str], kind: int) -> list[str]:
        """Who spoke last first; of equals the one that is there already."""
        there = self._now[kind][0]

        def rank(slot: str) -> tuple[int, bool]:
            shown = self._room.shown(slot)
            if slot == SCREEN or shown is None:
                return -1, False
            known = shown.participant in self._speakers
            recency = self._speakers.index(shown.participant) if known else MAX_SPEAKERS
            return recency, slot != there

        return sorted(slots, key=rank)


def _shows(shown: Shown) -> bool:
    return shown is not None and shown.shows


def _sounds(shown: Shown) -> bool:
    return shown is not None and shown.sounds
