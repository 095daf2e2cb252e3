"""Token buckets: how often something may happen. Time is an argument (``now``: monotonic seconds)."""


class TokenBucket:
    """Lets ``rate`` things per second through, and ``burst`` at once after a pause."""

    __slots__ = ("_burst", "_level", "_rate", "_updated")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._updated = now

    def take(self, now: float, amount: float = 1.0) -> bool:
        """True, and the bucket is emptier, when ``amount`` may pass now."""
        self._level = min(self._burst, self._level + (now - self._updated) * self._rate)
        self._updated = now
        if self._level < amount:
            return False
        self._level -= amount
        return True
