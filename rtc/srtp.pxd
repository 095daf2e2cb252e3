"""SRTP sessions whose libsrtp functions compiled code calls without the GIL and without Python."""

ctypedef int (*srtp_call)(void* session, void* packet, int* length) noexcept nogil

# libsrtp's own functions (srtp_protect and its three siblings): 0 is success, anything else srtp_err_status_t.
cdef srtp_call protect_rtp, unprotect_rtp, protect_rtcp, unprotect_rtcp

# What protecting may append: the GCM tag is 16 bytes, SHA1_80 adds 10; SRTCP adds 4 bytes of index (RFC 7714, 3711).
cdef enum:
    SRTP_TRAILER_BYTES = 16
    SRTCP_TRAILER_BYTES = 20

cdef class SrtpSession:
    cdef void* tx
    cdef void* rx
    cdef readonly str profile
    cdef readonly int overhead_bytes   # what protect_rtp appends with this profile
    cdef object _tx_owner
    cdef object _rx_owner
