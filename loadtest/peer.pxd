"""The memory of one peer and of one sender, as the bank's compiled functions see it."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from loadtest.clip cimport ClipFrame, ClipPacket
from loadtest.histogram cimport Histogram
from loadtest.rtcpwrite cimport TransportArrivals
from loadtest.streamstats cimport StreamStats

cdef enum:
    MAX_STREAMS = 64             # SSRCs received per peer: 16 slot pairs with their retransmissions
    MAX_SENDERS = 4              # microphone, camera, screen and one to spare

ctypedef struct Peer:
    int fd
    bint open
    void *tx                     # libsrtp sessions; NULL until the handshake is done
    void *rx
    bint feedback                # sends RTCP; static benchmark peers do not
    uint32_t ssrc                # of its RTCP
    int32_t timer
    uint32_t extension_mask
    uint16_t transport_sequence  # next one to send
    uint32_t feedback_rounds
    int sender_count
    int32_t senders[MAX_SENDERS]
    int stream_count
    uint32_t stream_ssrcs[MAX_STREAMS]
    StreamStats *streams         # MAX_STREAMS, allocated with the first packet
    TransportArrivals *arrivals
    uint32_t last_media_ssrc
    uint64_t rtp_received
    uint64_t rtcp_received
    uint64_t replayed            # libsrtp refused it as seen before: a duplicate
    uint64_t undecryptable
    uint64_t early               # media before there were keys
    uint64_t unknown
    uint64_t nacked              # packets that the server asked for again

ctypedef struct Sender:
    int32_t peer
    int32_t timer
    bint running
    bint is_video
    uint8_t payload_type
    uint8_t mid
    uint32_t ssrc
    int clock_rate
    uint16_t sequence
    uint32_t timestamp
    uint16_t picture_id
    const uint8_t *data          # of the Clip, which the bank keeps alive
    const ClipPacket *packets
    const ClipFrame *frames
    int frame_count
    int frame
    int sent_of_frame
    int packets_per_tick         # of the pacer; 0 sends a frame in one burst
    int64_t frame_due_ns
    double rate                  # how many times faster than the clip's own pace
    bint keyframe_wanted
    uint64_t packets_sent
    uint64_t octets_sent
    uint64_t frames_sent
    uint64_t keyframe_requests
    uint64_t frames_skipped      # the client itself was late by more than a tenth of a second
    uint64_t refused             # the kernel or libsrtp did not take it

ctypedef struct Totals:
    Histogram video_latency
    Histogram audio_latency
    uint64_t packets
    uint64_t bytes
