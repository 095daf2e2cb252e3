"""The Python face of the log-linear latency histogram (``histogram.pxd`` holds the compiled leaf functions)."""


cdef class LatencyHistogram:
    """Durations in nanoseconds, 1.6 % resolution from 64 ns to 137 s, constant memory, mergeable."""

    def __cinit__(self):
        histogram_clear(&self.data)

    @property
    def total(self) -> int:
        """How many values were recorded."""
        return self.data.total

    def clear(self) -> None:
        """Forget everything recorded."""
        histogram_clear(&self.data)

    def record(self, int64_t value_ns) -> None:
        """Count one value; a negative one counts as 0."""
        histogram_record(&self.data, value_ns)

    def merge(self, LatencyHistogram other not None) -> None:
        """Add the counts of another histogram."""
        cdef int i
        for i in range(BUCKETS):
            self.data.counts[i] += other.data.counts[i]
        self.data.total += other.data.total

    def quantile_ns(self, double fraction) -> int:
        """Upper edge of the bucket in which the value of that rank lies; 0 when nothing was recorded."""
        cdef uint64_t wanted, seen = 0
        cdef int i
        if self.data.total == 0:
            return 0
        wanted = <uint64_t>(fraction * <double>self.data.total + 0.999999)
        wanted = min(max(wanted, 1), self.data.total)
        for i in range(BUCKETS):
            seen += self.data.counts[i]
            if seen >= wanted:
                return bucket_upper_ns(i)
        return bucket_upper_ns(BUCKETS - 1)

    def buckets(self) -> list[tuple[int, int]]:
        """The buckets that are not empty as (upper edge in ns, count), ascending."""
        return [(bucket_upper_ns(i), self.data.counts[i]) for i in range(BUCKETS) if self.data.counts[i]]


def bucket_upper_ns(int bucket) -> int:
    """The largest value in ns that falls into this bucket."""
    cdef int shift
    if bucket < STEPS:
        return bucket
    shift = bucket // STEPS - 1
    return ((<uint64_t>(bucket % STEPS + STEPS + 1)) << shift) - 1
