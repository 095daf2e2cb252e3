"""One peer's protocols: STUN, ICE-lite, DTLS, SRTP, RTP, RTCP and SDP, all sans-I/O.

Nothing here opens a socket, reads a clock or draws a random number: datagrams, ``now_us`` and randomness
are arguments, datagrams to send are results. ``sfu`` puts many peers together.
"""
