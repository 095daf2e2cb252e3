"""Log-linear histogram of durations in nanoseconds: 64 steps per power of two, so a bucket is at most 1.6 % wide."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

cdef enum:
    STEP_BITS = 6                                  # 64 linear steps in each power of two
    STEPS = 1 << STEP_BITS
    VALUE_BITS = 37                                # values up to 137 s; longer ones count as the longest
    BUCKETS = (VALUE_BITS - STEP_BITS + 1) * STEPS

cdef extern from *:
    """
    static inline int alltid_highest_bit(uint64_t value) { return 63 - __builtin_clzll(value); }
    """
    int alltid_highest_bit(uint64_t value) noexcept nogil

ctypedef struct Histogram:
    uint64_t counts[BUCKETS]
    uint64_t total


cdef inline void histogram_clear(Histogram *histogram) noexcept nogil:
    memset(histogram, 0, sizeof(Histogram))


cdef inline int histogram_bucket(int64_t value_ns) noexcept nogil:
    """Bucket of a value; below 64 ns each value has its own, above that the seven highest bits decide."""
    cdef uint64_t value
    cdef int shift
    if value_ns < 0:
        return 0
    value = <uint64_t>value_ns
    if value >> VALUE_BITS:
        return BUCKETS - 1
    if value < STEPS:
        return <int>value
    shift = alltid_highest_bit(value) - STEP_BITS
    return (shift + 1) * STEPS + <int>((value >> shift) - STEPS)


cdef inline void histogram_record(Histogram *histogram, int64_t value_ns) noexcept nogil:
    histogram.counts[histogram_bucket(value_ns)] += 1
    histogram.total += 1


cdef class LatencyHistogram:
    cdef Histogram data
