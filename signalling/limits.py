"""Token buckets: how often something may happen. Time is an argument (``now``: monotonic seconds)."""

from collections import OrderedDict

from signalling.token_bucket import TokenBucket


class Buckets:
    """A token bucket for each key (an address, a link), at most ``limit`` of them: the one unused longest goes."""

    def __init__(self, rate: float, burst: float, limit: int = 10_000) -> None:
        self._rate = rate
        self._burst = burst
        self._limit = limit
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str, now: float) -> bool:
        """Whether one more may pass for this key now."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst, now)
            if len(self._buckets) > self._limit:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(now)
