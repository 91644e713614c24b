"""What paths carried lately, by who or where they are: a better start than a guess.

Who comes back after a reload, or sits in the same office as others, need not begin at 300 kbit/s.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

VALID: Final = 600.0
"""Seconds; networks change."""
PART: Final = 0.7
"""Of the rate remembered: others may have come meanwhile."""
MOST_KEYS: Final = 10_000


class RatePriors:
    """Rates in bit/s by key (an account, an address prefix), the oldest forgotten first."""

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._most_keys = most_keys
        self._rates: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rates)

    def learn(self, key: Hashable, rate: float, now: float) -> None:
        """What a path of that key was last believed to carry."""
        self._rates[key] = rate, now
        self._rates.move_to_end(key)
        if len(self._rates) > self._most_keys:
            self._rates.popitem(last=False)

    def start(self, key: Hashable, now: float, otherwise: float) -> float:
        """What to begin with; never less than `otherwise`, since probes correct it at once."""
        rate, learnt_at = self._rates.get(key, (0.0, now))
        if now - learnt_at > VALID:
            del self._rates[key]
            return otherwise
        return max(PART * rate, otherwise)
