"""Streams that no offer named: how many one peer may introduce, and how often Python is asked whose they are."""

from libc.stdint cimport int64_t, uint32_t
from sfu.table cimport STRANGE_SSRCS, Peer

cdef enum:
    # Whose a stream is can only change with an offer or a header extension; asking costs a call of Python.
    STRANGE_RETRY_US = 200_000


cdef inline bint may_ask(Peer* peer, uint32_t ssrc, int64_t now_us) noexcept nogil:
    """Whether Python may be asked (again) whose stream this is."""
    cdef int i
    for i in range(peer.strange_count):
        if peer.strange_ssrcs[i] == ssrc:
            return now_us - peer.strange_asked_us[i] >= STRANGE_RETRY_US
    return peer.strange_count < STRANGE_SSRCS


cdef inline void note_strange(Peer* peer, uint32_t ssrc, int64_t now_us) noexcept nogil:
    """Remember that Python is asked now; ``may_ask`` has said that there is room."""
    cdef int i = 0
    while i < peer.strange_count and peer.strange_ssrcs[i] != ssrc:
        i += 1
    if i == peer.strange_count:
        peer.strange_ssrcs[i] = ssrc
        peer.strange_count += 1
    peer.strange_asked_us[i] = now_us
