"""The route table: who sends what to whom, as plain structs that the walk reads without the GIL.

Python edits it between batches on the same thread, so there are no locks. A ``Peer`` is one transport (one
browser's peer connection), a ``Source`` one RTP stream that it sends, a ``Consumer`` one slot of a peer that
shows one source at a time.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from rtc.payload cimport Codec
from rtc.udp cimport socket_address

cdef enum ExtensionKind:
    EXT_NONE = 0
    EXT_MID = 1
    EXT_RID = 2
    EXT_REPAIRED_RID = 3
    EXT_ABS_SEND_TIME = 4
    EXT_TRANSPORT_SEQUENCE = 5
    EXT_AUDIO_LEVEL = 6
    EXT_VIDEO_ORIENTATION = 7
    EXT_ABS_CAPTURE_TIME = 8
    EXT_DEPENDENCY_DESCRIPTOR = 9
    EXT_KINDS = 10

cdef enum:
    # Distinct codecs (VP8, each H.264 profile, ...) one worker tells apart; browsers together have about 15.
    CODEC_NUMBERS = 32
    # Streams one peer may send: 3 media with 3 layers and their RTX, doubled for a change of SSRC in mid-call.
    PEER_SOURCES = 32
    # Slots one peer may have, see rtc.sdp.OfferLimits.
    PEER_CONSUMERS = 128
    # What a peer may introduce beyond the streams that its offer named, before its packets of new SSRCs are dropped:
    # three layers and their RTX, a few times over. Bounds libsrtp's memory per peer.
    STRANGE_SSRCS = 24
    # Addresses at once that ICE may have validated for one peer (Wi-Fi, mobile, v4 and v6, and some old ones).
    PEER_ADDRESSES = 8
    # Header extension layouts one worker tells apart: one per kind of browser, really.
    PROFILES = 64
    # Packets kept for retransmission per video source: 2 s of 2.5 Mbit/s.
    HISTORY_PACKETS = 512
    # No datagram above this is forwarded (Ethernet's 1,500 less IPv4 and UDP).
    MAX_PACKET_BYTES = 1472
    # Sequence numbers behind the newest within which a packet is told from a duplicate.
    WINDOW_PACKETS = 1024
    # Missing packets asked for at once; a larger hole is not repaired but replaced by a keyframe.
    MISSING_PACKETS = 128
    CNAME_BYTES = 16

cdef struct Profile:
    uint8_t ids[EXT_KINDS]        # the id that this subscriber's answer gave each kind, 0 where it has none

cdef struct HistoryEntry:
    uint16_t sequence_number
    uint16_t length               # 0: empty
    uint8_t data[MAX_PACKET_BYTES]

cdef struct Missing:
    uint16_t sequence_number
    uint8_t requests
    int64_t since_us
    int64_t requested_us

cdef struct Reception:            # RFC 3550 appendix A.1, A.3, A.8, and what NACK needs beside it
    uint8_t started
    uint8_t missing_count
    uint8_t gave_up               # a hole was larger than ``missing``
    uint16_t newest
    uint32_t cycles
    uint32_t base
    uint32_t received
    uint32_t expected_before
    uint32_t received_before
    uint32_t jitter_q4            # in timestamp units, times 16
    uint32_t transit
    uint64_t seen[16]             # WINDOW_PACKETS bits
    Missing missing[MISSING_PACKETS]

cdef struct TransportArrivals:    # of one publisher, until the next transport-wide feedback
    uint16_t base
    uint16_t count                # packets from base to the newest
    uint8_t feedback_count
    uint8_t started
    int64_t arrivals_us[256]

cdef struct Source:
    uint32_t id
    uint32_t ssrc
    Peer* peer
    Source* primary               # for an RTX stream: what it repairs
    uint8_t video
    uint8_t keyframe_wanted       # an event is under way, so that a hundred PLIs make one
    uint8_t report_keyframe
    uint8_t level_seen
    uint32_t clock_rate
    Consumer** consumers          # showing this source, sorted by profile
    uint32_t consumer_count
    uint32_t consumer_capacity
    Consumer** waiting            # will show it from its next keyframe on
    uint32_t waiting_count
    uint32_t waiting_capacity
    HistoryEntry* history
    Reception reception
    uint64_t last_sr_ntp
    int64_t last_sr_us
    uint32_t level_sum            # 127 - level summed over a window of the speaker detector
    uint32_t level_packets
    uint64_t packets
    uint64_t octets
    int64_t last_packet_us
    int32_t batch_first           # this batch's packets of this source, linked through Inbound.next
    int32_t batch_last
    uint32_t batch_stamp

cdef struct Consumer:             # what each packet touches stands first: it is the walk's cold memory
    uint32_t id
    uint32_t ssrc
    uint32_t rtx_ssrc             # 0: no retransmission
    Peer* peer
    Source* source                # shown now
    Source* next                  # waited for
    uint8_t rebase                # the next packet starts a new source, or the same one after a jump
    uint8_t guard                 # packets from before first_sequence are still to be expected
    uint8_t started
    uint8_t picture_started
    uint16_t sequence_offset
    uint16_t picture_offset
    uint16_t rtx_sequence
    uint16_t last_sequence
    uint16_t first_sequence       # of the source, where this showing began
    uint16_t last_picture
    uint8_t last_tl0
    uint8_t tl0_offset
    uint8_t cname_bytes
    uint8_t fraction_lost
    uint32_t timestamp_offset
    uint32_t last_timestamp
    int64_t last_sent_us
    uint32_t packets
    uint32_t octets
    uint8_t payload_type[CODEC_NUMBERS]       # 0xFF: this peer cannot receive that codec
    uint8_t rtx_payload_type[CODEC_NUMBERS]
    uint32_t cumulative_lost
    uint32_t jitter
    uint32_t round_trip_us
    uint64_t last_sr_ntp
    uint8_t cname[CNAME_BYTES]

cdef struct Peer:                 # what each sent packet touches stands first, in two cache lines
    uint32_t id
    uint8_t sendable              # SRTP keys are there and an address is selected
    uint8_t address_count
    uint8_t source_count
    uint8_t consumer_count
    void* tx
    Profile* profile
    uint64_t sent_packets
    uint64_t sent_octets
    uint32_t retransmission_credit
    uint16_t transport_sequence   # transport-wide sequence number of the next packet to this peer
    uint8_t batch_dirty
    socket_address address        # the selected one
    void* rx
    TransportArrivals* arrivals
    socket_address addresses[PEER_ADDRESSES]
    uint8_t kinds[16]             # header extension id of this peer's packets -> ExtensionKind
    uint8_t codec_numbers[128]    # payload type -> codec number, 0xFF unknown
    uint8_t repaired_types[128]   # RTX payload type -> the payload type it repairs, 0xFF no RTX
    uint32_t strange_ssrcs[STRANGE_SSRCS]     # those that no offer named, in the order they came
    int64_t strange_asked_us[STRANGE_SSRCS]   # when Python was last asked whose each is
    uint8_t strange_count
    Source* sources[PEER_SOURCES]
    Consumer* consumers[PEER_CONSUMERS]
    int64_t clock_offset_us       # this machine's clock less the peer's, from its sender reports
    uint8_t clock_known
    uint32_t feedback_sender_ssrc
    uint64_t received_packets
    uint64_t feedback_received
    uint64_t feedback_lost
    int64_t last_received_us

# Why a packet was not used; the names for people stand in table.pyx.
cdef enum Cause:
    DROP_UNKNOWN_ADDRESS = 0
    DROP_RATE_LIMITED = 1
    DROP_NOT_A_PACKET = 2
    DROP_TOO_LONG = 3
    DROP_NO_KEYS = 4
    DROP_SRTP_TAG = 5
    DROP_SRTP_REPLAY = 6
    DROP_SRTP_OTHER = 7
    DROP_RTP_MALFORMED = 8
    DROP_EXTENSION_MALFORMED = 9
    DROP_UNKNOWN_SSRC = 10
    DROP_PAYLOAD_TYPE = 11
    DROP_PAYLOAD_MALFORMED = 12
    DROP_DUPLICATE = 13
    DROP_RTX_MALFORMED = 14
    DROP_RTCP_MALFORMED = 15
    DROP_RTCP_UNKNOWN_SSRC = 16
    DROP_RTCP_IGNORED = 17
    DROP_BEFORE_START = 18
    DROP_CODEC_UNSUPPORTED = 19
    DROP_PROTECT = 20
    DROP_SEND_FULL = 21
    DROP_SEND_FAILED = 22
    DROP_NACK_UNKNOWN = 23
    DROP_NACK_LIMITED = 24
    DROP_SLOW_LANE_FULL = 25
    DROP_CAUSES = 26

cdef struct AddressSlot:
    socket_address address
    Peer* peer                    # NULL: empty

cdef class RouteTable:
    cdef Profile profiles[PROFILES]
    cdef int profile_count
    cdef AddressSlot* slots       # open addressing, at most half full
    cdef uint32_t slot_mask
    cdef uint32_t slot_used
    cdef uint64_t secret
    cdef Codec codec_kinds[CODEC_NUMBERS]
    cdef int codec_count
    cdef uint64_t drops[DROP_CAUSES]
    cdef dict _codec_numbers
    cdef dict _peers
    cdef dict _publishers         # the peers that have sources: what a tick has to look at
    cdef dict _sources
    cdef dict _consumers
    cdef dict _sessions
    cdef uint32_t _next_id
    cdef Peer* find_peer(self, const socket_address* address) noexcept nogil
    cdef Peer* peer_of(self, int peer_id) except NULL
    cdef Source* source_of(self, int source_id) except NULL
    cdef Consumer* consumer_of(self, int consumer_id) except NULL
    cdef int _profile(self, Peer* peer, dict ids) except -1
    cdef int show(self, Consumer* consumer, Source* source) except -1 nogil
