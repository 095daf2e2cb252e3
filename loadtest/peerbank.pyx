"""Hundreds of peers in one process on one core: the data part of the load generator.

Every peer has its own UDP socket, because a server tells peers apart by address; all sockets hang in one epoll
whose descriptor an event loop watches (``fileno``). ``poll`` receives, decrypts, counts and sends without the GIL
and hands STUN and DTLS datagrams to Python. UDP_GRO stays off: on the loopback interface it would let a train of
segments reach us uncut, and hide what cutting costs a server on a real network card. Receive times are the
kernel's (SO_TIMESTAMPNS), so that the client's own queueing is not counted as the server's latency.
"""

import socket

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from loadtest.bankcalls cimport (
    CLOCK_MONOTONIC, CLOCK_REALTIME, EPOLL_CLOEXEC, TFD_CLOEXEC, TFD_NONBLOCK, alltid_clock_ns, alltid_ready,
    alltid_receive_time, alltid_timer_read, alltid_timer_set, alltid_unwatch, alltid_watch, close, epoll_create1, send,
    timerfd_create,
)
from loadtest.clip cimport Clip
from loadtest.histogram cimport LatencyHistogram, histogram_clear
from loadtest.peer cimport MAX_SENDERS, Peer, Sender, Totals
from loadtest.peerfeedback cimport RTCP_BUFFER_BYTES, write_feedback, write_reports, write_requests
from loadtest.peerreceive cimport peer_handle_rtcp, peer_handle_rtp
from loadtest.peersend cimport SEND_BATCH, SEND_SLOT_BYTES, SendBuffers, sender_step
from loadtest.rtpwrite cimport ntp_from_realtime
from loadtest.streamstats cimport StreamStats, stream_lost
from loadtest.wheel cimport TICK_NS, Timer, Wheel, wheel_arm, wheel_cancel, wheel_expire, wheel_next_tick, wheel_start
from rtc.srtp cimport SrtpSession, protect_rtcp, unprotect_rtcp, unprotect_rtp
from rtc.udp cimport MSG_DONTWAIT, iovec, mmsghdr, recvmmsg

cdef enum:
    BATCH = 64
    SLOT_BYTES = 2048
    CONTROL_BYTES = 64           # one SCM_TIMESTAMPNS message is 32
    READY = 256                  # sockets per poll; the next call takes the rest
    SLOW_DATAGRAMS = 512         # STUN and DTLS per poll; beyond this they are dropped as a network would
    REPLAY_FAIL = 9              # srtp_err_status_replay_fail
    REPLAY_OLD = 10
    TIMER_EVENT = 0xFFFFFFFF
    REPORT_INTERVAL_NS = 1_000_000_000

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

ctypedef struct SlowDatagram:
    int32_t peer
    int32_t length
    uint8_t *data


cdef class PeerBank:
    """``capacity`` peers at most, each with up to ``MAX_SENDERS`` senders. Not thread safe: one thread uses it."""

    cdef int epoll, timer_fd, capacity, peer_count, sender_count
    cdef Peer *peers
    cdef Sender *senders
    cdef Wheel wheel
    cdef Totals totals
    cdef SendBuffers sending
    cdef uint8_t *slots
    cdef uint8_t *controls
    cdef mmsghdr messages[BATCH]
    cdef iovec vectors[BATCH]
    cdef SlowDatagram slow[SLOW_DATAGRAMS]
    cdef int slow_count
    cdef int64_t feedback_interval_ns
    cdef readonly uint64_t slow_dropped
    cdef list owned              # sessions and clips that the C structures point into
    cdef dict sockets            # by peer number, open ones only

    def __cinit__(self, int capacity, double feedback_interval_s=0.1):
        """``feedback_interval_s`` between transport-wide feedback packets of a peer; Chrome uses 0.05 to 0.25."""
        cdef int i
        self.epoll = self.timer_fd = -1
        self.capacity = capacity
        self.owned, self.sockets = [], {}
        self.feedback_interval_ns = <int64_t>(feedback_interval_s * 1e9)
        self.peers = <Peer *>calloc(capacity, sizeof(Peer))
        self.senders = <Sender *>calloc(capacity * MAX_SENDERS, sizeof(Sender))
        self.wheel.count = capacity * (MAX_SENDERS + 1)
        self.wheel.timers = <Timer *>calloc(self.wheel.count, sizeof(Timer))
        self.slots = <uint8_t *>calloc(BATCH, SLOT_BYTES)
        self.controls = <uint8_t *>calloc(BATCH, CONTROL_BYTES)
        self.sending.slots = <uint8_t *>calloc(SEND_BATCH, SEND_SLOT_BYTES)
        if not (self.peers and self.senders and self.wheel.timers and self.slots and self.controls):
            raise MemoryError
        if self.sending.slots == NULL:
            raise MemoryError
        wheel_start(&self.wheel, alltid_clock_ns(CLOCK_MONOTONIC))
        for i in range(BATCH):
            self.vectors[i].iov_base = self.slots + i * SLOT_BYTES
            self.vectors[i].iov_len = SLOT_BYTES
            self.messages[i].msg_hdr.msg_iov = &self.vectors[i]
            self.messages[i].msg_hdr.msg_iovlen = 1
            self.messages[i].msg_hdr.msg_control = self.controls + i * CONTROL_BYTES
        for i in range(SEND_BATCH):
            self.sending.vectors[i].iov_base = self.sending.slots + i * SEND_SLOT_BYTES
            self.sending.messages[i].msg_hdr.msg_iov = &self.sending.vectors[i]
            self.sending.messages[i].msg_hdr.msg_iovlen = 1
        self.epoll = epoll_create1(EPOLL_CLOEXEC)
        self.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)
        if self.epoll < 0 or self.timer_fd < 0 or alltid_watch(self.epoll, self.timer_fd, TIMER_EVENT):
            raise OSError("epoll or timerfd")

    def __dealloc__(self):
        cdef int i
        for i in range(self.peer_count):
            free(self.peers[i].streams)
            free(self.peers[i].arrivals)
        for i in range(self.slow_count):
            free(self.slow[i].data)
        free(self.peers)
        free(self.senders)
        free(self.wheel.timers)
        free(self.slots)
        free(self.controls)
        free(self.sending.slots)
        if self.timer_fd >= 0:
            close(self.timer_fd)
        if self.epoll >= 0:
            close(self.epoll)

    def fileno(self) -> int:
        """Readable whenever ``poll`` has something to do."""
        return self.epoll

    def add_peer(self, host: str = "127.0.0.1") -> int:
        """A new peer with a UDP socket of its own at this address; returns its number."""
        if self.peer_count == self.capacity:
            raise ValueError("the bank is full")
        own = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        own.setblocking(False)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        own.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS; the socket module has no name for it
        own.bind((host, 0))
        cdef int number = self.peer_count
        cdef Peer *peer = &self.peers[number]
        peer.fd = own.fileno()
        peer.open = True
        peer.ssrc = <uint32_t>(0x20000000 + number)
        peer.timer = number * (MAX_SENDERS + 1)
        if alltid_watch(self.epoll, peer.fd, <uint32_t>number):
            raise OSError("epoll_ctl")
        self.peer_count += 1
        self.sockets[number] = own
        return number

    def address(self, int number) -> tuple[str, int]:
        """The local address of a peer's socket."""
        self._peer(number)
        return self.sockets[number].getsockname()[:2]

    def connect(self, int number, host: str, port: int) -> None:
        """Send to this address, and receive from it alone, from now on."""
        self._peer(number)
        self.sockets[number].connect((host, port))

    def send(self, int number, bytes data not None) -> None:
        """Send one datagram (STUN, DTLS) to the connected address; what the kernel refuses is lost."""
        cdef Peer *peer = self._peer(number)
        if peer.open:
            send(peer.fd, <const char *>data, len(data), MSG_DONTWAIT)

    def set_keys(self, int number, SrtpSession session not None, bint feedback=True, uint32_t extension_mask=0) -> None:
        """Media may flow. ``extension_mask`` has bit ``id`` set for each negotiated header extension of ours;
        with ``feedback`` the peer sends reports, transport-wide feedback and keyframe requests."""
        cdef Peer *peer = self._peer(number)
        self.owned.append(session)
        peer.tx, peer.rx, peer.feedback, peer.extension_mask = session.tx, session.rx, feedback, extension_mask
        if feedback:
            # Spread over the interval, else all peers' feedback would meet the server in one burst.
            wheel_arm(&self.wheel, peer.timer, alltid_clock_ns(CLOCK_MONOTONIC)
                      + self.feedback_interval_ns * (number % 64) // 64)
        self._arm()

    def close_peer(self, int number) -> None:
        """Stop and close the socket; its statistics stay."""
        cdef Peer *peer = self._peer(number)
        cdef int i
        if not peer.open:
            return
        peer.open = False
        wheel_cancel(&self.wheel, peer.timer)
        for i in range(peer.sender_count):
            self.stop_sender(peer.senders[i])
        alltid_unwatch(self.epoll, peer.fd)
        self.sockets.pop(number).close()

    def close(self) -> None:
        """Close every peer."""
        cdef int number
        for number in range(self.peer_count):
            self.close_peer(number)

    def add_sender(
        self, int number, Clip clip not None, *, uint32_t ssrc, str mid, double rate=1.0, bint paced=False
    ) -> int:
        """A stream of ``clip`` from a peer, stopped at first. ``rate`` 2.0 plays it twice as fast; ``paced`` spreads a
        frame as a browser's pacer does (2.5 times the average rate, bursts of 5 ms), else it leaves in one burst."""
        cdef Peer *peer = self._peer(number)
        cdef Sender *sender
        if peer.sender_count == MAX_SENDERS or len(mid) != 1:
            raise ValueError("too many senders, or a mid that does not fit the fixed header")
        cdef int sender_number = number * MAX_SENDERS + peer.sender_count
        sender = &self.senders[sender_number]
        sender.peer, sender.timer = number, peer.timer + 1 + peer.sender_count
        sender.ssrc, sender.mid = ssrc, ord(mid)
        sender.is_video, sender.payload_type, sender.clock_rate = clip.is_video, clip.payload_type, clip.clock_rate
        sender.data, sender.packets, sender.frames = clip.data, clip.packets, clip.frames
        sender.frame_count = clip.frame_count
        sender.sequence = <uint16_t>(ssrc * 101)
        sender.timestamp = ~ssrc * 40503
        sender.rate = rate
        interval_s = clip.frames[0].duration / (clip.clock_rate * rate)
        largest = max(clip.frames[i].packet_count for i in range(clip.frame_count))
        sender.packets_per_tick = max(1, -(-largest * 0.005 * 2.5 // interval_s)) if paced else 0
        peer.senders[peer.sender_count] = sender_number
        peer.sender_count += 1
        self.owned.append(clip)
        return sender_number

    def start_sender(self, int number, double delay_s=0.0) -> None:
        """Begin (again) at the keyframe after ``delay_s``."""
        cdef Sender *sender = self._sender(number)
        sender.running, sender.frame, sender.sent_of_frame = True, 0, 0
        sender.frame_due_ns = alltid_clock_ns(CLOCK_MONOTONIC) + <int64_t>(delay_s * 1e9)
        wheel_arm(&self.wheel, sender.timer, sender.frame_due_ns)
        self._arm()

    def stop_sender(self, int number) -> None:
        """Send nothing more."""
        cdef Sender *sender = self._sender(number)
        sender.running = False
        wheel_cancel(&self.wheel, sender.timer)

    def set_rate(self, int number, double rate) -> None:
        """Play the clip this many times as fast, from the next frame on."""
        self._sender(number).rate = rate

    def poll(self) -> list[tuple[int, bytes]]:
        """Receive and send what is due; returns (peer, datagram) for each STUN or DTLS datagram."""
        cdef int i
        cdef SlowDatagram *datagram
        with nogil:
            self.work()
        result = []
        for i in range(self.slow_count):
            datagram = &self.slow[i]
            result.append((datagram.peer, (<char *>datagram.data)[:datagram.length]))
            free(datagram.data)
        self.slow_count = 0
        return result

    cdef void work(self) noexcept nogil:
        cdef uint32_t ready[READY]
        cdef int i, count = alltid_ready(self.epoll, ready, READY)
        self.run_timers()
        for i in range(count):
            if ready[i] == TIMER_EVENT:
                alltid_timer_read(self.timer_fd)
            else:
                self.receive(<int32_t>ready[i])
        self.run_timers()
        self._arm()

    cdef void _arm(self) noexcept nogil:
        cdef int64_t tick = wheel_next_tick(&self.wheel)
        if tick >= 0:
            alltid_timer_set(self.timer_fd, max(tick * TICK_NS, 1))

    cdef void receive(self, int32_t number) noexcept nogil:
        """Everything a socket holds, up to four batches, so that no peer starves the others."""
        cdef Peer *peer = &self.peers[number]
        cdef int i, count, batch
        cdef int64_t now_ns
        for batch in range(4):
            for i in range(BATCH):
                self.messages[i].msg_hdr.msg_controllen = CONTROL_BYTES
            count = recvmmsg(peer.fd, self.messages, BATCH, MSG_DONTWAIT, NULL)
            now_ns = alltid_clock_ns(CLOCK_MONOTONIC)
            for i in range(count):
                self.handle(number, peer, i, now_ns)
            if count < BATCH:
                return

    cdef void handle(self, int32_t number, Peer *peer, int slot, int64_t now_ns) noexcept nogil:
        """Classify by the first byte (RFC 7983); RTCP is told from RTP by its type (RFC 5761 section 4)."""
        cdef uint8_t *packet = self.slots + slot * SLOT_BYTES
        cdef int length = <int>self.messages[slot].msg_len
        cdef int64_t realtime_ns
        cdef int status
        if length < 12 or packet[0] < 128:
            self.keep_slow(number, packet, length)
            return
        if peer.rx == NULL:
            peer.early += 1
            return
        if 192 <= packet[1] <= 223:
            if unprotect_rtcp(peer.rx, packet, &length) == 0:
                peer_handle_rtcp(peer, self.senders, packet, length, now_ns)
            else:
                peer.undecryptable += 1
            return
        status = unprotect_rtp(peer.rx, packet, &length)
        if status == 0:
            realtime_ns = alltid_receive_time(&self.messages[slot].msg_hdr)
            peer_handle_rtp(peer, &self.totals, packet, length,
                            realtime_ns if realtime_ns else alltid_clock_ns(CLOCK_REALTIME), now_ns)
        elif status == REPLAY_FAIL or status == REPLAY_OLD:
            peer.replayed += 1
        else:
            peer.undecryptable += 1

    cdef void keep_slow(self, int32_t number, const uint8_t *packet, int length) noexcept nogil:
        cdef SlowDatagram *datagram
        if self.slow_count == SLOW_DATAGRAMS or length <= 0:
            self.slow_dropped += 1
            return
        datagram = &self.slow[self.slow_count]
        datagram.data = <uint8_t *>malloc(length)
        if datagram.data == NULL:
            self.slow_dropped += 1
            return
        memcpy(datagram.data, packet, length)
        datagram.peer, datagram.length = number, length
        self.slow_count += 1

    cdef void run_timers(self) noexcept nogil:
        cdef int64_t now_ns = alltid_clock_ns(CLOCK_MONOTONIC)
        cdef int32_t timer = wheel_expire(&self.wheel, now_ns)
        cdef int32_t number, sender
        while timer >= 0:
            number = timer // (MAX_SENDERS + 1)
            if timer % (MAX_SENDERS + 1) == 0:
                self.send_feedback(&self.peers[number], now_ns)
                wheel_arm(&self.wheel, timer, now_ns + self.feedback_interval_ns)
            else:
                sender = number * MAX_SENDERS + timer % (MAX_SENDERS + 1) - 1
                wheel_arm(&self.wheel, timer,
                          sender_step(&self.peers[number], &self.senders[sender], &self.sending, now_ns))
            timer = wheel_expire(&self.wheel, now_ns)

    cdef void send_feedback(self, Peer *peer, int64_t now_ns) noexcept nogil:
        cdef uint8_t buffer[RTCP_BUFFER_BYTES + 64]
        cdef int length
        cdef uint64_t ntp
        if peer.feedback_rounds % max(REPORT_INTERVAL_NS // self.feedback_interval_ns, 1) == 0:
            ntp = ntp_from_realtime(alltid_clock_ns(CLOCK_REALTIME))
            length = write_reports(buffer, peer, self.senders, ntp, now_ns)
            self.send_rtcp(peer, buffer, length)
        peer.feedback_rounds += 1
        length = write_requests(buffer, peer, now_ns)
        if length:
            self.send_rtcp(peer, buffer, length)
        length = write_feedback(buffer, peer)
        if length:
            self.send_rtcp(peer, buffer, length)

    cdef void send_rtcp(self, Peer *peer, uint8_t *packet, int length) noexcept nogil:
        if protect_rtcp(peer.tx, packet, &length) == 0:
            send(peer.fd, packet, length, MSG_DONTWAIT)

    cdef Peer *_peer(self, int number) except NULL:
        if not 0 <= number < self.peer_count:
            raise IndexError(number)
        return &self.peers[number]

    cdef Sender *_sender(self, int number) except NULL:
        if not 0 <= number < self.capacity * MAX_SENDERS or self.senders[number].frame_count == 0:
            raise IndexError(number)
        return &self.senders[number]

    def latency(self, bint video) -> LatencyHistogram:
        """A copy of the forwarding latencies measured since the last ``clear``."""
        cdef LatencyHistogram copy = LatencyHistogram()
        copy.data = self.totals.video_latency if video else self.totals.audio_latency
        return copy

    @property
    def packets(self) -> int:
        """Different RTP packets received by all peers since the last ``clear``."""
        return self.totals.packets

    @property
    def bytes(self) -> int:
        """Their bytes, decrypted, headers included."""
        return self.totals.bytes

    def clear(self) -> None:
        """Forget totals and stream statistics: what follows is measured afresh."""
        cdef int i, j
        cdef StreamStats *stream
        memset(&self.totals, 0, sizeof(Totals))
        for i in range(self.peer_count):
            self.peers[i].rtp_received = self.peers[i].replayed = self.peers[i].undecryptable = 0
            for j in range(self.peers[i].stream_count):
                stream = &self.peers[i].streams[j]
                if not stream.started:
                    continue
                # Sequence memory stays: a gap across the border is a loss of the new period.
                stream.base_sequence = stream.highest_sequence + 1
                stream.received = stream.received_prior = stream.received_reported = stream.expected_prior = 0
                stream.duplicates = stream.reordered = stream.too_late = stream.bytes = 0
                stream.frames = stream.keyframes = stream.latency_count = 0
                stream.latency_sum_ns = stream.latency_max_ns = 0

    def streams(self, int number) -> list[dict[str, int]]:
        """One entry per SSRC that the peer received."""
        cdef Peer *peer = self._peer(number)
        return [stream_report(&peer.streams[i]) for i in range(peer.stream_count)]

    def peer(self, int number) -> dict[str, int]:
        """Counters of one peer."""
        cdef Peer *peer = self._peer(number)
        return {
            "rtp_received": peer.rtp_received, "rtcp_received": peer.rtcp_received, "replayed": peer.replayed,
            "undecryptable": peer.undecryptable, "early": peer.early, "unknown": peer.unknown, "nacked": peer.nacked,
        }

    def sender(self, int number) -> dict[str, int]:
        """Counters of one sender."""
        cdef Sender *sender = self._sender(number)
        return {
            "packets": sender.packets_sent, "frames": sender.frames_sent, "bytes": sender.octets_sent,
            "keyframe_requests": sender.keyframe_requests, "frames_skipped": sender.frames_skipped,
            "refused": sender.refused,
        }


cdef dict stream_report(StreamStats *stream):
    return {
        "ssrc": stream.ssrc, "payload_type": stream.payload_type, "received": stream.received,
        "lost": max(stream_lost(stream), 0), "duplicates": stream.duplicates, "reordered": stream.reordered,
        "too_late": stream.too_late, "bytes": stream.bytes, "frames": stream.frames, "keyframes": stream.keyframes,
        "latency_mean_ns": stream.latency_sum_ns // stream.latency_count if stream.latency_count else 0,
        "latency_max_ns": stream.latency_max_ns,
    }
