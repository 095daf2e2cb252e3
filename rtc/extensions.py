"""RTP header extensions the server understands, by the URI that SDP names them with (RFC 8285 section 5)."""

from __future__ import annotations

from typing import Final

MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
"""RFC 9143 section 15: the m-line a packet belongs to."""
RID: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
"""RFC 8852 section 4.1: the simulcast encoding a packet belongs to."""
REPAIRED_RID: Final = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
"""RFC 8852 section 4.2: the encoding that an RTX packet repairs."""
ABS_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
"""24 bits of sending time, 6.18 fixed point seconds."""
TRANSPORT_WIDE_CC: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
"""Sequence number across all streams of a transport, the base of congestion control."""
AUDIO_LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
"""RFC 6464: loudness in -dBov and voice activity."""
VIDEO_ORIENTATION: Final = "urn:3gpp:video-orientation"
"""3GPP TS 26.114 section 7.4.5: how the receiver must turn the picture."""
ABS_CAPTURE_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
"""When the frame was captured, for lip sync across a server."""
DEPENDENCY_DESCRIPTOR: Final = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
"""Layers and references of a frame, for AV1 and VP9 SVC."""

_EITHER_WAY: Final = (
    ABS_SEND_TIME,
    TRANSPORT_WIDE_CC,
    AUDIO_LEVEL,
    VIDEO_ORIENTATION,
    ABS_CAPTURE_TIME,
    DEPENDENCY_DESCRIPTOR,
    MID,
)
SEND_EXTENSIONS: Final = frozenset((*_EITHER_WAY, RID, REPAIRED_RID))
"""Accepted where the client publishes."""
RECEIVE_EXTENSIONS: Final = frozenset(_EITHER_WAY)
"""Accepted on receive slots: without the names of encodings, since a slot has one stream."""
