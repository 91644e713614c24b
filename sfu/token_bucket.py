"""A rate with a burst; time is an argument (seconds, monotonic)."""


class TokenBucket:
    """`rate` a second lastingly, `burst` at once."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, now: float, amount: float = 1.0) -> float:
        """Takes so much; 0 if it was there, else the seconds until it will be."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left >= amount:
            self._left -= amount
            return 0.0
        return (amount - self._left) / self._rate

    def wait(self, now: float) -> float:
        """Seconds until one would be there, without taking it."""
        left = min(self._burst, self._left + (now - self._at) * self._rate)
        return max(0.0, (1.0 - left) / self._rate)

    def owe(self, now: float) -> None:
        """Takes one, whether it is there or not."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - 1.0
        self._at = now
