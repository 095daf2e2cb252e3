"""SRTP (RFC 3711, RFC 7714) through the libsrtp that pylibsrtp carries.

pylibsrtp's wheel holds libsrtp with OpenSSL's hardware AES; cffi gives the addresses of its functions, so the
packet path calls them directly: no header files, no system library, no Python per packet. Sessions are made and
freed through cffi, which is off the path.
"""

from libc.stdint cimport uintptr_t
from libc.string cimport memcpy

from pylibsrtp import Error as _PylibsrtpError  # noqa: F401  (importing the package calls srtp_init once)
from pylibsrtp._binding import ffi, lib

# Packets older than this many sequence numbers are refused as replays. libsrtp's default of 128 is 40 ms of a
# 4 Mbit/s video, less than one retransmission takes; 1,024 covers a second and is what browsers use.
REPLAY_WINDOW_PACKETS = 1024

# Name by RFC 5764/7714 -> (libsrtp profile, bytes that protecting appends).
PROFILES = {
    "AEAD_AES_128_GCM": (lib.srtp_profile_aead_aes_128_gcm, 16),
    "AEAD_AES_256_GCM": (lib.srtp_profile_aead_aes_256_gcm, 16),
    "AES128_CM_SHA1_80": (lib.srtp_profile_aes128_cm_sha1_80, 10),
}


class SrtpError(Exception):
    """A packet that libsrtp refused; ``status`` is its srtp_err_status_t (7: bad tag, 9 and 10: replay)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"libsrtp status {status}")
        self.status = status


cdef srtp_call _address_of(str name):
    return <srtp_call><uintptr_t>int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))


protect_rtp = _address_of("srtp_protect")
unprotect_rtp = _address_of("srtp_unprotect")
protect_rtcp = _address_of("srtp_protect_rtcp")
unprotect_rtcp = _address_of("srtp_unprotect_rtcp")


def key_bytes(profile: str) -> int:
    """Return how many bytes of master key and salt together the profile takes."""
    number = PROFILES[profile][0]
    return lib.srtp_profile_get_master_key_length(number) + lib.srtp_profile_get_master_salt_length(number)


def _create(profile: str, key: bytes, ssrc_type: int) -> object:
    if len(key) != key_bytes(profile):
        raise ValueError(f"{profile} takes {key_bytes(profile)} bytes of key and salt, not {len(key)}")
    number = PROFILES[profile][0]
    policy = ffi.new("srtp_policy_t *")
    lib.srtp_crypto_policy_set_from_profile_for_rtp(ffi.addressof(policy.rtp), number)
    lib.srtp_crypto_policy_set_from_profile_for_rtcp(ffi.addressof(policy.rtcp), number)
    material = ffi.new("unsigned char[]", key)
    policy.key = material
    policy.ssrc.type = ssrc_type
    policy.window_size = REPLAY_WINDOW_PACKETS
    session = ffi.new("srtp_t *")
    status = lib.srtp_create(session, policy)
    if status != lib.srtp_err_status_ok:
        raise SrtpError(status)
    return ffi.gc(session, lambda owned: lib.srtp_dealloc(owned[0]))


cdef bytes _call(srtp_call function, void* session, bytes packet):
    cdef char buffer[2048 + 64]
    cdef int length = <int>len(packet)
    if length > 2048:
        raise ValueError("a packet is at most 2048 bytes")
    memcpy(buffer, <char*>packet, length)
    cdef int status = function(session, buffer, &length)
    if status != 0:
        raise SrtpError(status)
    return buffer[:length]


cdef class SrtpSession:
    """One DTLS association's two directions.

    ``local`` and ``remote`` are master key followed by master salt, as libsrtp takes them (16+12 bytes for
    AEAD_AES_128_GCM, 32+12 for AEAD_AES_256_GCM, 16+14 for AES128_CM_SHA1_80). The methods serve tests and rare
    packets; compiled code uses ``tx`` and ``rx`` with the function pointers of ``srtp.pxd``.
    """

    def __cinit__(self, str profile not None, bytes local not None, bytes remote not None):
        if profile not in PROFILES:
            raise ValueError(f"unknown SRTP profile {profile}")
        self.profile = profile
        self.overhead_bytes = PROFILES[profile][1]
        self._tx_owner = _create(profile, local, lib.ssrc_any_outbound)
        self._rx_owner = _create(profile, remote, lib.ssrc_any_inbound)
        self.tx = <void*><uintptr_t>int(ffi.cast("uintptr_t", self._tx_owner[0]))
        self.rx = <void*><uintptr_t>int(ffi.cast("uintptr_t", self._rx_owner[0]))

    def protect(self, bytes packet not None) -> bytes:
        """Return the RTP packet encrypted and authenticated."""
        return _call(protect_rtp, self.tx, packet)

    def unprotect(self, bytes packet not None) -> bytes:
        """Return the plain RTP packet; raise SrtpError for a bad tag or a replay."""
        return _call(unprotect_rtp, self.rx, packet)

    def protect_rtcp(self, bytes packet not None) -> bytes:
        """Return the compound RTCP packet encrypted and authenticated."""
        return _call(protect_rtcp, self.tx, packet)

    def unprotect_rtcp(self, bytes packet not None) -> bytes:
        """Return the plain compound RTCP packet; raise SrtpError for a bad tag or a replay."""
        return _call(unprotect_rtcp, self.rx, packet)
