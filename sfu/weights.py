"""Whose pictures get the larger share of a slow path while they wait for each other."""

from collections.abc import Mapping
from typing import Final

from sfu.room import SCREEN, Room
from sfu.sites import Sites

FIRST: Final = 2
"""Of the screen and of who spoke last, by whom the call is followed."""
OTHERS: Final = 1


class Weights:
    """Of one room's picture routes; all receivers share them."""

    def __init__(self, sites: Sites, room: Room) -> None:
        self._sites = sites
        self._room = room
        self._speaker: str | None = None
        self._told: dict[int, int] = {}

    def speak(self, participant: str | None) -> None:
        """Who speaks now; while nobody does, who spoke last counts."""
        self._speaker = participant or self._speaker

    def refresh(self, routes: Mapping[str, int]) -> None:
        """Tells the workers of these routes, by slot, what is other than before."""
        for slot, route in routes.items():
            weight = FIRST if self._is_first(slot) else OTHERS
            if self._told.get(route, OTHERS) != weight:
                self._told[route] = weight
                self._sites.weigh(route, weight)

    def _is_first(self, slot: str) -> bool:
        if slot == SCREEN:
            return True
        shown = self._room.shown(slot)
        return shown is not None and shown.participant == self._speaker
