"""A token bucket, which every frame of every socket passes. Time is an argument (``now``: monotonic seconds)."""


cdef class TokenBucket:
    """Lets ``rate`` things per second through, and ``burst`` at once after a pause."""

    def __init__(self, double rate, double burst, double now):
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._updated = now

    cpdef bint take(self, double now, double amount=1.0):
        """True, and the bucket is emptier, when ``amount`` may pass now."""
        self._level = min(self._burst, self._level + (now - self._updated) * self._rate)
        self._updated = now
        if self._level < amount:
            return False
        self._level -= amount
        return True
