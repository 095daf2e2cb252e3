"""The walk of a packet: one call per wake-up, from the socket to every subscriber, without the GIL.

    worker.on_readable -> forward_batch(now_us)
        recvmmsg -> _classify (RFC 7983) -> _receive_rtp: find peer, unprotect, parse, find source -> _accept: observe
        -> _deliver: switch waiting consumers at a keyframe -> _forward: template once, patch and protect per consumer
        -> flush: sendmmsg with trains

STUN and DTLS go to Python in a list after the batch, keyframe requests as events. Time is an argument. Without a
socket (fd -1) ``handle`` takes datagrams from the caller and returns what would be sent, for a virtual network.
"""

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memmove, memset

from rtc.payload cimport CODEC_OTHER, read_payload
from rtc.rtcp cimport (
    PSFB_AFB, PSFB_FIR, PSFB_PLI, REPORT_BLOCK_BYTES, RTCP_ITEM, RTCP_MALFORMED, RTCP_PSFB, RTCP_RR, RTCP_RTPFB,
    RTCP_SR, RTPFB_NACK, RTPFB_TRANSPORT, SR_BYTES, TRANSPORT_FEEDBACK_BYTES, TRANSPORT_FEEDBACK_PACKETS, ReportBlock, RtcpItem, RtcpStatus,
    SenderInfo, next_item, read_report_block, read_sender_info, read_transport_feedback, write_cname, write_feedback,
    write_header, write_report_block, write_sr, write_transport_feedback,
)
from rtc.rtp cimport RTP_OK, find_extensions, load16, load24, load32, parse_rtp, store16, store32
from rtc.srtp cimport SRTCP_TRAILER_BYTES, protect_rtcp, protect_rtp, unprotect_rtcp, unprotect_rtp
from rtc.udp cimport EINTR, MSG_DONTWAIT, MSG_TRUNC, errno, recvmmsg, socket_address_hash
from sfu.output cimport ARENA_BYTES, CapturedHead, commit, flush, next_slot
from sfu.reception cimport SEEN_BEFORE, SEEN_RESTART, Observation, due_requests, observe, observe_timing, report
from sfu.rewrite cimport build_template, equalise, is_before_start, note_sent, patch, patch_payload, rebase
from sfu.table cimport *

cdef extern from * nogil:
    """
    #include <arpa/inet.h>
    static int socket_address_get(const socket_address *a, char *host, unsigned int size) {
        if (a->any.sa_family == AF_INET) inet_ntop(AF_INET, &a->v4.sin_addr, host, size);
        else inet_ntop(AF_INET6, &a->v6.sin6_addr, host, size);
        return ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
    }
    static int socket_address_set2(socket_address *out, const char *host, int port) {
        memset(out, 0, sizeof *out);
        if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
            out->v4.sin_family = AF_INET; out->v4.sin_port = htons((unsigned short)port); return 1;
        }
        out->v6.sin6_family = AF_INET6; out->v6.sin6_port = htons((unsigned short)port);
        return inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1;
    }
    """
    int socket_address_get(const socket_address* address, char* host, unsigned int size) noexcept
    bint socket_address_set2(socket_address* out, const char* host, int port) noexcept

# STUN and DTLS that Python may have to look at, per second: one address (a handshake needs about 15), and all
# addresses together that ICE has not validated (about 400 joins a second; a flood then costs a tenth of a core).
ADDRESS_PACKETS_PER_S = 50.0
STRANGER_PACKETS_PER_S = 2000.0

cdef double _address_rate = ADDRESS_PACKETS_PER_S
cdef double _stranger_rate = STRANGER_PACKETS_PER_S

cdef enum:
    # The sender reports' clock is ours: a publisher's clock is mapped onto it once, and again when it jumps.
    CLOCK_JUMP_US = 500_000
    # Of what a peer was sent, this fraction may be sent again (a NACK storm buys nothing more).
    RETRANSMISSION_SHIFT = 2
    RETRANSMISSION_CREDIT_BYTES = 524288
    SRTCP_LEAST_BYTES = 8 + 4 + 10
    NTP_UNIX_SECONDS = 2208988800


cdef inline bint _spend(RateBucket* bucket, double rate, int64_t now_us) noexcept nogil:
    """Take one packet from a bucket that holds one second's worth."""
    bucket.tokens += (now_us - bucket.filled_us) * rate / 1e6
    bucket.filled_us = now_us
    if bucket.tokens > rate:
        bucket.tokens = rate
    if bucket.tokens < 1:
        return False
    bucket.tokens -= 1
    return True


cdef inline uint64_t _ntp(int64_t us) noexcept nogil:
    """Our clock (monotonic: receivers only compare its readings) as NTP's 32.32 fixed point."""
    return (<uint64_t>(us // 1_000_000 + NTP_UNIX_SECONDS) << 32) | ((<uint64_t>(us % 1_000_000) << 32) // 1_000_000)


cdef inline int64_t _from_ntp(uint64_t ntp) noexcept nogil:
    return (<int64_t>(ntp >> 32) - NTP_UNIX_SECONDS) * 1_000_000 + <int64_t>(<uint64_t><uint32_t>ntp * 1_000_000 >> 32)


cdef class Walk(RouteTable):
    """The packet walk over one UDP socket.

    ``fd`` is the socket's (non-blocking), -1 for none; ``secret`` keys the address hash; ``segmentation`` uses
    UDP_SEGMENT; ``equalising`` pads a frame's packets to one size. ``on_unknown_ssrc(peer_id, ssrc, payload_type,
    mid, rid, repaired_rid)`` may add the source and return True.
    """

    def __cinit__(self, secret=0, int fd=-1, bint segmentation=True, bint equalising=True):
        cdef int i
        self.fd = fd
        self.out.fd = fd
        self.out.segmentation = segmentation
        self.equalising = equalising
        self.out.arena = <uint8_t*>malloc(ARENA_BYTES)
        self.slots_memory = <uint8_t*>malloc(BATCH * RECEIVE_SLOT_BYTES)
        if self.out.arena == NULL or self.slots_memory == NULL:
            raise MemoryError
        for i in range(BATCH):
            self.receive_vectors[i].iov_base = self.slots_memory + i * RECEIVE_SLOT_BYTES
            self.receive_vectors[i].iov_len = RECEIVE_SLOT_BYTES
            self.receive_headers[i].msg_hdr.msg_iov = &self.receive_vectors[i]
            self.receive_headers[i].msg_hdr.msg_iovlen = 1
            self.receive_headers[i].msg_hdr.msg_name = &self.receive_addresses[i]
        self.on_unknown_ssrc = None

    def __dealloc__(self):
        free(self.out.arena)
        free(self.out.captured)
        free(self.slots_memory)

    # -- from the socket to the sources --------------------------------------------------------------------------

    def forward_batch(self, int64_t now_us) -> list:
        """Receive, forward and send all that waits (at most ROUNDS batches); return STUN and DTLS datagrams.

        Each is (data, (host, port), peer id or 0). Events are drained by ``take_events``.
        """
        cdef int count, i
        slow_lane = []
        for _ in range(ROUNDS):
            with nogil:
                for i in range(BATCH):
                    self.receive_headers[i].msg_hdr.msg_namelen = sizeof(socket_address)
                count = recvmmsg(self.fd, self.receive_headers, BATCH, MSG_DONTWAIT, NULL)
                for i in range(count):
                    self._classify(
                        i, self.receive_headers[i].msg_len,
                        self.receive_headers[i].msg_hdr.msg_flags & MSG_TRUNC != 0, now_us,
                    )
            if count <= 0:
                break
            slow_lane += self._finish(now_us)
            if count < BATCH:
                break
        return slow_lane

    def handle(self, datagrams, int64_t now_us) -> tuple:
        """Do the same for [(data, (host, port))] of a virtual network: return (slow lane, [(data, (host, port))])."""
        cdef int i
        cdef size_t length
        slow_lane = []
        datagrams = list(datagrams)
        for start in range(0, len(datagrams), BATCH):
            chunk = datagrams[start:start + BATCH]
            for i, (data, (host, port)) in enumerate(chunk):
                length = min(len(data), RECEIVE_SLOT_BYTES)
                memcpy(self.slots_memory + i * RECEIVE_SLOT_BYTES, <const char*>(<bytes>data), length)
                if not socket_address_set2(&self.receive_addresses[i], host.encode(), port):
                    raise ValueError("not an address")
                self._classify(i, length, len(data) > RECEIVE_SLOT_BYTES, now_us)
            slow_lane += self._finish(now_us)
        return slow_lane, self.take_captured()

    cdef list _finish(self, int64_t now_us):
        """After a batch was classified: bind unknown streams, forward, and hand over the slow lane."""
        cdef int i, index
        cdef char host[64]
        cdef int port
        cdef Peer* peer
        cdef Inbound* packet
        for i in range(self.unknown_count):
            index = self.unknown[i]
            peer = self.unknown_peers[i]
            packet = &self.inbound[index]
            if not self._accept(peer, index, now_us):       # an earlier packet of the batch may have bound it
                names = [b"", b"", b""]
                for number in range(1, 16):
                    if packet.extensions.length[<int>number] and EXT_MID <= peer.kinds[<int>number] <= EXT_REPAIRED_RID:
                        names[peer.kinds[<int>number] - 1] = <bytes>packet.data[
                            packet.extensions.offset[<int>number]:
                            packet.extensions.offset[<int>number] + packet.extensions.length[<int>number]]
                if self.on_unknown_ssrc is not None and self.on_unknown_ssrc(
                    peer.id, packet.header.ssrc, packet.header.payload_type, *names
                ):
                    self._accept(peer, index, now_us)
                else:
                    self.drops[<int>DROP_UNKNOWN_SSRC] += 1
        self.unknown_count = 0
        slow_lane = []
        for i in range(self.slow_count):
            index = self.slow[i]
            port = socket_address_get(&self.receive_addresses[index], host, sizeof(host))
            slow_lane.append((
                <bytes>self.slots_memory[index * RECEIVE_SLOT_BYTES:
                                         index * RECEIVE_SLOT_BYTES + self.inbound[index].length],
                (host.decode(), port),
                self.slow_peers[i].id if self.slow_peers[i] != NULL else 0,
            ))
        self.slow_count = 0
        with nogil:
            self._deliver(now_us)
            flush(&self.out)
        self.batches += 1
        return slow_lane

    cdef bint _within_rate(self, const socket_address* address, Peer* peer, int64_t now_us) noexcept nogil:
        cdef RateBucket* bucket = &self.buckets[socket_address_hash(address, ~self.secret) % RATE_BUCKETS]
        if bucket.filled_us == 0:
            bucket.tokens = _address_rate
            bucket.filled_us = now_us
        if self.strangers.filled_us == 0:
            self.strangers.tokens = _stranger_rate
            self.strangers.filled_us = now_us
        if not _spend(bucket, _address_rate, now_us):
            return False
        return peer != NULL or _spend(&self.strangers, _stranger_rate, now_us)

    cdef void _classify(self, int index, size_t length, bint truncated, int64_t now_us) noexcept nogil:
        """Sort one datagram by its first byte (RFC 7983 section 7)."""
        cdef uint8_t* data = self.slots_memory + index * RECEIVE_SLOT_BYTES
        cdef uint8_t first
        cdef Peer* peer
        self.received_datagrams += 1
        if truncated or length > MAX_PACKET_BYTES:
            self.drops[<int>DROP_TOO_LONG] += 1
            return
        if length < 2:
            self.drops[<int>DROP_NOT_A_PACKET] += 1
            return
        first = data[0]
        peer = self.find_peer(&self.receive_addresses[index])
        if 128 <= first <= 191:
            if peer == NULL:
                self.drops[<int>DROP_UNKNOWN_ADDRESS] += 1
            elif peer.rx == NULL:
                self.drops[<int>DROP_NO_KEYS] += 1
            elif 192 <= data[1] <= 223:
                self._receive_rtcp(peer, data, length, now_us)
            else:
                self._receive_rtp(peer, index, length, now_us)
            return
        if first > 3 and not 20 <= first <= 63:
            self.drops[<int>DROP_NOT_A_PACKET] += 1
            return
        if first >= 20 and peer == NULL:      # DTLS only from where ICE has validated somebody
            self.drops[<int>DROP_UNKNOWN_ADDRESS] += 1
            return
        if not self._within_rate(&self.receive_addresses[index], peer, now_us):
            self.drops[<int>DROP_RATE_LIMITED] += 1
            return
        self.inbound[index].length = <uint16_t>length
        self.slow[self.slow_count] = index
        self.slow_peers[self.slow_count] = peer
        self.slow_count += 1

    cdef void _receive_rtp(self, Peer* peer, int index, size_t length, int64_t now_us) noexcept nogil:
        cdef Inbound* packet = &self.inbound[index]
        cdef uint8_t* data = self.slots_memory + index * RECEIVE_SLOT_BYTES
        cdef int size = <int>length
        cdef int status, i
        cdef uint32_t ssrc
        cdef bint known = False
        if length < 12:
            self.drops[<int>DROP_RTP_MALFORMED] += 1
            return
        ssrc = load32(data + 8)
        for i in range(peer.source_count):
            if peer.sources[i].ssrc == ssrc:
                known = True
                break
        if not known and peer.unknown_ssrcs == 0:      # before libsrtp makes a stream for it
            self.drops[<int>DROP_UNKNOWN_SSRC] += 1
            return
        status = unprotect_rtp(peer.rx, data, &size)
        if status != 0:
            if status == 7:
                self.drops[<int>DROP_SRTP_TAG] += 1
            elif status == 9 or status == 10:
                self.drops[<int>DROP_SRTP_REPLAY] += 1
            else:
                self.drops[<int>DROP_SRTP_OTHER] += 1
            return
        peer.received_packets += 1
        peer.last_received_us = now_us
        if parse_rtp(data, size, &packet.header) != RTP_OK:
            self.drops[<int>DROP_RTP_MALFORMED] += 1
            return
        if not find_extensions(data, &packet.header, &packet.extensions):
            self.drops[<int>DROP_EXTENSION_MALFORMED] += 1
            return
        packet.data = data
        packet.length = <uint16_t>size
        if known:
            self._accept(peer, index, now_us)
        else:
            peer.unknown_ssrcs -= 1
            self.unknown[self.unknown_count] = index
            self.unknown_peers[self.unknown_count] = peer
            self.unknown_count += 1

    cdef bint _accept(self, Peer* peer, int index, int64_t now_us) noexcept nogil:
        """Take a decrypted, parsed packet for its source; False where the peer has none of that SSRC."""
        cdef Inbound* packet = &self.inbound[index]
        cdef Source* source = NULL
        cdef Observation seen
        cdef uint8_t payload_type = packet.header.payload_type
        cdef uint32_t consumer
        cdef int i
        for i in range(peer.source_count):
            if peer.sources[i].ssrc == packet.header.ssrc:
                source = peer.sources[i]
                break
        if source == NULL:
            return False
        for i in range(1, 16):
            if peer.kinds[i] == EXT_TRANSPORT_SEQUENCE and packet.extensions.length[i] == 2:
                _note_arrival(peer, load16(packet.data + packet.extensions.offset[i]), now_us)
            elif peer.kinds[i] == EXT_AUDIO_LEVEL and packet.extensions.length[i] >= 1 and not source.video:
                source.level_sum += 127 - (packet.data[packet.extensions.offset[i]] & 0x7F)
                source.level_packets += 1
        source.packets += 1
        source.octets += packet.header.payload_bytes
        source.last_packet_us = now_us
        if source.primary != NULL:
            # RFC 4588: the repaired packet is this one with its original number, type and SSRC.
            if packet.header.payload_bytes < 2:       # padding that probes the path
                return True
            if peer.repaired_types[payload_type] == 0xFF:
                self.drops[<int>DROP_PAYLOAD_TYPE] += 1
                return True
            source = source.primary
            payload_type = peer.repaired_types[payload_type]
            packet.header.sequence_number = load16(packet.data + packet.header.payload_offset)
            packet.header.ssrc = source.ssrc
            packet.header.payload_type = payload_type
            memmove(packet.data + 2, packet.data, packet.header.payload_offset)
            packet.data += 2
            packet.length -= 2
            packet.header.payload_bytes -= 2
            packet.data[1] = <uint8_t>(packet.header.marker << 7 | payload_type)
            store16(packet.data + 2, packet.header.sequence_number)
            store32(packet.data + 8, source.ssrc)
            if not source.reception.started:
                return True
        else:
            observe_timing(&source.reception, packet.header.timestamp, source.clock_rate, now_us)
        packet.codec_number = peer.codec_numbers[payload_type]
        if packet.codec_number == 0xFF:
            self.drops[<int>DROP_PAYLOAD_TYPE] += 1
            return True
        seen = observe(&source.reception, packet.header.sequence_number, source.video, now_us)
        if seen == SEEN_BEFORE:
            self.drops[<int>DROP_DUPLICATE] += 1
            return True
        if seen == SEEN_RESTART:
            for consumer in range(source.consumer_count):
                source.consumers[consumer].rebase = 1
                source.consumers[consumer].guard = 0
        read_payload(
            self.codec_kinds[packet.codec_number], packet.data + packet.header.payload_offset,
            packet.header.payload_bytes, &packet.payload,
        )
        if not packet.payload.valid and packet.header.payload_bytes:
            self.drops[<int>DROP_PAYLOAD_MALFORMED] += 1
            return True
        if source.video and packet.payload.keyframe and source.report_keyframe:
            source.report_keyframe = 0
            self._event(EVENT_KEYFRAME, source)
        packet.source = source
        packet.next = -1
        if source.batch_first < 0:
            source.batch_first = index
            self.touched[self.touched_count] = source
            self.touched_count += 1
        else:
            self.inbound[source.batch_last].next = index
        source.batch_last = index
        return True

    # -- from the sources to the subscribers -----------------------------------------------------------------------

    cdef void _deliver(self, int64_t now_us) noexcept nogil:
        """Forward this batch's packets, source by source."""
        cdef int i
        cdef int index
        cdef Source* source
        cdef Consumer* consumer
        for i in range(self.touched_count):
            source = self.touched[i]
            if source.waiting_count:
                index = source.batch_first
                while index >= 0 and not self.inbound[index].payload.keyframe:
                    index = self.inbound[index].next
                while index >= 0 and source.waiting_count:
                    consumer = source.waiting[0]
                    self.show(consumer, source)
                    consumer.first_sequence = self.inbound[index].header.sequence_number
                    consumer.guard = 1
        for i in range(self.touched_count):
            if self.touched[i].consumer_count:
                self._forward(self.touched[i], now_us)
            self.touched[i].batch_first = -1
        self.touched_count = 0

    cdef void _forward(self, Source* source, int64_t now_us) noexcept nogil:
        """Build each packet once per header-extension layout; copy, patch, protect it per consumer."""
        cdef uint32_t position = 0
        cdef int count, index, i, size, status
        cdef Profile* profile
        cdef Consumer* consumer
        cdef Template* template
        cdef uint8_t payload_type
        cdef uint8_t* out
        # abs-send-time: 24 bits of 6.18 fixed point seconds.
        cdef uint32_t send_time = <uint32_t>((now_us << 18) // 1_000_000) & 0xFFFFFF
        self._remember(source)
        while position < source.consumer_count:
            profile = source.consumers[position].peer.profile
            count = 0
            index = source.batch_first
            while index >= 0:
                build_template(&self.templates[count], &self.inbound[index], profile, send_time)
                count += 1
                index = self.inbound[index].next
            if count > 1 and source.video and self.equalising and self.out.segmentation:
                equalise(self.templates, count)
            while position < source.consumer_count and source.consumers[position].peer.profile == profile:
                consumer = source.consumers[position]
                position += 1
                if not consumer.peer.sendable:
                    continue
                for i in range(count):
                    template = &self.templates[i]
                    payload_type = consumer.payload_type[template.codec_number]
                    if payload_type == 0xFF:
                        self.drops[<int>DROP_CODEC_UNSUPPORTED] += 1
                        continue
                    if is_before_start(consumer, template):
                        self.drops[<int>DROP_BEFORE_START] += 1
                        continue
                    if consumer.rebase:
                        rebase(consumer, template, source.clock_rate, now_us)
                    out = next_slot(&self.out)
                    memcpy(out, template.data, template.length)
                    patch(consumer, template, out, payload_type)
                    size = template.length
                    status = protect_rtp(consumer.peer.tx, out, &size)
                    if status != 0:
                        self.drops[<int>DROP_PROTECT] += 1
                        continue
                    commit(&self.out, consumer.peer, size)
                    note_sent(consumer, template, now_us)
                    self.forwarded_packets += 1
                if consumer.peer.retransmission_credit < RETRANSMISSION_CREDIT_BYTES:
                    consumer.peer.retransmission_credit += (count * self.templates[0].length) >> RETRANSMISSION_SHIFT

    cdef void _remember(self, Source* source) noexcept nogil:
        """Keep a video source's packets for those who miss one."""
        cdef int index = source.batch_first
        cdef HistoryEntry* entry
        if not source.video:
            return
        if source.history == NULL:
            source.history = <HistoryEntry*>calloc(HISTORY_PACKETS, sizeof(HistoryEntry))
            if source.history == NULL:
                return
        while index >= 0:
            entry = &source.history[self.inbound[index].header.sequence_number % HISTORY_PACKETS]
            entry.sequence_number = self.inbound[index].header.sequence_number
            entry.length = self.inbound[index].length
            memcpy(entry.data, self.inbound[index].data, entry.length)
            index = self.inbound[index].next

    cdef void _retransmit(self, Peer* peer, uint32_t ssrc, uint16_t sequence, int64_t now_us) noexcept nogil:
        """Answer one NACKed sequence number of one slot (RFC 4588)."""
        cdef Consumer* consumer = _consumer_by_ssrc(peer, ssrc)
        cdef Inbound packet
        cdef Template* template = &self.templates[0]
        cdef HistoryEntry* entry
        cdef uint8_t payload_type
        cdef uint8_t* out
        cdef int size
        cdef uint16_t original
        if consumer == NULL or consumer.source == NULL or consumer.source.history == NULL or consumer.rebase:
            self.drops[<int>DROP_NACK_UNKNOWN] += 1
            return
        original = <uint16_t>(sequence - consumer.sequence_offset)
        entry = &consumer.source.history[original % HISTORY_PACKETS]
        if entry.length == 0 or entry.sequence_number != original or not peer.sendable:
            self.drops[<int>DROP_NACK_UNKNOWN] += 1
            return
        if peer.retransmission_credit < entry.length:
            self.drops[<int>DROP_NACK_LIMITED] += 1
            return
        if parse_rtp(entry.data, entry.length, &packet.header) != RTP_OK:
            return
        if not find_extensions(entry.data, &packet.header, &packet.extensions):
            return
        packet.data = entry.data
        packet.source = consumer.source
        packet.codec_number = consumer.source.peer.codec_numbers[packet.header.payload_type]
        if packet.codec_number == 0xFF:
            return
        payload_type = consumer.rtx_payload_type[packet.codec_number]
        if payload_type == 0xFF or consumer.rtx_ssrc == 0:
            self.drops[<int>DROP_NACK_UNKNOWN] += 1
            return
        read_payload(
            self.codec_kinds[packet.codec_number], entry.data + packet.header.payload_offset,
            packet.header.payload_bytes, &packet.payload,
        )
        build_template(template, &packet, peer.profile, <uint32_t>((now_us << 18) // 1_000_000) & 0xFFFFFF)
        if is_before_start(consumer, template):
            self.drops[<int>DROP_NACK_UNKNOWN] += 1
            return
        peer.retransmission_credit -= entry.length
        out = next_slot(&self.out)
        memcpy(out, template.data, template.payload_offset)
        memcpy(out + template.payload_offset + 2, template.data + template.payload_offset,
               template.payload_end - template.payload_offset)
        store16(out + template.payload_offset, sequence)
        out[1] = <uint8_t>(template.marker << 7 | payload_type)
        store16(out + 2, consumer.rtx_sequence)
        consumer.rtx_sequence += 1
        store32(out + 4, template.timestamp + consumer.timestamp_offset)
        store32(out + 8, consumer.rtx_ssrc)
        if template.transport_offset:
            store16(out + template.transport_offset, peer.transport_sequence)
            peer.transport_sequence += 1
        patch_payload(consumer, template, out + template.payload_offset + 2)
        size = template.payload_end + 2
        if protect_rtp(peer.tx, out, &size) == 0:
            commit(&self.out, peer, size)
            self.retransmitted_packets += 1

    # -- RTCP --------------------------------------------------------------------------------------------------------

    cdef void _receive_rtcp(self, Peer* peer, uint8_t* data, size_t length, int64_t now_us) noexcept nogil:
        cdef int size = <int>length
        cdef int i
        cdef size_t position = 0
        cdef RtcpItem item
        cdef RtcpStatus status = RTCP_ITEM
        if length < SRTCP_LEAST_BYTES:
            self.drops[<int>DROP_RTCP_MALFORMED] += 1
            return
        i = unprotect_rtcp(peer.rx, data, &size)
        if i != 0:
            self.drops[<int>DROP_SRTP_TAG if i == 7 else <int>DROP_SRTP_REPLAY if 9 <= i <= 10
                       else <int>DROP_SRTP_OTHER] += 1
            return
        while True:
            status = next_item(data, size, &position, &item)
            if status != RTCP_ITEM:
                break
            if item.type == RTCP_SR:
                self._sender_report(peer, data + item.offset, item.length, now_us)
                for i in range(item.count):
                    if 24 + (i + 1) * REPORT_BLOCK_BYTES <= item.length:
                        self._report_block(peer, data + item.offset + 24 + i * REPORT_BLOCK_BYTES, now_us)
            elif item.type == RTCP_RR:
                for i in range(item.count):
                    if 4 + (i + 1) * REPORT_BLOCK_BYTES <= item.length:
                        self._report_block(peer, data + item.offset + 4 + i * REPORT_BLOCK_BYTES, now_us)
            elif item.type == RTCP_RTPFB or item.type == RTCP_PSFB:
                self._feedback(peer, item.type, item.count, data + item.offset, item.length, now_us)
            else:
                # SDES says nothing we use; BYE ends nothing: streams end by signalling, which cannot be forged.
                self.drops[<int>DROP_RTCP_IGNORED] += 1
        if status == RTCP_MALFORMED:
            self.drops[<int>DROP_RTCP_MALFORMED] += 1

    cdef void _sender_report(self, Peer* peer, const uint8_t* body, size_t length, int64_t now_us) noexcept nogil:
        """Map the publisher's clock onto ours and send each subscriber its own report (lip sync, RFC 3550 6.4.1)."""
        cdef SenderInfo info, own
        cdef Source* source = NULL
        cdef Consumer* consumer
        cdef int64_t theirs_us
        cdef uint32_t i
        cdef uint8_t packet[SR_BYTES + 12 + CNAME_BYTES + 4]
        if not read_sender_info(body, length, &info):
            self.drops[<int>DROP_RTCP_MALFORMED] += 1
            return
        for i in range(peer.source_count):
            if peer.sources[i].ssrc == info.ssrc:
                source = peer.sources[i]
        if source == NULL or source.primary != NULL:
            self.drops[<int>DROP_RTCP_UNKNOWN_SSRC] += 1
            return
        source.last_sr_ntp = info.ntp
        source.last_sr_us = now_us
        theirs_us = _from_ntp(info.ntp)
        # One mapping for all streams of a peer: what matters is that sound and picture share it.
        if not peer.clock_known or not -CLOCK_JUMP_US < theirs_us + peer.clock_offset_us - now_us < CLOCK_JUMP_US:
            peer.clock_known = 1
            peer.clock_offset_us = now_us - theirs_us
        own.ntp = _ntp(now_us)
        for i in range(source.consumer_count):
            consumer = source.consumers[i]
            if consumer.rebase or not consumer.started or not consumer.peer.sendable:
                continue
            own.ssrc = consumer.ssrc
            own.rtp_timestamp = info.rtp_timestamp + consumer.timestamp_offset + <uint32_t>(
                (now_us - theirs_us - peer.clock_offset_us) * <int64_t>source.clock_rate // 1_000_000
            )
            own.packets = consumer.packets
            own.octets = consumer.octets
            consumer.last_sr_ntp = own.ntp
            write_sr(packet, &own)
            self._send_rtcp(
                consumer.peer, packet,
                SR_BYTES + write_cname(packet + SR_BYTES, consumer.ssrc, consumer.cname, consumer.cname_bytes),
            )

    cdef void _report_block(self, Peer* peer, const uint8_t* at, int64_t now_us) noexcept nogil:
        """Note what a subscriber says of one of its slots."""
        cdef ReportBlock block
        cdef Consumer* consumer
        cdef uint32_t elapsed
        read_report_block(at, &block)
        consumer = _consumer_by_ssrc(peer, block.ssrc)
        if consumer == NULL:
            self.drops[<int>DROP_RTCP_UNKNOWN_SSRC] += 1
            return
        consumer.fraction_lost = block.fraction_lost
        consumer.cumulative_lost = block.cumulative_lost
        consumer.jitter = block.jitter
        if block.last_sr and block.last_sr == <uint32_t>(consumer.last_sr_ntp >> 16):
            elapsed = <uint32_t>(_ntp(now_us) >> 16) - block.last_sr - block.delay_since_last_sr
            if elapsed < 65536 * 10:
                consumer.round_trip_us = <uint32_t>(<uint64_t>elapsed * 1_000_000 >> 16)

    cdef void _feedback(
        self, Peer* peer, int kind, int fmt, const uint8_t* body, size_t length, int64_t now_us
    ) noexcept nogil:
        """NACK, PLI, FIR and transport-wide feedback of a subscriber."""
        cdef Consumer* consumer
        cdef size_t at
        cdef uint32_t received = 0, lost = 0, media
        cdef uint16_t sequence, more
        cdef int bit
        if length < 8:
            self.drops[<int>DROP_RTCP_MALFORMED] += 1
            return
        media = load32(body + 4)
        if kind == RTCP_RTPFB and fmt == RTPFB_TRANSPORT:
            if read_transport_feedback(body + 8, length - 8, &received, &lost):
                peer.feedback_received += received
                peer.feedback_lost += lost
            else:
                self.drops[<int>DROP_RTCP_MALFORMED] += 1
        elif kind == RTCP_RTPFB and fmt == RTPFB_NACK:
            at = 8
            while length - at >= 4:
                sequence = load16(body + at)
                more = load16(body + at + 2)
                self._retransmit(peer, media, sequence, now_us)
                for bit in range(16):
                    if more >> bit & 1:
                        self._retransmit(peer, media, <uint16_t>(sequence + bit + 1), now_us)
                at += 4
        elif kind == RTCP_PSFB and (fmt == PSFB_PLI or fmt == PSFB_FIR):
            if fmt == PSFB_FIR and length >= 12:
                media = load32(body + 8)
            consumer = _consumer_by_ssrc(peer, media)
            if consumer == NULL or consumer.source == NULL:
                self.drops[<int>DROP_RTCP_UNKNOWN_SSRC] += 1
            elif consumer.source.video:
                self._event(EVENT_KEYFRAME_WANTED, consumer.source)
        else:
            self.drops[<int>DROP_RTCP_IGNORED] += 1        # REMB and others: a subscriber's word changes nothing

    cdef void _send_rtcp(self, Peer* peer, uint8_t* packet, size_t length) noexcept nogil:
        cdef uint8_t* out
        cdef int size = <int>length
        if not peer.sendable:
            return
        out = next_slot(&self.out)
        memcpy(out, packet, length)
        if protect_rtcp(peer.tx, out, &size) == 0:
            commit(&self.out, peer, size)
        else:
            self.drops[<int>DROP_PROTECT] += 1

    cdef void _event(self, EventKind kind, Source* source) noexcept nogil:
        if kind == EVENT_KEYFRAME_WANTED:
            if source.keyframe_wanted:
                return
            source.keyframe_wanted = 1
        if self.event_count < EVENTS:
            self.events[self.event_count].kind = kind
            self.events[self.event_count].source_id = source.id
            self.event_count += 1
        elif kind == EVENT_KEYFRAME_WANTED:
            source.keyframe_wanted = 0

    # -- called a few times a second -----------------------------------------------------------------------------------

    def take_events(self) -> list:
        """Return and forget [(EVENT_…, source id)]; the id may be of a source that is gone by now."""
        if self.event_count == 0:
            return []
        events = [(self.events[i].kind, self.events[i].source_id) for i in range(self.event_count)]
        self.event_count = 0
        for kind, source_id in events:
            if kind == EVENT_KEYFRAME_WANTED and source_id in self._sources:
                self.source_of(source_id).keyframe_wanted = 0
        return events

    @property
    def has_events(self) -> bool:
        """Whether ``take_events`` would return any."""
        return self.event_count > 0

    def request_keyframe(self, int source_id) -> None:
        """Send the source's publisher a PLI (RFC 4585 section 6.3.1) and report the next keyframe as an event."""
        cdef Source* source = self.source_of(source_id)
        cdef uint8_t packet[12]
        source.report_keyframe = 1
        write_feedback(packet, RTCP_PSFB, PSFB_PLI, source.peer.feedback_sender_ssrc, source.ssrc, 0)
        self._send_rtcp(source.peer, packet, 12)
        flush(&self.out)

    def tick(self, int64_t now_us, bint transport_feedback, bint reports) -> None:
        """Send what is due to publishers: NACKs always, transport-wide feedback and receiver reports as told."""
        cdef size_t pointer
        cdef Peer* peer
        for pointer in self._peers.values():
            peer = <Peer*>pointer
            if peer.source_count and peer.sendable:
                _request_missing(self, peer, now_us)
                if transport_feedback and peer.arrivals != NULL and peer.arrivals.count:
                    _send_arrivals(self, peer)
                if reports:
                    _send_reports(self, peer, now_us)
        flush(&self.out)

    def take_captured(self) -> list:
        """Return and forget what was to be sent without a socket: [(data, (host, port))] in order."""
        cdef size_t at = 0, end
        cdef CapturedHead head
        cdef char host[64]
        cdef int port
        cdef uint32_t size
        captured = []
        while at < self.out.captured_bytes:
            memcpy(&head, self.out.captured + at, sizeof(head))
            at += sizeof(head)
            end = at + head.length
            port = socket_address_get(<const socket_address*>head.address, host, sizeof(host))
            while at < end:
                size = head.segment if end - at > head.segment else <uint32_t>(end - at)
                captured.append((<bytes>self.out.captured[at:at + size], (host.decode(), port)))
                at += size
        self.out.captured_bytes = 0
        return captured

    def counters(self) -> dict:
        """Return the walk's totals since the start."""
        return {
            "batches": self.batches, "received_datagrams": self.received_datagrams,
            "forwarded_packets": self.forwarded_packets, "retransmitted_packets": self.retransmitted_packets,
            "sent_packets": self.out.packets, "sent_messages": self.out.messages,
            "send_full": self.out.full, "send_failed": self.out.failed,
        }


KEYFRAME_WANTED = EVENT_KEYFRAME_WANTED
KEYFRAME = EVENT_KEYFRAME


cdef Consumer* _consumer_by_ssrc(Peer* peer, uint32_t ssrc) noexcept nogil:
    """Find one of this peer's slots; another peer's slots cannot be named."""
    cdef int i
    for i in range(peer.consumer_count):
        if peer.consumers[i].ssrc == ssrc:
            return peer.consumers[i]
    return NULL


cdef void _note_arrival(Peer* peer, uint16_t sequence, int64_t now_us) noexcept nogil:
    """Note one packet's arrival for the next transport-wide feedback; too old or too far ahead is left out."""
    cdef TransportArrivals* a = peer.arrivals
    cdef uint16_t ahead
    cdef int i
    if a == NULL:
        a = <TransportArrivals*>calloc(1, sizeof(TransportArrivals))
        if a == NULL:
            return
        peer.arrivals = a
        a.base = sequence
    ahead = <uint16_t>(sequence - a.base)
    if ahead >= TRANSPORT_FEEDBACK_PACKETS:
        if ahead > 0x8000:
            return                      # reported as lost already
        a.base = sequence               # a hole wider than a feedback: begin behind it
        a.count = 0
        ahead = 0
    for i in range(a.count, ahead):
        a.arrivals_us[i] = -1
    a.arrivals_us[ahead] = now_us
    if ahead >= a.count:
        a.count = ahead + 1


cdef void _send_arrivals(Walk walk, Peer* peer) noexcept:
    cdef TransportArrivals* a = peer.arrivals
    cdef uint8_t packet[TRANSPORT_FEEDBACK_BYTES]
    cdef size_t size = write_transport_feedback(
        packet, peer.feedback_sender_ssrc, peer.sources[0].ssrc, a.base, a.count, a.feedback_count, a.arrivals_us
    )
    a.feedback_count += 1
    a.base += a.count
    a.count = 0
    walk._send_rtcp(peer, packet, size)


cdef void _request_missing(Walk walk, Peer* peer, int64_t now_us) noexcept:
    """Ask a publisher again for what has not come (RFC 4585 section 6.2.1)."""
    cdef uint16_t numbers[MISSING_PACKETS]
    cdef uint8_t packet[12 + 4 * MISSING_PACKETS]
    cdef int count, i, s
    cdef size_t size
    cdef uint16_t first, mask
    cdef bint gave_up = False
    cdef Source* source
    for s in range(peer.source_count):
        source = peer.sources[s]
        if source.reception.missing_count == 0 or source.primary != NULL:
            continue
        count = due_requests(&source.reception, numbers, now_us, &gave_up)
        if gave_up:
            walk._event(EVENT_KEYFRAME_WANTED, source)
        size = 12
        i = 0
        while i < count:
            first = numbers[i]
            mask = 0
            i += 1
            while i < count and <uint16_t>(numbers[i] - first) <= 16:
                mask |= <uint16_t>(1 << (<uint16_t>(numbers[i] - first) - 1))
                i += 1
            store16(packet + size, first)
            store16(packet + size + 2, mask)
            size += 4
        if count:
            write_feedback(packet, RTCP_RTPFB, RTPFB_NACK, peer.feedback_sender_ssrc, source.ssrc, size - 12)
            walk._send_rtcp(peer, packet, size)


cdef void _send_reports(Walk walk, Peer* peer, int64_t now_us) noexcept:
    """Send one receiver report about all of a publisher's streams."""
    cdef uint8_t packet[8 + 31 * REPORT_BLOCK_BYTES]
    cdef ReportBlock block
    cdef int s
    cdef uint8_t count = 0
    for s in range(peer.source_count):
        if peer.sources[s].reception.started and peer.sources[s].primary == NULL and count < 31:
            report(peer.sources[s], &block, now_us)
            write_report_block(packet + 8 + count * REPORT_BLOCK_BYTES, &block)
            count += 1
    if count:
        write_header(packet, count, RTCP_RR, 8 + count * REPORT_BLOCK_BYTES)
        store32(packet + 4, peer.feedback_sender_ssrc)
        walk._send_rtcp(peer, packet, 8 + count * REPORT_BLOCK_BYTES)
