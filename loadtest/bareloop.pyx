"""The yardstick: the least a program can do to forward one publisher's packets to M subscribers.

Receive a batch, decrypt, and for each subscriber copy, rewrite (SSRC, sequence number, timestamp), encrypt, send:
static addresses, static keys, nothing learned, nothing remembered, nobody asked. What the server costs beyond this
is the price of being an SFU. Written to be as fast as plain C calls allow (``recvmmsg`` of 64, one ``sendmmsg`` per
``CHUNK_MESSAGES``, segmentation trains per destination), because a slow yardstick would flatter the server.
"""

import socket

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memmove, memset

from rtc.rtp cimport load16, load32, store16, store32
from rtc.srtp cimport SrtpSession, protect_rtp, unprotect_rtp
from rtc.udp cimport (
    EAGAIN, EINTR, SEGMENT_CONTROL_BYTES, cmsg_set_segment, errno, iovec, mmsghdr, recvmmsg, sendmmsg, socket_address,
    socket_address_length,
)

cdef extern from *:
    """
    #include <arpa/inet.h>
    #include <sys/socket.h>
    #include <netinet/in.h>
    static void alltid_bare_address(void *at, unsigned int host, unsigned short port) {
        struct sockaddr_in *out = (struct sockaddr_in *)at;
        out->sin_family = AF_INET; out->sin_addr.s_addr = htonl(host); out->sin_port = htons(port);
    }
    """
    void alltid_bare_address(void *out, uint32_t host, uint16_t port) noexcept nogil
    int MSG_WAITFORONE

cdef enum:
    BATCH = 64
    SLOT_BYTES = 2048
    CHUNK_MESSAGES = 64          # per sendmmsg; 32 to 256 measured the same, more only spills the cache
    CHUNK_BYTES = 256 * 1024
    TRAIN_SEGMENTS = 64          # the kernel's UDP_MAX_SEGMENTS before Linux 6.9
    TRAIN_BYTES = 65_000         # one UDP datagram's length field bounds the train
    SOURCES = 4
    MAX_PADDING = 8

ctypedef struct Subscriber:
    socket_address address
    void *tx
    uint32_t ssrc                # of source 0; the others follow
    uint16_t sequence_offset
    uint32_t timestamp_offset

cdef class BareLoop:
    """One UDP socket, one publisher session, M subscriber sessions; ``run`` forwards until ``stop``."""

    cdef int fd
    cdef bint segment, equalise
    cdef SrtpSession publisher
    cdef list sessions           # keeps the subscribers' libsrtp contexts alive
    cdef Subscriber *subscribers
    cdef int subscriber_count
    cdef uint32_t sources[SOURCES]
    cdef int source_count
    cdef readonly uint64_t packets_received, packets_sent, messages_sent, batches, refused
    cdef uint8_t *received
    cdef uint8_t *output
    cdef uint8_t *controls
    cdef mmsghdr incoming[BATCH]
    cdef iovec incoming_vectors[BATCH]
    cdef mmsghdr outgoing[CHUNK_MESSAGES]
    cdef iovec outgoing_vectors[CHUNK_MESSAGES]
    cdef int message_count
    cdef size_t output_bytes
    cdef bint stopped

    def __cinit__(self, int fd, SrtpSession publisher not None, list subscribers not None, bint segment,
                  bint equalise=False):
        """``subscribers`` holds (host, port, SrtpSession); ``fd`` a blocking IPv4 UDP socket with a receive timeout.

        ``equalise`` adds RTP padding (RFC 3550 section 5.1) where neighbouring sizes differ by a few bytes, so that a
        frame makes one train instead of two.
        """
        cdef int i
        cdef SrtpSession session
        self.fd, self.publisher, self.segment, self.equalise = fd, publisher, segment, equalise
        self.sessions = [entry[2] for entry in subscribers]
        self.subscriber_count = <int>len(subscribers)
        self.subscribers = <Subscriber *>calloc(max(self.subscriber_count, 1), sizeof(Subscriber))
        self.received = <uint8_t *>calloc(BATCH, SLOT_BYTES)
        self.output = <uint8_t *>calloc(1, CHUNK_BYTES)
        self.controls = <uint8_t *>calloc(CHUNK_MESSAGES, SEGMENT_CONTROL_BYTES)
        if not (self.subscribers and self.received and self.output and self.controls):
            raise MemoryError
        for i, (host, port, session) in enumerate(subscribers):
            alltid_bare_address(&self.subscribers[i].address, int.from_bytes(socket.inet_aton(host), "big"), port)
            self.subscribers[i].tx = session.tx
            self.subscribers[i].ssrc = <uint32_t>(0x10000 + i * SOURCES)
            self.subscribers[i].sequence_offset = <uint16_t>(i * 7919)
            self.subscribers[i].timestamp_offset = <uint32_t>(i * 104_729)
        for i in range(BATCH):
            self.incoming_vectors[i].iov_base = self.received + i * SLOT_BYTES
            self.incoming_vectors[i].iov_len = SLOT_BYTES
            self.incoming[i].msg_hdr.msg_iov = &self.incoming_vectors[i]
            self.incoming[i].msg_hdr.msg_iovlen = 1
        for i in range(CHUNK_MESSAGES):
            self.outgoing[i].msg_hdr.msg_iov = &self.outgoing_vectors[i]
            self.outgoing[i].msg_hdr.msg_iovlen = 1

    def __dealloc__(self):
        free(self.subscribers)
        free(self.received)
        free(self.output)
        free(self.controls)

    def stop(self) -> None:
        """Make ``run`` return after its next batch or receive timeout."""
        self.stopped = True

    def run(self) -> None:
        """Forward until stopped; signals are noticed at each receive timeout."""
        cdef int count
        while not self.stopped:
            with nogil:
                count = 1
                while count > 0 and not self.stopped:
                    count = recvmmsg(self.fd, self.incoming, BATCH, MSG_WAITFORONE, NULL)
                    if count > 0:
                        self.forward(count)
            PyErr_CheckSignals()
            if count < 0 and errno not in (EAGAIN, EINTR):
                raise OSError(errno, "recvmmsg")

    cdef void forward(self, int count) noexcept nogil:
        cdef int sizes[BATCH]
        cdef int source[BATCH]
        cdef int i, accepted = 0
        cdef int length
        cdef uint8_t *packet
        self.batches += 1
        for i in range(count):
            packet = self.received + i * SLOT_BYTES
            length = <int>self.incoming[i].msg_len
            sizes[i] = 0
            if length < 12 or packet[0] >> 6 != 2 or (192 <= packet[1] <= 223):
                continue
            if unprotect_rtp(self.publisher.rx, packet, &length) != 0:
                self.refused += 1
                continue
            source[i] = self.source_of(load32(packet + 8))
            sizes[i] = length
            accepted += 1
        self.packets_received += accepted
        if self.equalise:
            self.pad(count, sizes, source)
        for i in range(self.subscriber_count):
            self.write_subscriber(&self.subscribers[i], count, sizes, source)
        self.flush()

    cdef void pad(self, int count, int *sizes, int *source) noexcept nogil:
        """Bring each packet of a source to the size of its longest in this batch, if it lacks at most MAX_PADDING."""
        cdef int longest[SOURCES]
        cdef int i, missing
        cdef uint8_t *packet
        memset(longest, 0, sizeof(longest))
        for i in range(count):
            if sizes[i]:
                longest[source[i]] = max(longest[source[i]], sizes[i])
        for i in range(count):
            missing = longest[source[i]] - sizes[i] if sizes[i] else 0
            if 0 < missing <= MAX_PADDING:
                packet = self.received + i * SLOT_BYTES
                packet[0] |= 0x20
                memset(packet + sizes[i], 0, missing)
                packet[sizes[i] + missing - 1] = <uint8_t>missing
                sizes[i] += missing

    cdef int source_of(self, uint32_t ssrc) noexcept nogil:
        cdef int i
        for i in range(self.source_count):
            if self.sources[i] == ssrc:
                return i
        if self.source_count == SOURCES:
            return 0
        self.sources[self.source_count] = ssrc
        self.source_count += 1
        return self.source_count - 1

    cdef void write_subscriber(self, Subscriber *subscriber, int count, int *sizes, int *source) noexcept nogil:
        """Append this subscriber's copies of the batch to the chunk, as trains where the sizes allow."""
        cdef int i, length
        cdef int train_size = 0, segments = 0    # the open train: its segment size, and how many it has
        cdef uint8_t *packet
        for i in range(count):
            if sizes[i] == 0:
                continue
            if self.output_bytes + SLOT_BYTES > CHUNK_BYTES:
                self.flush()
                segments = 0
            packet = self.output + self.output_bytes
            length = sizes[i]
            memcpy(packet, self.received + i * SLOT_BYTES, length)
            store16(packet + 2, <uint16_t>(load16(packet + 2) + subscriber.sequence_offset))
            store32(packet + 4, load32(packet + 4) + subscriber.timestamp_offset)
            store32(packet + 8, subscriber.ssrc + source[i])
            if protect_rtp(subscriber.tx, packet, &length) != 0:
                self.refused += 1
                continue
            self.packets_sent += 1
            self.output_bytes += length
            if self.segment and segments > 0 and self.extend_train(length, train_size, segments):
                # A shorter segment may only be the last one.
                segments = segments + 1 if length == train_size else 0
                continue
            if self.message_count == CHUNK_MESSAGES:
                self.output_bytes -= length
                self.flush()
                memmove(self.output, packet, length)
                packet = self.output
                self.output_bytes = length
            self.open_message(subscriber, packet, length)
            train_size, segments = length, 1

    cdef bint extend_train(self, int length, int train_size, int segments) noexcept nogil:
        """Put the packet just written behind the open train, if it may go there."""
        cdef mmsghdr *message = &self.outgoing[self.message_count - 1]
        cdef iovec *vector = message.msg_hdr.msg_iov
        if length > train_size or segments >= TRAIN_SEGMENTS or vector.iov_len + length > TRAIN_BYTES:
            return False
        if segments == 1:
            message.msg_hdr.msg_control = self.controls + (self.message_count - 1) * SEGMENT_CONTROL_BYTES
            message.msg_hdr.msg_controllen = SEGMENT_CONTROL_BYTES
            cmsg_set_segment(message.msg_hdr.msg_control, <uint16_t>train_size)
        vector.iov_len += length
        return True

    cdef void open_message(self, Subscriber *subscriber, uint8_t *packet, int length) noexcept nogil:
        cdef mmsghdr *message = &self.outgoing[self.message_count]
        message.msg_hdr.msg_name = &subscriber.address
        message.msg_hdr.msg_namelen = socket_address_length(&subscriber.address)
        message.msg_hdr.msg_control = NULL
        message.msg_hdr.msg_controllen = 0
        message.msg_hdr.msg_iov.iov_base = packet
        message.msg_hdr.msg_iov.iov_len = length
        self.message_count += 1

    cdef void flush(self) noexcept nogil:
        cdef int sent, done = 0
        while done < self.message_count:
            sent = sendmmsg(self.fd, self.outgoing + done, self.message_count - done, 0)
            if sent <= 0:
                self.refused += 1
                sent = 1
            done += sent
        self.messages_sent += self.message_count
        self.message_count = 0
        self.output_bytes = 0
