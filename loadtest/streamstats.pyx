"""The Python face of one received stream's statistics, for reports and for the tests against the slow twin."""


cdef class StreamStatistics:
    """Counts sequence numbers as the compiled receive path does."""

    def __cinit__(self):
        memset(&self.data, 0, sizeof(StreamStats))

    def observe(self, uint16_t sequence_number) -> str:
        """Count one packet; returns ``new``, ``reordered``, ``duplicate`` or ``too_late``."""
        return ("new", "reordered", "duplicate", "too_late")[<int>stream_observe(&self.data, sequence_number)]

    @property
    def received(self) -> int:
        """Different packets received."""
        return self.data.received

    @property
    def lost(self) -> int:
        """Sequence numbers between the first and the highest that never came."""
        return stream_lost(&self.data)

    @property
    def duplicates(self) -> int:
        """Packets that came again."""
        return self.data.duplicates

    @property
    def reordered(self) -> int:
        """Packets that came after a higher sequence number."""
        return self.data.reordered

    @property
    def too_late(self) -> int:
        """Packets more than the window behind the highest."""
        return self.data.too_late
