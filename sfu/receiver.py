"""One participant's receiving connection: egresses, what they show, what the client is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from sfu.bandwidth.layers import PAUSED, Choice
from sfu.events import Picture
from sfu.sent import Frame

if TYPE_CHECKING:
    from sfu.transport import Transport

ALL_TEMPORAL: Final = 7


@dataclass(frozen=True, slots=True)
class EgressPlan:
    """An m-line that a client receives: the slot and kind it shows, and its stream's numbers."""

    slot: str
    video: bool
    mid: str
    ssrc: int
    rtx_ssrc: int


class Pictures(Protocol):
    """Where a receiver looks up what a track's layer is now."""

    def frame(self, track: int, spatial: int) -> Frame | None:
        """None while unknown."""

    def visible(self, slot: str) -> int | None:
        """The track that a slot's picture comes from, None when there is none or it is muted."""


@dataclass(slots=True, eq=False)
class Receiver:
    """Kept small: there is one per attendee."""

    participant: str
    transport: "Transport"
    audio: dict[str, int] = field(default_factory=dict)
    """Egress by slot."""
    video: dict[str, int] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    """The slots that show the participant; they carry no media."""
    plan: Mapping[str, Choice | None] = field(default_factory=dict)
    """What each slot's picture may be; None where it is switched off. Shared between receivers."""
    news: bool = False
    """Whether `take_pictures` is worth calling."""
    _targets: dict[int, int] = field(default_factory=dict)
    _showing: dict[int, tuple[int, int]] = field(default_factory=dict)
    _told: dict[str, Picture | None] = field(default_factory=dict)

    def switched(self, egress: int, track: int | None, spatial: int) -> None:
        """What an egress forwards now."""
        if track is None:
            self._showing.pop(egress, None)
        else:
            self._showing[egress] = (track, spatial)
        self.news = True

    def retarget(
        self, plan: Mapping[str, Choice | None], own: frozenset[str]
    ) -> list[tuple[int, int, int]]:
        """The targets that change under a new plan: (egress, spatial, temporal) each."""
        self.plan = plan
        self.own = own
        self.news = True
        changed = []
        for slot, egress in self.audio.items():
            spatial = PAUSED if slot in own else 0
            if self._targets.get(egress) != spatial:
                self._targets[egress] = spatial
                changed.append((egress, spatial, ALL_TEMPORAL))
        for slot, egress in self.video.items():
            spatial = self._spatial(slot)
            if self._targets.get(egress) != spatial:
                self._targets[egress] = spatial
                changed.append((egress, spatial, ALL_TEMPORAL))
        return changed

    def _spatial(self, slot: str) -> int:
        choice = self.plan.get(slot)
        return PAUSED if choice is None or slot in self.own else choice.spatial

    def take_pictures(self, pictures: Pictures) -> dict[str, Picture | None]:
        """The pictures that have changed enough to be worth a word, by slot."""
        self.news = False
        changed = {}
        for slot, egress in self.video.items():
            if slot in self.own:
                continue
            picture = self._picture(slot, egress, pictures)
            if picture is UNDECIDED:
                self.news = True
                continue
            told = self._told.get(slot)
            if _differs(told, picture):
                self._told[slot] = picture
                changed[slot] = picture
        return changed

    def _picture(self, slot: str, egress: int, pictures: Pictures) -> Picture | None:
        track = pictures.visible(slot)
        if track is None or slot not in self.plan:
            return None
        choice = self.plan[slot]
        if choice is None:
            return Picture(0, 0, 0, "off")
        if choice.spatial == PAUSED:
            return Picture(0, 0, 0, "budget")
        showing = self._showing.get(egress)
        if showing is None or showing[0] != track or showing[1] < 0:
            return UNDECIDED
        frame = pictures.frame(track, showing[1])
        if frame is None:
            return UNDECIDED
        if frame.fps == 0:
            return Picture(frame.width, frame.height, 0, "source")
        reason = "source" if showing[1] < choice.spatial else choice.reason
        return Picture(frame.width, frame.height, frame.fps, reason)


UNDECIDED: Final = Picture(-1, -1, -1, "source")
"""Between two pictures: there is nothing to say yet."""


def _differs(told: Picture | None, now: Picture | None) -> bool:
    if told is None or now is None:
        return told is not now
    if (told.width, told.height, told.reason) != (now.width, now.height, now.reason):
        return True
    return abs(told.fps - now.fps) > max(2, told.fps // 5)
