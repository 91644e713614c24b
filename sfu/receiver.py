"""One participant's receiving connection: egresses, what they show, what the client is told."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol

from sfu.bandwidth.staircase import ALL_TEMPORAL, NOTHING, PAUSED, Aim
from sfu.events import Picture, Reason
from sfu.plans import Looked, Plan
from sfu.sent import TEMPORAL, Frame, Sent

if TYPE_CHECKING:
    from sfu.transport import Transport

Target = tuple[int, int, int] | tuple[int, int, int, bool]
"""Egress, spatial and temporal layer, and whether a higher layer ends at once, as
`Worker.set_targets` takes them."""


class Descent(Enum):
    """How a picture goes down to a lower spatial layer, whose keyframe takes a while to come."""

    AS_IT_WAS = auto()
    """The higher layer goes on meanwhile."""
    SLOWED = auto()
    """With as few frames as it can: the path carries too little."""
    AT_ONCE = auto()
    """It ends: the path carries far too little, and even that would hold up all keyframes."""


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
    retarget: Callable[[list[Target]], None]
    """Has the worker aim egresses."""
    audio: dict[str, int] = field(default_factory=dict)
    """Egress by slot."""
    video: dict[str, int] = field(default_factory=dict)
    codecs: frozenset[str] = frozenset()
    """Those that the client takes."""
    looked: Looked | None = None
    plan: Plan | None = None
    """Shared between receivers."""
    aims: Mapping[str, Aim] = field(default_factory=dict)
    """What each slot may show now; shared between receivers."""
    level: int | None = None
    """How far up the plan's staircase that is; None while the path is not up."""
    available: int | None = None
    """bit/s that the client was told its path carries while that is too little."""
    news: bool = False
    """Whether `take_pictures` is worth calling."""
    _targets: dict[int, Aim] = field(default_factory=dict)
    _held: dict[int, Target] = field(default_factory=dict)
    """Targets for when a lower layer has come; until then the higher one goes on, with as few
    frames as it can."""
    _showing: dict[int, tuple[int, int]] = field(default_factory=dict)
    _told: dict[str, Picture | None] = field(default_factory=dict)

    @property
    def told(self) -> Mapping[str, Picture | None]:
        """What the client knows of its pictures, by slot."""
        return self._told

    def switched(self, egress: int, track: int | None, spatial: int) -> None:
        """What an egress forwards now (EgressOwner)."""
        if track is None:
            self._showing.pop(egress, None)
        else:
            self._showing[egress] = (track, spatial)
        self.news = True
        held = self._held.get(egress)
        if held is not None and spatial <= held[1]:
            del self._held[egress]
            self.retarget([held])

    def aim_audio(self, own: frozenset[str]) -> list[Target]:
        """Targets that change with the slots that carry no media."""
        return [
            target
            for slot, egress in self.audio.items()
            for target in self._aim(egress, NOTHING if slot in own else _SOUND)
        ]

    def aim_video(self, slots: Iterable[str], descent: Descent) -> list[Target]:
        """Targets that change with `aims`, of these slots."""
        targets: list[Target] = []
        for slot in slots:
            egress = self.video.get(slot)
            if egress is not None:
                aim = self.aims.get(slot, NOTHING)
                targets += (self._lower(aimed, descent) for aimed in self._aim(egress, aim))
        self.news = True
        return targets

    def _aim(self, egress: int, aim: Aim) -> list[tuple[int, int, int]]:
        if self._targets.get(egress) == aim:
            return []
        self._targets[egress] = aim
        self._held.pop(egress, None)
        return [(egress, *aim)]

    def _lower(self, target: tuple[int, int, int], descent: Descent) -> Target:
        egress, spatial, temporal = target
        showing = self._showing.get(egress)
        if descent is Descent.AS_IT_WAS or showing is None or not PAUSED < spatial < showing[1]:
            return target
        if descent is Descent.AT_ONCE:
            return (*target, True)
        if temporal:
            self._held[egress] = target
        return egress, spatial, 0

    @property
    def showing(self) -> set[int]:
        """The tracks of whose pictures something is forwarded."""
        return {track for track, spatial in self._showing.values() if spatial >= 0}

    def aim_again(self, slot: str) -> None:
        """Has a picture begin anew."""
        egress, aim = self.video[slot], self.aims.get(slot, NOTHING)
        self.retarget([(egress, PAUSED, ALL_TEMPORAL), (egress, *aim)])

    def missing(self, pictures: Pictures, sent: Mapping[str, Sent]) -> tuple[str, int] | None:
        """A slot, and the track there, of whose picture nothing is forwarded though it is sent and
        there is room for it; `sent` is what comes, by slot."""
        if self.level is None or self.plan is None or self.level < self.plan.staircase.top:
            return None
        for slot, each in sent.items():
            egress = self.video.get(slot)
            if egress is None or self.aims.get(slot, NOTHING).spatial == PAUSED:
                continue
            if each.track.media.codec not in self.codecs:
                continue
            showing, track = self._showing.get(egress), pictures.visible(slot)
            if showing is not None and showing[0] == track and showing[1] >= 0:
                continue
            if track is not None and any(frame and frame.fps for frame in each.frames):
                return slot, track
        return None

    # What the client is told

    def take_pictures(self, pictures: Pictures) -> dict[str, Picture | None]:
        """The pictures that have changed enough to be worth a word, by slot."""
        self.news = False
        changed = {}
        for slot, egress in self.video.items():
            if self.looked is None or slot in self.looked.own:
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
        track, plan = pictures.visible(slot), self.plan
        if track is None or plan is None:
            return None
        if slot in plan.off:
            return Picture(0, 0, 0, "off")
        end = plan.staircase.ends.get(slot)
        if end is None:
            return None
        if self.level is None:
            return UNDECIDED
        aim = self.aims.get(slot, NOTHING)
        reason: Reason = end.reason if aim == end.aim else "link"
        if aim.spatial == PAUSED:
            return Picture(0, 0, 0, reason)
        showing = self._showing.get(egress)
        if showing is None or showing[0] != track or showing[1] < 0:
            return UNDECIDED
        frame = pictures.frame(track, showing[1])
        if frame is None:
            return UNDECIDED
        if frame.fps == 0:
            return Picture(frame.width, frame.height, 0, "publisher")
        if showing[1] < aim.spatial:
            better = pictures.frame(track, aim.spatial)
            if better is not None and better.fps:
                return UNDECIDED
            reason = "publisher"
        return Picture(frame.width, frame.height, _fps(frame.fps, aim), reason)


UNDECIDED: Final = Picture(-1, -1, -1, "publisher")
"""Between two pictures: there is nothing to say yet."""

_SOUND: Final = Aim(0, ALL_TEMPORAL)


def _fps(fps: int, aim: Aim) -> int:
    """Each temporal layer doubles the frame rate of those below."""
    return fps >> max(0, TEMPORAL - 1 - aim.temporal) or 1


def _differs(told: Picture | None, now: Picture | None) -> bool:
    if told is None or now is None:
        return told is not now
    if (told.width, told.height, told.reason) != (now.width, now.height, now.reason):
        return True
    return abs(told.fps - now.fps) > max(2, told.fps // 5)
