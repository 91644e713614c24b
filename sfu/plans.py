"""What each receiver may be given: a staircase for every way of looking at the stage.

Receivers that look at the same things share one plan, so a change costs one
computation for a whole audience.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from sfu.bandwidth.staircase import Demand, Layer, Staircase, staircase
from sfu.config.budgets import download
from sfu.participant import Participant, SlotView, View
from sfu.room import SCREEN, Room, slot_of

MICROPHONE_BPS: Final = 64_000
"""What an open microphone needs of a budget, headers included."""

SCREEN_PRIORITY: Final = 100
"""Cameras step down before the screen does, unless a view says otherwise."""

PINNED_PRIORITY: Final = 50
"""Likewise for who is pinned."""

SPEAKER_PRIORITY: Final = 40
"""Likewise for who speaks."""

DEFAULT_HEIGHT: Final = {"sd": 360, "hd": 720}
"""Of a camera's picture where the view says nothing."""

MAX_PLANS: Final = 256
"""Plans remembered; views can be as many as people think of."""

MAX_SPEAKERS: Final = 32
"""Former speakers remembered: of equals, who spoke last is shown better."""


class Looked(NamedTuple):
    """All of a view that plans depend on; `own` are the slots that carry no media, `codecs` those
    that pictures may be in, None for all."""

    slots: tuple[tuple[str, SlotView | Literal["off"]], ...]
    pin: str | None
    follows_speaker: bool
    own: frozenset[str]
    codecs: frozenset[str] | None = None


class Plan(NamedTuple):
    """What is climbed, and the slots with a picture that are switched off."""

    staircase: Staircase
    off: frozenset[str]


def own_slots(room: Room, participant: Participant) -> frozenset[str]:
    """The slots that carry no media to the participant: their own, or all that are not for them."""
    if not room.sees_stage(participant):
        return frozenset(room.slots)
    own = set()
    if participant.place is not None:
        own.add(slot_of(participant.place))
    if room.sharer == participant.id:
        own.add(SCREEN)
    return frozenset(own)


def looked(view: View, own: frozenset[str], codecs: frozenset[str] | None = None) -> Looked:
    """What somebody with this view and these codecs looks at, apart from the slots that are their
    own."""
    slots = tuple(sorted(view.slots.items(), key=_by_name))
    return Looked(slots, view.pin, view.auto_speaker is not False, own, codecs)


class Plans:
    """The plans in force; `forget` them when what is on the stage has changed."""

    def __init__(
        self,
        room: Room,
        pictures: Callable[[], Mapping[str, tuple[Layer, ...]]],
        codecs: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`pictures` and `codecs` tell of each slot that has a picture."""
        self._room = room
        self._pictures = pictures
        self._codecs = codecs
        self._coded: Mapping[str, str] = {}
        self._shown: Mapping[str, tuple[Layer, ...]] | None = None
        self._plans: dict[Looked, Plan] = {}
        self._speakers: list[str] = []
        self._speaking = False

    def forget(self) -> None:
        """To be called when slots, mutes or rates have changed."""
        self._shown = None
        self._plans.clear()

    def speak(self, participant: str | None) -> None:
        """Who speaks now, None for nobody."""
        self._speaking = participant is not None
        if participant is not None:
            former = [each for each in self._speakers if each != participant]
            self._speakers = [participant, *former[: MAX_SPEAKERS - 1]]
        self.forget()

    def plan(self, looked: Looked) -> Plan:
        """What somebody gets who looks at the stage like that."""
        plan = self._plans.get(looked)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = self._plans[looked] = self._make(looked)
        return plan

    def _make(self, looked: Looked) -> Plan:
        if self._shown is None:
            self._shown, self._coded = self._pictures(), self._codecs()
        shown = {slot: layers for slot, layers in self._shown.items() if slot not in looked.own}
        views = dict(looked.slots)
        off = frozenset(slot for slot in shown if views.get(slot) == "off")
        demands = [
            self._demand(slot, layers, view, looked)
            for slot, layers in shown.items()
            if (view := views.get(slot, _DEFAULT)) != "off" and self._can_be_shown(slot, looked)
        ]
        audio, ceiling = self._budget(shown, looked.own)
        return Plan(staircase(demands, audio=audio, ceiling=ceiling), off)

    def _can_be_shown(self, slot: str, looked: Looked) -> bool:
        """What a receiver did not accept cannot be sent: no budget is for that."""
        codec = self._coded.get(slot)
        return looked.codecs is None or codec is None or codec in looked.codecs

    def _demand(
        self, slot: str, layers: tuple[Layer, ...], view: SlotView, looked: Looked
    ) -> Demand:
        height, priority = view.max_height, view.priority
        if slot == SCREEN:
            priority = SCREEN_PRIORITY if priority is None else priority
            return Demand(slot, layers, height, priority, detail=True)
        shown = self._room.shown(slot)
        shows = shown.participant if shown is not None else None
        recency = self._speakers.index(shows) if shows in self._speakers else MAX_SPEAKERS
        if priority is None:
            priority = 0
            if shows is not None and shows == looked.pin:
                priority = PINNED_PRIORITY
            elif recency == 0 and self._speaking and looked.follows_speaker:
                priority = SPEAKER_PRIORITY
        if height is None:
            height = DEFAULT_HEIGHT[self._room.options.video]
        return Demand(slot, layers, height, priority, recency)

    def _budget(
        self, shown: Mapping[str, tuple[Layer, ...]], own: frozenset[str]
    ) -> tuple[int, int]:
        """bit/s that open microphones need, and the call type's ceiling for everything."""
        room = self._room
        cameras = len(shown) - (SCREEN in shown)
        ceiling = download(
            cameras, room.options.video, room.options.screen if SCREEN in shown else None
        )
        others = (room.shown(slot) for slot in room.slots if slot not in own)
        microphones = sum(shown is not None and shown.sounds for shown in others)
        microphones = min(microphones, room.options.microphones)
        return min(ceiling.audio, MICROPHONE_BPS * max(1, microphones)), ceiling.total


_DEFAULT: Final = SlotView()


def _by_name(item: tuple[str, object]) -> str:
    return item[0]
