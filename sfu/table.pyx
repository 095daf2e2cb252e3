"""The route table's edits: called from Python between batches, never per packet."""

from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset
from posix.stdlib cimport posix_memalign
from libc.string cimport memcpy, memset

from rtc.srtp cimport SrtpSession
from rtc.payload cimport CODEC_AV1, CODEC_H264, CODEC_OPUS, CODEC_OTHER, CODEC_VP8, CODEC_VP9
from rtc.udp cimport socket_address_equal, socket_address_hash, socket_address_set

# Names of the causes in table.pxd, in its order; metrics and tests use these.
DROP_NAMES = (
    "unknown_address", "rate_limited", "not_a_packet", "too_long", "no_keys", "srtp_tag", "srtp_replay", "srtp_other",
    "rtp_malformed", "extension_malformed", "unknown_ssrc", "payload_type", "payload_malformed", "duplicate",
    "rtx_malformed", "rtcp_malformed", "rtcp_unknown_ssrc", "rtcp_ignored", "before_start", "codec_unsupported",
    "protect", "send_full", "send_failed", "nack_unknown", "nack_limited", "slow_lane_full",
)

# URI of each header extension -> its ExtensionKind.
EXTENSION_KINDS = {
    "urn:ietf:params:rtp-hdrext:sdes:mid": EXT_MID,
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id": EXT_RID,
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id": EXT_REPAIRED_RID,
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": EXT_ABS_SEND_TIME,
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01": EXT_TRANSPORT_SEQUENCE,
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level": EXT_AUDIO_LEVEL,
    "urn:3gpp:video-orientation": EXT_VIDEO_ORIENTATION,
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time": EXT_ABS_CAPTURE_TIME,
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension":
        EXT_DEPENDENCY_DESCRIPTOR,
}

UNKNOWN_SSRC_ALLOWANCE = STRANGE_SSRCS

# First retransmissions do not wait for traffic to earn their credit.
INITIAL_RETRANSMISSION_CREDIT_BYTES = 65536

_CODEC_KINDS = {"OPUS": CODEC_OPUS, "VP8": CODEC_VP8, "VP9": CODEC_VP9, "H264": CODEC_H264, "AV1": CODEC_AV1}


cdef void* _allocate_lines(size_t size) noexcept nogil:
    """Allocate zeroed memory that begins with a cache line; NULL when there is none."""
    cdef void* memory = NULL
    if posix_memalign(&memory, 64, size) != 0:
        return NULL
    memset(memory, 0, size)
    return memory


class TableFullError(Exception):
    """A fixed bound of the table is reached; the message says which."""


cdef class RouteTable:
    """Peers, sources and consumers by integer id. ``secret`` (64 bits) keys the address hash."""

    def __cinit__(self, secret=0, **_):
        self.secret = <uint64_t>(secret & 0xFFFFFFFFFFFFFFFF)
        self._codec_numbers = {}
        self._peers = {}
        self._publishers = {}
        self._sources = {}
        self._consumers = {}
        self._sessions = {}
        self._next_id = 1
        self.slot_mask = 63
        self.slots = <AddressSlot*>calloc(self.slot_mask + 1, sizeof(AddressSlot))
        if self.slots == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef size_t pointer
        for pointer in (self._consumers or {}).values():
            free(<Consumer*>pointer)
        for pointer in (self._sources or {}).values():
            _free_source(<Source*>pointer)
        for pointer in (self._peers or {}).values():
            free((<Peer*>pointer).arrivals)
            free(<Peer*>pointer)
        free(self.slots)

    cdef Peer* peer_of(self, int peer_id) except NULL:
        return <Peer*><size_t>self._peers[peer_id]

    cdef Source* source_of(self, int source_id) except NULL:
        return <Source*><size_t>self._sources[source_id]

    cdef Consumer* consumer_of(self, int consumer_id) except NULL:
        return <Consumer*><size_t>self._consumers[consumer_id]

    # -- addresses ---------------------------------------------------------------------------------------------

    cdef Peer* find_peer(self, const socket_address* address) noexcept nogil:
        cdef uint32_t at = socket_address_hash(address, self.secret) & self.slot_mask
        while self.slots[at].peer != NULL:
            if socket_address_equal(&self.slots[at].address, address):
                return self.slots[at].peer
            at = (at + 1) & self.slot_mask
        return NULL

    def _rebuild_slots(self) -> None:
        """Lay the address table anew from the peers' own lists, at most half full."""
        cdef uint32_t size = 64, needed = 0, at
        cdef size_t pointer
        cdef Peer* peer
        cdef AddressSlot* slots
        cdef int i
        for pointer in self._peers.values():
            needed += (<Peer*>pointer).address_count
        while size < 2 * (needed + PEER_ADDRESSES):
            size *= 2
        slots = <AddressSlot*>calloc(size, sizeof(AddressSlot))
        if slots == NULL:
            raise MemoryError
        for pointer in self._peers.values():
            peer = <Peer*>pointer
            for i in range(peer.address_count):
                at = socket_address_hash(&peer.addresses[i], self.secret) & (size - 1)
                while slots[at].peer != NULL:
                    at = (at + 1) & (size - 1)
                slots[at].address = peer.addresses[i]
                slots[at].peer = peer
        free(self.slots)
        self.slots = slots
        self.slot_mask = size - 1
        self.slot_used = needed

    def set_addresses(self, int peer_id, validated, selected) -> None:
        """Accept the peer's packets from ``validated`` (host, port) pairs and send to ``selected`` (or None).

        An address that another peer holds moves to this one: ICE has just seen this one's credentials there.
        """
        cdef Peer* peer = self.peer_of(peer_id)
        cdef Peer* other
        cdef socket_address address
        cdef int i
        cdef uint32_t at
        old = peer.address_count
        peer.address_count = 0
        changed = len(validated) != old
        for host, port in list(validated)[:PEER_ADDRESSES]:
            if not socket_address_set(&address, host.encode(), port):
                raise ValueError("not an address")
            other = self.find_peer(&address)
            if other != peer:
                changed = True
            if other != NULL and other != peer:
                for i in range(other.address_count):
                    if socket_address_equal(&other.addresses[i], &address):
                        other.address_count -= 1
                        other.addresses[i] = other.addresses[other.address_count]
                        break
            peer.addresses[peer.address_count] = address
            peer.address_count += 1
        if selected is not None:
            if not socket_address_set(&peer.address, selected[0].encode(), selected[1]):
                raise ValueError("not an address")
        peer.sendable = selected is not None and peer.tx != NULL
        if not changed:
            return
        if self.slot_used + peer.address_count > (self.slot_mask + 1) // 2 or old:
            self._rebuild_slots()
            return
        for i in range(peer.address_count):       # a new peer in a table with room: no rebuild
            at = socket_address_hash(&peer.addresses[i], self.secret) & self.slot_mask
            while self.slots[at].peer != NULL and not socket_address_equal(
                &self.slots[at].address, &peer.addresses[i]
            ):
                at = (at + 1) & self.slot_mask
            if self.slots[at].peer == NULL:
                self.slot_used += 1
            self.slots[at].address = peer.addresses[i]
            self.slots[at].peer = peer

    # -- peers -------------------------------------------------------------------------------------------------

    def add_peer(self, uint32_t feedback_sender_ssrc) -> int:
        """Add a peer without addresses or keys; ``feedback_sender_ssrc`` signs the RTCP that we send it."""
        cdef Peer* peer = <Peer*>_allocate_lines(sizeof(Peer))
        if peer == NULL:
            raise MemoryError
        peer.id = self._next_id
        self._next_id += 1
        peer.feedback_sender_ssrc = feedback_sender_ssrc
        peer.retransmission_credit = INITIAL_RETRANSMISSION_CREDIT_BYTES
        memset(peer.codec_numbers, 0xFF, sizeof(peer.codec_numbers))
        memset(peer.repaired_types, 0xFF, sizeof(peer.repaired_types))
        self._peers[peer.id] = <size_t>peer
        self._profile(peer, {})
        return peer.id

    def set_keys(self, int peer_id, SrtpSession session not None) -> None:
        """Give the peer its SRTP session; the table keeps it alive."""
        cdef Peer* peer = self.peer_of(peer_id)
        self._sessions[peer_id] = session
        peer.tx = session.tx
        peer.rx = session.rx

    def set_publishing(self, int peer_id, extension_ids: dict, codecs: dict, repaired: dict) -> None:
        """Say how to read the peer's packets.

        ``extension_ids`` {URI: id}, ``codecs`` {payload type: codec number}, ``repaired`` {RTX payload type: the
        payload type it repairs}. Bundled m-lines share both number spaces (RFC 8843 section 9.1).
        """
        cdef Peer* peer = self.peer_of(peer_id)
        memset(peer.kinds, 0, sizeof(peer.kinds))
        memset(peer.codec_numbers, 0xFF, sizeof(peer.codec_numbers))
        memset(peer.repaired_types, 0xFF, sizeof(peer.repaired_types))
        for uri, number in extension_ids.items():
            if 0 < number < 16 and uri in EXTENSION_KINDS:
                peer.kinds[<int>number] = EXTENSION_KINDS[uri]
        for payload_type, number in codecs.items():
            peer.codec_numbers[<int>payload_type & 0x7F] = number
        for payload_type, number in repaired.items():
            peer.repaired_types[<int>payload_type & 0x7F] = number

    def is_repair(self, int peer_id, int payload_type) -> bool:
        """Return whether the peer's payload type carries retransmissions (RFC 4588)."""
        return self.peer_of(peer_id).repaired_types[payload_type & 0x7F] != 0xFF

    def set_receiving(self, int peer_id, extension_ids: dict) -> None:
        """Say which header extensions ({URI: id}) the peer's slots take. Call before its first consumer."""
        self._profile(self.peer_of(peer_id), {
            EXTENSION_KINDS[uri]: number for uri, number in extension_ids.items()
            if uri in EXTENSION_KINDS and 0 < number < 15
        })

    cdef int _profile(self, Peer* peer, dict ids) except -1:
        cdef Profile wanted
        cdef int i
        memset(&wanted, 0, sizeof(Profile))
        for kind, number in ids.items():
            wanted.ids[<int>kind] = number
        for i in range(self.profile_count):
            if bytes(self.profiles[i].ids[:EXT_KINDS]) == bytes(wanted.ids[:EXT_KINDS]):
                break
        else:
            i = self.profile_count
            if i == PROFILES:
                raise TableFullError("header extension layouts")
            self.profiles[i] = wanted
            self.profile_count += 1
        peer.profile = &self.profiles[i]
        return 0

    def remove_peer(self, int peer_id) -> None:
        """Remove the peer with its sources and consumers."""
        cdef Peer* peer = self.peer_of(peer_id)
        while peer.consumer_count:
            self.remove_consumer(peer.consumers[0].id)
        while peer.source_count:
            self.remove_source(peer.sources[0].id)
        del self._peers[peer_id]
        self._sessions.pop(peer_id, None)
        if peer.address_count:
            self._rebuild_slots()
        free(peer.arrivals)
        free(peer)

    # -- codecs ------------------------------------------------------------------------------------------------

    def codec_number(self, str key not None, str name not None) -> int:
        """Return this worker's number for a codec (``Codec.key`` and ``Codec.name`` of rtc.codecs)."""
        number = self._codec_numbers.get(key)
        if number is None:
            if self.codec_count == CODEC_NUMBERS:
                raise TableFullError("codecs")
            number = self._codec_numbers[key] = self.codec_count
            self.codec_kinds[self.codec_count] = _CODEC_KINDS.get(name, CODEC_OTHER)
            self.codec_count += 1
        return number

    # -- sources -----------------------------------------------------------------------------------------------

    def add_source(self, int peer_id, uint32_t ssrc, bint video, uint32_t clock_rate, primary=None) -> int:
        """Add an RTP stream that the peer sends; ``primary`` is the source that this one's packets repair (RTX)."""
        cdef Peer* peer = self.peer_of(peer_id)
        cdef Source* source
        cdef int i
        for i in range(peer.source_count):
            if peer.sources[i].ssrc == ssrc:
                raise ValueError("the peer has that SSRC already")
        if peer.source_count == PEER_SOURCES:
            raise TableFullError("sources of a peer")
        source = <Source*>calloc(1, sizeof(Source))
        if source == NULL:
            raise MemoryError
        source.id = self._next_id
        self._next_id += 1
        source.ssrc = ssrc
        source.peer = peer
        source.video = video
        source.clock_rate = clock_rate
        source.batch_first = -1
        if primary is not None:
            source.primary = self.source_of(primary)
        peer.sources[peer.source_count] = source
        peer.source_count += 1
        self._publishers[peer_id] = <size_t>peer
        self._sources[source.id] = <size_t>source
        return source.id

    def remove_source(self, int source_id) -> None:
        """Remove a source; its consumers show nothing until told otherwise."""
        cdef Source* source = self.source_of(source_id)
        cdef Peer* peer = source.peer
        cdef int i
        while source.consumer_count:
            source.consumers[0].source = NULL
            _remove(source.consumers, &source.consumer_count, source.consumers[0])
        while source.waiting_count:
            source.waiting[0].next = NULL
            _remove(source.waiting, &source.waiting_count, source.waiting[0])
        for i in range(peer.source_count):
            if peer.sources[i].primary == source:
                peer.sources[i].primary = NULL
        for i in range(peer.source_count):
            if peer.sources[i] == source:
                peer.source_count -= 1
                peer.sources[i] = peer.sources[peer.source_count]
                break
        if peer.source_count == 0:
            del self._publishers[peer.id]
        del self._sources[source_id]
        _free_source(source)

    # -- consumers ---------------------------------------------------------------------------------------------

    def add_consumer(
        self, int peer_id, uint32_t ssrc, uint32_t rtx_ssrc, payload_types: dict, bytes cname not None
    ) -> int:
        """Add a slot of the peer that shows nothing yet.

        ``payload_types`` {codec number: (payload type, RTX payload type or None)} as this peer's answer has them.
        """
        cdef Peer* peer = self.peer_of(peer_id)
        cdef Consumer* consumer
        if peer.consumer_count == PEER_CONSUMERS:
            raise TableFullError("slots of a peer")
        if len(cname) > CNAME_BYTES:
            raise ValueError("a cname is at most 16 bytes")
        consumer = <Consumer*>_allocate_lines(sizeof(Consumer))
        if consumer == NULL:
            raise MemoryError
        consumer.id = self._next_id
        self._next_id += 1
        consumer.ssrc = ssrc
        consumer.rtx_ssrc = rtx_ssrc
        consumer.peer = peer
        memset(consumer.payload_type, 0xFF, CODEC_NUMBERS)
        memset(consumer.rtx_payload_type, 0xFF, CODEC_NUMBERS)
        for number, (payload_type, rtx_payload_type) in payload_types.items():
            consumer.payload_type[<int>number] = payload_type
            if rtx_payload_type is not None:
                consumer.rtx_payload_type[<int>number] = rtx_payload_type
        consumer.cname_bytes = <uint8_t>len(cname)
        memcpy(consumer.cname, <const char*>cname, len(cname))
        peer.consumers[peer.consumer_count] = consumer
        peer.consumer_count += 1
        self._consumers[consumer.id] = <size_t>consumer
        return consumer.id

    cdef int show(self, Consumer* consumer, Source* source) except -1 nogil:
        """Show ``source`` (or nothing) from the next packet on, keeping the slot's numbers continuous."""
        if consumer.next != NULL:
            _remove(consumer.next.waiting, &consumer.next.waiting_count, consumer)
            consumer.next = NULL
        if consumer.source != NULL:
            _remove(consumer.source.consumers, &consumer.source.consumer_count, consumer)
        consumer.source = source
        consumer.rebase = 1
        consumer.guard = 0            # the last source's numbers say nothing of this one's
        if source != NULL:
            _insert(&source.consumers, &source.consumer_count, &source.consumer_capacity, consumer, True)
        return 0

    def select(self, int consumer_id, source_id) -> bool:
        """Show another source, or None. Return True where a keyframe must come first (and be asked for).

        Audio changes at once; video keeps what it shows until the new source's next keyframe.
        """
        cdef Consumer* consumer = self.consumer_of(consumer_id)
        cdef Source* source = NULL if source_id is None else self.source_of(source_id)
        if source == NULL or not source.video:
            if source != consumer.source:
                self.show(consumer, source)
            return False
        if consumer.next != NULL:
            _remove(consumer.next.waiting, &consumer.next.waiting_count, consumer)
            consumer.next = NULL
        if consumer.source == source:
            return False
        consumer.next = source
        _insert(&source.waiting, &source.waiting_count, &source.waiting_capacity, consumer, False)
        return True

    def remove_consumer(self, int consumer_id) -> None:
        """Remove a slot."""
        cdef Consumer* consumer = self.consumer_of(consumer_id)
        cdef Peer* peer = consumer.peer
        cdef int i
        self.show(consumer, NULL)
        for i in range(peer.consumer_count):
            if peer.consumers[i] == consumer:
                peer.consumer_count -= 1
                peer.consumers[i] = peer.consumers[peer.consumer_count]
                break
        del self._consumers[consumer_id]
        free(consumer)

    # -- what others may see -----------------------------------------------------------------------------------

    def drop_counts(self) -> dict:
        """Return {cause: packets} since the start, every cause present."""
        return {name: self.drops[i] for i, name in enumerate(DROP_NAMES)}

    def sizes(self) -> dict:
        """Return how many peers, sources, consumers and addresses the table holds (a leak shows here)."""
        return {
            "peers": len(self._peers), "sources": len(self._sources), "consumers": len(self._consumers),
            "addresses": self.slot_used,
        }

    def source_stats(self, int source_id) -> dict:
        """Return one source's counters: packets, octets, lost packets, last_packet_us, consumers."""
        cdef Source* source = self.source_of(source_id)
        cdef Reception* reception = &source.reception
        expected = reception.cycles + reception.newest - reception.base + 1 if reception.started else 0
        return {
            "packets": source.packets, "octets": source.octets, "lost": expected - reception.received,
            "last_packet_us": source.last_packet_us, "consumers": source.consumer_count,
            "waiting": source.waiting_count,
        }

    def consumer_stats(self, int consumer_id) -> dict:
        """Return one slot's counters: packets, octets, what its receiver reports, and the source it shows."""
        cdef Consumer* consumer = self.consumer_of(consumer_id)
        return {
            "packets": consumer.packets, "octets": consumer.octets, "fraction_lost": consumer.fraction_lost / 256.0,
            "round_trip_us": consumer.round_trip_us,
            "source": consumer.source.id if consumer.source != NULL else None,
            "waiting_for": consumer.next.id if consumer.next != NULL else None,
        }

    def peer_stats(self, int peer_id) -> dict:
        """Return one peer's counters of packets and octets, and what its transport-wide feedback said."""
        cdef Peer* peer = self.peer_of(peer_id)
        return {
            "received_packets": peer.received_packets, "sent_packets": peer.sent_packets,
            "sent_octets": peer.sent_octets, "feedback_received": peer.feedback_received,
            "feedback_lost": peer.feedback_lost, "last_received_us": peer.last_received_us,
        }

    def audio_levels(self) -> list:
        """Return [(source id, mean loudness 0..127 over 127 - dBov, packets)] of audio heard since the last call."""
        cdef Source* source
        cdef size_t pointer
        levels = []
        for pointer in self._sources.values():
            source = <Source*>pointer
            if source.level_packets:
                levels.append((source.id, <double>source.level_sum / source.level_packets, source.level_packets))
                source.level_sum = 0
                source.level_packets = 0
        return levels


cdef void _free_source(Source* source) noexcept:
    free(source.consumers)
    free(source.waiting)
    free(source.history)
    free(source)


cdef int _insert(
    Consumer*** array, uint32_t* count, uint32_t* capacity, Consumer* consumer, bint by_profile
) except -1 nogil:
    """Append to a growing array; ``by_profile`` keeps consumers of one profile together (templates are per profile)."""
    cdef uint32_t grown, i
    cdef Consumer** larger
    if count[0] == capacity[0]:
        grown = 8 if capacity[0] == 0 else 2 * capacity[0]
        larger = <Consumer**>realloc(array[0], grown * sizeof(Consumer*))
        if larger == NULL:
            with gil:
                raise MemoryError
        array[0] = larger
        capacity[0] = grown
    i = count[0]
    if by_profile:
        while i > 0 and array[0][i - 1].peer.profile > consumer.peer.profile:
            array[0][i] = array[0][i - 1]
            i -= 1
    array[0][i] = consumer
    count[0] += 1
    return 0


cdef void _remove(Consumer** array, uint32_t* count, Consumer* consumer) noexcept nogil:
    """Take one consumer out, keeping the order of the others."""
    cdef uint32_t i, kept = 0
    for i in range(count[0]):
        if array[i] != consumer:
            array[kept] = array[i]
            kept += 1
    count[0] = kept
