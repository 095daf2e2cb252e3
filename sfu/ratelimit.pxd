"""A token bucket, for what must be looked at in Python: nobody can make that cost a core."""

from libc.stdint cimport int64_t

cdef struct RateBucket:
    int64_t filled_us
    double tokens


cdef inline bint spend(RateBucket* bucket, double rate, int64_t now_us) noexcept nogil:
    """Take one packet from a bucket that holds one second's worth, full at first; False where it is empty."""
    if bucket.filled_us == 0:
        bucket.tokens = rate
    else:
        bucket.tokens += (now_us - bucket.filled_us) * rate / 1e6
    bucket.filled_us = now_us
    if bucket.tokens > rate:
        bucket.tokens = rate
    if bucket.tokens < 1:
        return False
    bucket.tokens -= 1
    return True
