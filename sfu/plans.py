"""Which layer of each slot a receiver gets: the room's budget and the receiver's view.

Receivers that look at the same things share one plan, so a change costs one
computation for a whole audience.
"""

from collections.abc import Callable, Mapping
from typing import Final

from sfu.bandwidth.layers import Choice, Demand, Layer, choose
from sfu.config.budgets import download
from sfu.events import ScreenShown, SeatShown, Shown
from sfu.participant import Participant, SlotView, View
from sfu.room import SCREEN, Room, slot_of

MICROPHONE_BPS: Final = 64_000
"""What an open microphone needs of a budget, headers included."""

SCREEN_PRIORITY: Final = 100
"""Cameras step down before the screen does, unless a view says otherwise."""

PINNED_PRIORITY: Final = 50
"""Likewise for who is pinned."""

DEFAULT_HEIGHT: Final = {"sd": 360, "hd": 720}
"""Of a camera's picture where the view says nothing."""

MAX_PLANS: Final = 256
"""Plans remembered; views can be as many as people think of."""

Plan = Mapping[str, Choice | None]
"""A choice for each slot that has a picture; None where the view has switched it off."""


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


class Plans:
    """The plans in force; `forget` them when what is on the stage has changed."""

    def __init__(self, room: Room, pictures: Callable[[], Mapping[str, tuple[Layer, ...]]]) -> None:
        self._room = room
        self._pictures = pictures
        self._shown: Mapping[str, tuple[Layer, ...]] | None = None
        self._plans: dict[object, Plan] = {}

    def forget(self) -> None:
        """To be called when slots, mutes or rates have changed."""
        self._shown = None
        self._plans.clear()

    def plan(self, view: View, own: frozenset[str]) -> Plan:
        """What somebody with this view gets of the slots that are not their own."""
        key = (tuple(sorted(view.slots.items(), key=_by_name)), view.pin, own)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = self._plans[key] = self._make(view, own)
        return plan

    def _make(self, view: View, own: frozenset[str]) -> Plan:
        if self._shown is None:
            self._shown = self._pictures()
        shown = {slot: layers for slot, layers in self._shown.items() if slot not in own}
        demands = []
        for slot, layers in shown.items():
            looked = view.slots.get(slot, SlotView())
            if looked != "off":
                demands.append(self._demand(slot, layers, looked, view.pin))
        chosen = choose(demands, self._budget(shown, own))
        return {slot: chosen.get(slot) for slot in shown}

    def _demand(
        self, slot: str, layers: tuple[Layer, ...], looked: SlotView, pin: str | None
    ) -> Demand:
        height, priority = looked.max_height, looked.priority
        if slot == SCREEN:
            return Demand(slot, layers, height, SCREEN_PRIORITY if priority is None else priority)
        if height is None:
            height = DEFAULT_HEIGHT[self._room.options.video]
        if priority is None:
            shown = self._room.shown(slot)
            pinned = shown is not None and shown.participant == pin
            priority = PINNED_PRIORITY if pinned else 0
        return Demand(slot, layers, height, priority)

    def _budget(self, shown: Mapping[str, tuple[Layer, ...]], own: frozenset[str]) -> int:
        """bit/s for pictures: the call type's ceiling without what open microphones need."""
        room = self._room
        cameras = len(shown) - (SCREEN in shown)
        ceiling = download(
            cameras, room.options.video, room.options.screen if SCREEN in shown else None
        )
        microphones = sum(_sounds(room.shown(slot)) for slot in room.slots if slot not in own)
        microphones = min(microphones, room.options.microphones)
        return ceiling.total - min(ceiling.audio, MICROPHONE_BPS * max(1, microphones))


def _sounds(shown: Shown) -> bool:
    match shown:
        case SeatShown(_, _, microphone):
            return microphone
        case ScreenShown(_, _, screen_audio):
            return screen_audio
    return False


def _by_name(item: tuple[str, object]) -> str:
    return item[0]
