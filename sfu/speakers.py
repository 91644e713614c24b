"""Who speaks: the active speaker from audio levels (RFC 6464), without flapping.

    nobody --somebody is heard for HOLD--> speaker --silent for PAUSE--> nobody
                                             |  ^
                     another one is louder by MARGIN for HOLD

The worker reports only microphones that its noise floor takes for audible, so
steady noise never gets here.
"""

from collections.abc import Sequence
from typing import Final

MARGIN: Final = 6.0
"""dB that another one must be louder while the speaker still talks."""

HOLD: Final = 0.5
"""Seconds that a challenger must stay ahead: a cough or a "yes" does not take the picture."""

PAUSE: Final = 4.0
"""Seconds of silence after which nobody is the speaker."""

YIELD: Final = 0.8
"""Seconds of silence after which the speaker has no advantage any more."""

_SMOOTHING: Final = 0.5


class Speakers:
    """Of one room; `now` is monotonic, in seconds."""

    def __init__(self) -> None:
        self.speaker: str | None = None
        self._loudness: dict[str, float] = {}
        self._heard_at: dict[str, float] = {}
        self._challenger: str | None = None
        self._since = 0.0

    def update(self, levels: Sequence[tuple[str, int]], now: float) -> bool:
        """Takes the levels of those who are audible, in -dBov; says whether `speaker` changed."""
        heard = dict(levels)
        for participant, level in heard.items():
            loudness = 127.0 - level
            before = self._loudness.get(participant, loudness)
            self._loudness[participant] = before + _SMOOTHING * (loudness - before)
            self._heard_at[participant] = now
        for participant in [p for p in self._loudness if p not in heard]:
            del self._loudness[participant]
        return self._challenge(now) or self.expire(now)

    def forget(self, participant: str) -> bool:
        """Somebody is gone or muted; says whether `speaker` changed."""
        self._loudness.pop(participant, None)
        self._heard_at.pop(participant, None)
        if self._challenger == participant:
            self._challenger = None
        if self.speaker != participant:
            return False
        self.speaker = None
        return True

    def expire(self, now: float) -> bool:
        """Ends a speaker who has been silent; says whether `speaker` changed."""
        if self.speaker is None or now - self._heard_at.get(self.speaker, now) < PAUSE:
            return False
        self.speaker = None
        return True

    def _challenge(self, now: float) -> bool:
        others = {p: loud for p, loud in self._loudness.items() if p != self.speaker}
        ahead = max(others, key=lambda p: others[p], default=None)
        if ahead is None or not self._is_ahead(others[ahead], now):
            self._challenger = None
            return False
        if ahead != self._challenger:
            self._challenger, self._since = ahead, now
        if now - self._since < HOLD:
            return False
        self.speaker, self._challenger = ahead, None
        return True

    def _is_ahead(self, loudness: float, now: float) -> bool:
        if self.speaker is None or now - self._heard_at.get(self.speaker, -PAUSE) > YIELD:
            return True
        return loudness >= self._loudness.get(self.speaker, 0.0) + MARGIN
