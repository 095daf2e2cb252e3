"""The walk of a packet: one call per wake-up, from the socket to every subscriber, without the GIL.

    the event loop -> wake -> forward_batch(now_us)
        recvmmsg -> _classify (RFC 7983) -> _receive_rtp: find peer, unprotect, parse, find source -> _accept: observe
        -> _deliver: switch waiting consumers at a keyframe -> _forward: template once, patch and protect per consumer
        -> flush: sendmmsg with trains

STUN and DTLS go to Python in a list after the batch, keyframe requests as events. Time is an argument. Without a
socket (fd -1) ``handle`` takes datagrams from the caller and returns what would be sent, for a virtual network.
"""

from libc.stdint cimport int16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from rtc.payload cimport read_payload
from rtc.rtcp cimport PSFB_PLI, RTCP_PSFB, write_feedback
from rtc.rtp cimport RTP_OK, find_extensions, load16, load32, parse_rtp
from rtc.srtp cimport protect_rtp, unprotect_rtp
from rtc.udp cimport (
    MSG_DONTWAIT, MSG_TRUNC, monotonic_us, recvmmsg, sleep_us, socket_address_get, socket_address_hash,
    socket_address_set,
)
from sfu.control cimport raise_event, receive_rtcp, send_rtcp
from sfu.output cimport ARENA_BYTES, commit, flush, next_slot, take_captured
from sfu.publishers cimport note_arrival, request_missing, send_arrivals, send_reports
from sfu.ratelimit cimport RateBucket, spend
from sfu.reception cimport MAX_JUMP, SEEN_BEFORE, SEEN_RESTART, Observation, observe, observe_timing
from sfu.repair cimport remember, unwrap_repair
from sfu.rewrite cimport (
    build_template, equalise, is_before_start, note_sent, patch, prefetch_consumers, rebase,
)
from sfu.strangers cimport may_ask, note_strange
from sfu.table cimport *

# STUN and DTLS that Python may have to look at, per second: one address (a handshake needs about 15), and all
# addresses together that ICE has not validated (about 400 joins a second; a flood then costs a tenth of a core).
ADDRESS_PACKETS_PER_S = 50.0
STRANGER_PACKETS_PER_S = 2000.0

cdef double _address_rate = ADDRESS_PACKETS_PER_S
cdef double _stranger_rate = STRANGER_PACKETS_PER_S

cdef enum:
    # Of what a peer was sent, this fraction may be sent again (a NACK storm buys nothing more).
    RETRANSMISSION_SHIFT = 2
    RETRANSMISSION_CREDIT_BYTES = 524288


cdef class Walk(RouteTable):
    """The packet walk over one UDP socket.

    ``fd`` is the socket's (non-blocking), -1 for none; ``feedback_fd`` that of its second half, where the kernel
    puts RTCP (``sfu/sockets.py``), -1 where all comes by ``fd``; ``secret`` keys the address hash; ``segmentation``
    uses UDP_SEGMENT; ``equalising`` pads a frame's packets to one size; ``coalesce_us`` gathers what comes while the
    walk is busy. ``on_unknown_ssrc(peer_id, ssrc, payload_type, mid, rid, repaired_rid)`` may add the source and
    return True.
    """

    def __cinit__(
        self, secret=0, int fd=-1, bint segmentation=True, bint equalising=True, uint32_t coalesce_us=0,
        int feedback_fd=-1
    ):
        cdef int i
        self.fd = fd
        self.feedback_fd = feedback_fd
        self.out.fd = fd
        self.out.segmentation = segmentation
        self.equalising = equalising
        self.coalesce_us = coalesce_us
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
        self.attend = None

    def __dealloc__(self):
        free(self.out.arena)
        free(self.out.captured)
        free(self.slots_memory)

    # -- from the socket to the sources --------------------------------------------------------------------------

    def wake(self) -> None:
        """Take what waits on the socket; call ``attend(slow_lane, now_us)`` if there is anything for Python to do.

        That is STUN, DTLS, events, packets to ask for again, and the tick when ``attend_us`` has come: most wake-ups
        pass without any Python.
        """
        cdef int64_t now_us = monotonic_us()
        cdef list slow_lane = self.forward_batch(now_us)
        if slow_lane or self.event_count or self.has_holes or now_us >= self.attend_us:
            self.attend(slow_lane, now_us)

    cpdef list forward_batch(self, int64_t now_us):
        """Receive, forward and send all that waits (at most ROUNDS batches); return STUN and DTLS datagrams.

        While datagrams come more often than every BUSY_GAP_US, the next batch is waited for here for ``coalesce_us``
        rather than through the event loop: the packets of a frame come one by one, and each wake-up costs more than
        one carries. Each is (data, (host, port), peer id or 0). Events are drained by ``take_events``.
        """
        cdef int count
        cdef bint busy = now_us - self.last_batch_us < BUSY_GAP_US
        cdef list slow_lane = []
        self.now_us = now_us
        for _ in range(ROUNDS):
            with nogil:
                count = self._receive(self.fd, now_us)
            if count <= 0:
                break
            self._finish(now_us, slow_lane)
            self.last_batch_us = now_us
            if count == BATCH:
                continue
            if not busy or self.coalesce_us == 0 or slow_lane or self.event_count:
                break
            with nogil:
                sleep_us(self.coalesce_us)
                now_us = monotonic_us()
        if now_us - self.last_feedback_us >= FEEDBACK_GAP_US:
            slow_lane += self.receive_feedback(now_us)
        return slow_lane

    cpdef list receive_feedback(self, int64_t now_us):
        """Take the RTCP that waits on the second half of the socket, if there is one; as ``forward_batch``.

        Subscribers send ten times as many feedback packets as a publisher sends frames. They wake nobody: they are
        taken along with media that comes anyway, and by every tick.
        """
        cdef int count
        cdef list slow_lane = []
        self.now_us = self.last_feedback_us = now_us
        for _ in range(ROUNDS if self.feedback_fd >= 0 else 0):
            with nogil:
                count = self._receive(self.feedback_fd, now_us)
            if count > 0:
                self._finish(now_us, slow_lane)
            if count < BATCH:
                break
        return slow_lane

    cdef int _receive(self, int fd, int64_t now_us) noexcept nogil:
        """Receive and classify up to BATCH datagrams; returns how many came, not above 0 for none."""
        cdef int count, i
        for i in range(BATCH):
            self.receive_headers[i].msg_hdr.msg_namelen = sizeof(socket_address)
        count = recvmmsg(fd, self.receive_headers, BATCH, MSG_DONTWAIT, NULL)
        for i in range(count):
            self._classify(
                i, self.receive_headers[i].msg_len,
                self.receive_headers[i].msg_hdr.msg_flags & MSG_TRUNC != 0, now_us,
            )
        return count

    def handle(self, datagrams, int64_t now_us) -> tuple:
        """Do the same for [(data, (host, port))] of a virtual network: return (slow lane, [(data, (host, port))])."""
        cdef int i
        cdef size_t length
        slow_lane = []
        self.now_us = now_us
        datagrams = list(datagrams)
        for start in range(0, len(datagrams), BATCH):
            chunk = datagrams[start:start + BATCH]
            for i, (data, (host, port)) in enumerate(chunk):
                length = min(len(data), RECEIVE_SLOT_BYTES)
                memcpy(self.slots_memory + i * RECEIVE_SLOT_BYTES, <const char*>(<bytes>data), length)
                if not socket_address_set(&self.receive_addresses[i], host.encode(), port):
                    raise ValueError("not an address")
                self._classify(i, length, len(data) > RECEIVE_SLOT_BYTES, now_us)
            self._finish(now_us, slow_lane)
        return slow_lane, self.take_captured()

    cdef int _finish(self, int64_t now_us, list slow_lane) except -1:
        """After a batch was classified: bind unknown streams, forward, and add to the slow lane."""
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
                self._deliver(now_us)       # first: the call may remove a source that this batch has packets of
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
        return 0

    cdef bint _within_rate(self, const socket_address* address, Peer* peer, int64_t now_us) noexcept nogil:
        cdef RateBucket* bucket = &self.buckets[socket_address_hash(address, ~self.secret) % RATE_BUCKETS]
        if not spend(bucket, _address_rate, now_us):
            return False
        return peer != NULL or spend(&self.strangers, _stranger_rate, now_us)

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
                receive_rtcp(self, peer, data, length, now_us)
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
        cdef bint known = False, repeated = False
        if length < 12:
            self.drops[<int>DROP_RTP_MALFORMED] += 1
            return
        ssrc = load32(data + 8)
        for i in range(peer.source_count):
            if peer.sources[i].ssrc == ssrc:
                known = True
                break
        for i in range(self.unknown_count):            # a first frame comes as many packets in one batch
            if self.unknown_peers[i] == peer and self.inbound[self.unknown[i]].header.ssrc == ssrc:
                repeated = True
        if not known and not repeated and not may_ask(peer, ssrc, now_us):    # before libsrtp keeps a stream
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
            if not repeated:
                note_strange(peer, ssrc, now_us)
            self.unknown[self.unknown_count] = index
            self.unknown_peers[self.unknown_count] = peer
            self.unknown_count += 1

    cdef bint _accept(self, Peer* peer, int index, int64_t now_us) noexcept nogil:
        """Take a decrypted, parsed packet for its source; False where the peer has none of that SSRC."""
        cdef Inbound* packet = &self.inbound[index]
        cdef Source* source = NULL
        cdef Observation seen
        cdef uint8_t payload_type = packet.header.payload_type
        cdef int i, ahead
        for i in range(peer.source_count):
            if peer.sources[i].ssrc == packet.header.ssrc:
                source = peer.sources[i]
                break
        if source == NULL:
            return False
        for i in range(1, 16):
            if peer.kinds[i] == EXT_TRANSPORT_SEQUENCE and packet.extensions.length[i] == 2:
                note_arrival(peer, load16(packet.data + packet.extensions.offset[i]), now_us)
            elif peer.kinds[i] == EXT_AUDIO_LEVEL and packet.extensions.length[i] >= 1 and not source.video:
                source.level_sum += 127 - (packet.data[packet.extensions.offset[i]] & 0x7F)
                source.level_packets += 1
        source.packets += 1
        source.octets += packet.header.payload_bytes
        source.last_packet_us = now_us
        if source.primary != NULL:
            if packet.header.payload_bytes < 2:       # padding that probes the path
                return True
            if peer.repaired_types[payload_type] == 0xFF:
                self.drops[<int>DROP_PAYLOAD_TYPE] += 1
                return True
            source = source.primary
            payload_type = peer.repaired_types[payload_type]
            unwrap_repair(packet, source, payload_type)
            if not source.reception.started:
                return True
            ahead = <int16_t>(packet.header.sequence_number - source.reception.newest)
            if ahead > MAX_JUMP or ahead < -MAX_JUMP:     # nobody asked for that; only the stream itself may jump
                self.drops[<int>DROP_RTX_MALFORMED] += 1
                return True
        else:
            observe_timing(&source.reception, packet.header.timestamp, source.clock_rate, now_us)
        packet.codec_number = peer.codec_numbers[payload_type]
        if packet.codec_number == 0xFF:
            self.drops[<int>DROP_PAYLOAD_TYPE] += 1
            return True
        read_payload(
            self.codec_kinds[packet.codec_number], packet.data + packet.header.payload_offset,
            packet.header.payload_bytes, &packet.payload,
        )
        if not packet.payload.valid and packet.header.payload_bytes:
            self.drops[<int>DROP_PAYLOAD_MALFORMED] += 1    # unobserved: its successor then tells of a jump
            return True
        seen = observe(&source.reception, packet.header.sequence_number, source.video, now_us)
        if seen == SEEN_BEFORE:
            self.drops[<int>DROP_DUPLICATE] += 1
            return True
        packet.restart = seen == SEEN_RESTART
        if source.reception.missing_count:
            self.has_holes = True
        if source.video and packet.payload.keyframe and source.report_keyframe:
            source.report_keyframe = 0
            raise_event(self, EVENT_KEYFRAME, source)
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
        cdef uint32_t waiting
        cdef Source* source
        cdef Consumer* consumer
        for i in range(self.touched_count):
            source = self.touched[i]
            if source.waiting_count:
                index = source.batch_first
                while index >= 0 and not self.inbound[index].payload.keyframe:
                    index = self.inbound[index].next
                if index >= 0:
                    self._put_first(source, index)
                waiting = 0
                while index >= 0 and waiting < source.waiting_count:
                    consumer = source.waiting[waiting]
                    if not consumer.peer.sendable:      # it would miss the keyframe: the next one is for it
                        waiting += 1
                        continue
                    self.show(consumer, source)
                    consumer.first_sequence = self.inbound[index].header.sequence_number
                    consumer.guard = 1
        for i in range(self.touched_count):
            if self.touched[i].consumer_count:
                self._forward(self.touched[i], now_us)
            self.touched[i].batch_first = -1
        self.touched_count = 0

    cdef void _put_first(self, Source* source, int index) noexcept nogil:
        """Let a keyframe's start lead the batch where a later packet has overtaken it: numbers begin with it."""
        cdef int at = source.batch_first, previous = -1
        cdef bint overtaken = False
        while at != index:
            if self.inbound[at].restart:
                return
            if <int16_t>(self.inbound[at].header.sequence_number - self.inbound[index].header.sequence_number) > 0:
                overtaken = True
            previous = at
            at = self.inbound[at].next
        if overtaken:
            self.inbound[previous].next = self.inbound[index].next
            self.inbound[index].next = source.batch_first
            source.batch_first = index
            if source.batch_last == index:
                source.batch_last = previous

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
        remember(source, self.inbound)
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
                if position + 2 < source.consumer_count:
                    prefetch_consumers(&source.consumers[position])
                for i in range(count):
                    template = &self.templates[i]
                    if template.restart:         # even if this packet goes no further, those behind it do
                        consumer.rebase = 1
                        consumer.guard = 0
                    if not consumer.peer.sendable:
                        continue
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
        send_rtcp(self, source.peer, packet, 12)
        flush(&self.out)

    def tick(self, int64_t now_us, bint transport_feedback, bint reports) -> None:
        """Send what is due to publishers: NACKs always, transport-wide feedback and receiver reports as told."""
        cdef size_t pointer
        cdef Peer* peer
        self.has_holes = False
        for pointer in self._publishers.values():
            peer = <Peer*>pointer
            if peer.sendable:
                request_missing(self, peer, now_us)
                if transport_feedback and peer.arrivals != NULL and peer.arrivals.count:
                    send_arrivals(self, peer)
                if reports:
                    send_reports(self, peer, now_us)
        flush(&self.out)

    def take_captured(self) -> list:
        """Return and forget what was to be sent without a socket: [(data, (host, port))] in order."""
        return take_captured(&self.out)

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
