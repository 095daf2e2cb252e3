"""The walk's own state: a batch of received packets, their templates, and what goes out."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from rtc.udp cimport iovec, mmsghdr, socket_address
from sfu.output cimport Output
from sfu.ratelimit cimport RateBucket
from sfu.rewrite cimport Inbound, Template
from sfu.table cimport Peer, RouteTable, Source

cdef enum:
    BATCH = 64                    # datagrams per recvmmsg: six ten-packet frames, 128 KiB of slots
    ROUNDS = 4                    # batches per wake-up before the event loop gets its turn
    BUSY_GAP_US = 3000            # wake-ups closer than this: worth gathering
    FEEDBACK_GAP_US = 5000        # a reader of feedback that is 5 ms old loses nothing: jitter buffers hold more
    RECEIVE_SLOT_BYTES = 2048
    EVENTS = 256
    RATE_BUCKETS = 4096

cdef enum EventKind:
    EVENT_KEYFRAME_WANTED = 0     # a receiver cannot decode: PLI, FIR, or a hole that was not repaired
    EVENT_KEYFRAME = 1            # the keyframe that was asked for has come

cdef struct Event:
    EventKind kind
    uint32_t source_id

cdef class Walk(RouteTable):
    cdef readonly int fd
    cdef readonly int feedback_fd
    cdef int64_t last_feedback_us
    cdef readonly int64_t now_us
    cdef public int64_t attend_us
    cdef readonly bint has_holes
    cdef public object attend
    cdef Output out
    cdef uint8_t* slots_memory
    cdef mmsghdr receive_headers[BATCH]
    cdef iovec receive_vectors[BATCH]
    cdef socket_address receive_addresses[BATCH]
    cdef Inbound inbound[BATCH]
    cdef Template templates[BATCH]
    cdef Peer* slow_peers[BATCH]
    cdef int slow[BATCH]
    cdef int slow_count
    cdef int unknown[BATCH]
    cdef Peer* unknown_peers[BATCH]
    cdef int unknown_count
    cdef Source* touched[BATCH]
    cdef int touched_count
    cdef Event events[EVENTS]
    cdef int event_count
    cdef RateBucket buckets[RATE_BUCKETS]
    cdef RateBucket strangers
    cdef bint equalising
    cdef uint32_t coalesce_us
    cdef int64_t last_batch_us
    cdef readonly uint64_t batches
    cdef readonly uint64_t received_datagrams
    cdef readonly uint64_t forwarded_packets
    cdef readonly uint64_t retransmitted_packets
    cdef public object on_unknown_ssrc
    cdef list _captured
    cdef int _receive(self, int fd, int64_t now_us) noexcept nogil
    cdef bint _within_rate(self, const socket_address* address, Peer* peer, int64_t now_us) noexcept nogil
    cdef void _classify(self, int index, size_t length, bint truncated, int64_t now_us) noexcept nogil
    cdef void _receive_rtp(self, Peer* peer, int index, size_t length, int64_t now_us) noexcept nogil
    cdef bint _accept(self, Peer* peer, int index, int64_t now_us) noexcept nogil
    cdef void _deliver(self, int64_t now_us) noexcept nogil
    cdef void _put_first(self, Source* source, int index) noexcept nogil
    cdef void _forward(self, Source* source, int64_t now_us) noexcept nogil
    cdef int _finish(self, int64_t now_us, list slow_lane) except -1
    cpdef list forward_batch(self, int64_t now_us)
    cpdef list receive_feedback(self, int64_t now_us)
