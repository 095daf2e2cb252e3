"""The Python face of the transport-wide feedback writer, for its tests."""

from libc.string cimport memset


cdef class TransportFeedback:
    """Arrivals of transport-wide sequence numbers, and the RTCP packets that report them."""

    def __cinit__(self):
        memset(&self.arrivals, 0, sizeof(TransportArrivals))

    def note(self, uint16_t sequence, int64_t now_ns) -> None:
        """A packet came at this time (not 0)."""
        arrivals_note(&self.arrivals, sequence, now_ns)

    def build(self, uint32_t sender_ssrc, uint32_t media_ssrc) -> bytes:
        """Feedback on what came since the last call; empty when nothing did."""
        cdef uint8_t buffer[2048]
        cdef int length = write_transport_feedback(buffer, sender_ssrc, media_ssrc, &self.arrivals)
        return (<char *>buffer)[:length]
