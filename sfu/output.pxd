"""What goes out in one wake-up: packets laid end to end in one arena, sent as trains with few system calls.

Consecutive packets to one address with one size become one message with UDP_SEGMENT (the last may be shorter).
The kernel's work per message, not per byte, is most of what forwarding costs, so a frame of ten packets wants to
be one message.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, memset
from rtc.udp cimport (
    EAGAIN, EINTR, EINVAL, EIO, ENOBUFS, MSG_DONTWAIT, POLLOUT, SEGMENT_CONTROL_BYTES, cmsg_set_segment, errno, iovec,
    mmsghdr, poll, pollfd, sendmmsg, socket_address, socket_address_get, socket_address_length,
)
from sfu.table cimport Peer

cdef enum:
    OUT_MESSAGES = 64
    # Fits the second-level cache beside the templates; larger arenas measured no better.
    ARENA_BYTES = 262144
    # Room that one packet may need: the largest forwarded, its extensions grown, SRTP's trailer, alignment.
    SLOT_BYTES = 2048
    # Linux takes at most 64 segments in one message in all versions, and an IP datagram's 65,535 bytes.
    TRAIN_SEGMENTS = 64
    TRAIN_BYTES = 63000
    # How long a full socket buffer may hold up the walk before the packets are dropped, as a network would.
    SEND_WAIT_MS = 2

cdef struct Output:
    int fd
    bint segmentation
    bint train_open
    unsigned int count
    size_t used
    uint64_t messages
    uint64_t packets
    uint64_t full
    uint64_t failed
    mmsghdr headers[OUT_MESSAGES]
    iovec vectors[OUT_MESSAGES]
    uint16_t segment[OUT_MESSAGES]
    uint16_t segments[OUT_MESSAGES]
    uint8_t control[OUT_MESSAGES][SEGMENT_CONTROL_BYTES]
    uint8_t* arena
    # Without a socket (fd -1: tests with a virtual network) messages are kept here as CapturedHead and bytes.
    uint8_t* captured
    size_t captured_bytes
    size_t captured_capacity

cdef struct CapturedHead:
    socket_address address        # a copy: the peer may be gone when the caller looks
    uint32_t segment
    uint32_t length


cdef inline void _send_one_by_one(Output* out, unsigned int which) noexcept nogil:
    """Send a train's packets singly: its network card or path refused the train."""
    cdef mmsghdr single
    cdef iovec vector
    cdef uint8_t* at = <uint8_t*>out.vectors[which].iov_base
    cdef size_t left = out.vectors[which].iov_len
    single = out.headers[which]
    single.msg_hdr.msg_iov = &vector
    single.msg_hdr.msg_control = NULL
    single.msg_hdr.msg_controllen = 0
    while left:
        vector.iov_base = at
        vector.iov_len = out.segment[which] if left > out.segment[which] else left
        if sendmmsg(out.fd, &single, 1, MSG_DONTWAIT) != 1:
            out.failed += 1
        at += vector.iov_len
        left -= vector.iov_len


cdef inline void _capture(Output* out) noexcept nogil:
    """Keep what would be sent, for a caller that plays the network."""
    cdef unsigned int i
    cdef size_t needed
    cdef void* larger
    cdef CapturedHead head
    for i in range(out.count):
        needed = out.captured_bytes + sizeof(CapturedHead) + out.vectors[i].iov_len
        if needed > out.captured_capacity:
            larger = realloc(out.captured, 2 * needed)
            if larger == NULL:
                out.failed += out.segments[i]
                continue
            out.captured = <uint8_t*>larger
            out.captured_capacity = 2 * needed
        memcpy(&head.address, out.headers[i].msg_hdr.msg_name, sizeof(socket_address))
        head.segment = out.segment[i]
        head.length = <uint32_t>out.vectors[i].iov_len
        memcpy(out.captured + out.captured_bytes, &head, sizeof(CapturedHead))
        memcpy(out.captured + out.captured_bytes + sizeof(CapturedHead), out.vectors[i].iov_base, head.length)
        out.captured_bytes = needed


cdef inline void flush(Output* out) noexcept nogil:
    """Send everything that is laid out."""
    cdef unsigned int sent = 0, i
    cdef int result
    cdef pollfd waiting
    cdef bint waited = False
    if out.fd < 0:
        _capture(out)
        sent = out.count
    for i in range(out.count):
        if out.segments[i] > 1:
            cmsg_set_segment(out.control[i], out.segment[i])
            out.headers[i].msg_hdr.msg_control = out.control[i]
            out.headers[i].msg_hdr.msg_controllen = SEGMENT_CONTROL_BYTES
        else:
            out.headers[i].msg_hdr.msg_control = NULL
            out.headers[i].msg_hdr.msg_controllen = 0
    while sent < out.count:
        result = sendmmsg(out.fd, &out.headers[sent], out.count - sent, MSG_DONTWAIT)
        if result > 0:
            sent += result
            continue
        if errno == EINTR:
            continue
        if errno == EAGAIN or errno == ENOBUFS:
            if not waited:
                waited = True
                waiting.fd = out.fd
                waiting.events = POLLOUT
                poll(&waiting, 1, SEND_WAIT_MS)
                continue
            for i in range(sent, out.count):
                out.full += out.segments[i]
            break
        if out.segments[sent] > 1 and (errno == EIO or errno == EINVAL):
            out.segmentation = False
            _send_one_by_one(out, sent)
        else:
            out.failed += out.segments[sent]
        sent += 1
    out.messages += out.count
    out.count = 0
    out.used = 0
    out.train_open = False


cdef inline uint8_t* next_slot(Output* out) noexcept nogil:
    """Return where the next packet is written, with SLOT_BYTES of room; may send what is laid out."""
    if out.count == OUT_MESSAGES or out.used > ARENA_BYTES - SLOT_BYTES:
        flush(out)
    return out.arena + out.used


cdef inline void commit(Output* out, Peer* peer, size_t length) noexcept nogil:
    """Take the packet just written at ``next_slot`` for ``peer``'s selected address."""
    cdef unsigned int last = out.count - 1
    out.packets += 1
    peer.sent_packets += 1
    peer.sent_octets += length
    if (
        out.train_open
        and out.headers[last].msg_hdr.msg_name == <void*>&peer.address
        and length <= out.segment[last]
        and out.segments[last] < TRAIN_SEGMENTS
        and out.vectors[last].iov_len + length <= TRAIN_BYTES
    ):
        out.vectors[last].iov_len += length
        out.segments[last] += 1
        out.train_open = length == out.segment[last]
    else:
        out.vectors[out.count].iov_base = out.arena + out.used
        out.vectors[out.count].iov_len = length
        out.segment[out.count] = <uint16_t>length
        out.segments[out.count] = 1
        memset(&out.headers[out.count], 0, sizeof(mmsghdr))
        out.headers[out.count].msg_hdr.msg_name = &peer.address
        out.headers[out.count].msg_hdr.msg_namelen = socket_address_length(&peer.address)
        out.headers[out.count].msg_hdr.msg_iov = &out.vectors[out.count]
        out.headers[out.count].msg_hdr.msg_iovlen = 1
        out.count += 1
        out.train_open = out.segmentation
    out.used += length


cdef inline list take_captured(Output* out):
    """Return and forget what was to be sent without a socket: [(data, (host, port))] in order."""
    cdef size_t at = 0, end
    cdef CapturedHead head
    cdef char host[64]
    cdef int port
    cdef uint32_t size
    captured = []
    while at < out.captured_bytes:
        memcpy(&head, out.captured + at, sizeof(head))
        at += sizeof(head)
        end = at + head.length
        port = socket_address_get(&head.address, host, sizeof(host))
        while at < end:
            size = head.segment if end - at > head.segment else <uint32_t>(end - at)
            captured.append((<bytes>out.captured[at:at + size], (host.decode(), port)))
            at += size
    out.captured_bytes = 0
    return captured
