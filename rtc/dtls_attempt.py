"""One DTLS handshake in OpenSSL between two memory buffers, its last flight kept, and the SRTP keys that come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from OpenSSL import SSL

from rtc.dtls_certificate import Role
from rtc.dtls_records import is_unencrypted, pack_datagrams, with_sequence_number

FIRST_RETRANSMIT_US: Final = 400_000
"""Shorter than the 1 s of RFC 6347 section 4.2.4.1, since ICE has just shown a working path; longer than most paths."""
MIN_REPEAT_US: Final = 40_000
"""A flight asked for again is sent again at most this often; browsers ask after 50 ms at the earliest."""
MAX_REPEATS: Final = 16
"""How often one flight is sent again on demand, so that replayed datagrams cannot draw an endless answer."""
_KEY_AND_SALT_BYTES: Final[dict[str, tuple[int, int]]] = {
    "AEAD_AES_128_GCM": (16, 12),
    "AEAD_AES_256_GCM": (32, 12),
    "AES128_CM_SHA1_80": (16, 14),
}
"""RFC 7714 section 12 and RFC 5764 section 4.1.2."""
_EXPORTER_LABEL: Final = b"EXTRACTOR-dtls_srtp"
"""RFC 5764 section 4.2."""
READ_BYTES: Final = 16_384
"""As much as a record holds."""


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master keys of both directions, each key followed by its salt."""

    profile: str
    """"AEAD_AES_128_GCM", "AEAD_AES_256_GCM" or "AES128_CM_SHA1_80"."""
    local: bytes = field(repr=False)
    """For what this side sends."""
    remote: bytes = field(repr=False)
    """For what it receives."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One handshake in OpenSSL."""

    connection: SSL.Connection
    started_us: int
    client_random: bytes | None = None
    input_bytes: int = 0
    records_fed: int = 0
    flight: list[bytes] = field(default_factory=list)
    """The last datagrams that the handshake produced."""
    repeated_us: int = 0
    repeats: int = 0
    interval_us: int = FIRST_RETRANSMIT_US
    retransmit_us: int | None = None
    """When the client sends its flight again by itself."""

    def drain(self) -> list[bytes]:
        """What OpenSSL wants sent."""
        output = bytearray()
        while True:
            try:
                output += self.connection.bio_read(READ_BYTES)
            except SSL.Error:
                return pack_datagrams(bytes(output))

    def feed(self, data: bytes) -> None:
        """Give OpenSSL a record of the handshake, an unencrypted one under a number of our own.

        Nothing protects the numbers of unencrypted records: a forged high one would make OpenSSL take all that follow
        for replays. Repeated messages do no harm, since they are told by their handshake sequence.
        """
        if is_unencrypted(data):
            data = with_sequence_number(data, self.records_fed)
            self.records_fed += 1
        self.input_bytes += len(data)
        self.connection.bio_write(data)

    def repeat(self, now_us: int) -> list[bytes]:
        """The last flight again, unless it has just been sent or too often."""
        if self.repeats >= MAX_REPEATS or now_us - self.repeated_us < MIN_REPEAT_US:
            return []
        self.repeats += 1
        self.repeated_us = now_us
        return self.flight

    def export_keys(self, role: Role) -> SrtpKeys | None:
        """RFC 5764 section 4.2: both keys, the client's first, then both salts; None without an SRTP profile."""
        profile = self.connection.get_selected_srtp_profile().decode().removeprefix("SRTP_")
        sizes = _KEY_AND_SALT_BYTES.get(profile)
        if sizes is None:
            return None
        key_bytes, salt_bytes = sizes
        material = self.connection.export_keying_material(_EXPORTER_LABEL, 2 * (key_bytes + salt_bytes))
        salts = material[2 * key_bytes :]
        client = material[:key_bytes] + salts[:salt_bytes]
        server = material[key_bytes : 2 * key_bytes] + salts[salt_bytes:]
        return SrtpKeys(profile, server, client) if role == "server" else SrtpKeys(profile, client, server)


def reason_of(error: SSL.Error) -> str:
    """OpenSSL's reason in snake_case, for a counter. The set of reasons is OpenSSL's own and small."""
    details = error.args[0] if error.args else None
    if isinstance(details, list) and details and isinstance(details[0], tuple):
        return str(details[0][-1]).replace(" ", "_").replace("-", "_").lower() or "error"
    return "error"
