"""Certificate fingerprints: what ties a DTLS handshake to the SDP that signalling carried (RFC 8122 section 5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256, sha384, sha512
from hmac import compare_digest
from typing import Final

_HASHES: Final = {"sha-256": sha256, "sha-384": sha384, "sha-512": sha512}
"""RFC 8122 names also MD2, MD5 and SHA-1, which prove nothing today and are therefore not accepted."""
_VALUE: Final = re.compile(r"[0-9A-F]{2}(?::[0-9A-F]{2})*")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A hash over a certificate's DER bytes."""

    algorithm: str
    """Lower case, as in SDP: "sha-256"."""
    value: str
    """Upper-case hexadecimal pairs with colons between."""

    @classmethod
    def of(cls, certificate_der: bytes, algorithm: str = "sha-256") -> Fingerprint:
        """The fingerprint of a certificate."""
        return cls(algorithm, _HASHES[algorithm](certificate_der).digest().hex(":").upper())

    @classmethod
    def parse(cls, text: str) -> Fingerprint | None:
        """Read the value of an ``a=fingerprint`` line; None when the hash is unknown, weak or of a wrong length."""
        algorithm, _, value = text.strip().partition(" ")
        algorithm, value = algorithm.lower(), value.strip().upper()
        hash_function = _HASHES.get(algorithm)
        if hash_function is None or not _VALUE.fullmatch(value):
            return None
        if value.count(":") + 1 != hash_function().digest_size:
            return None
        return cls(algorithm, value)


def is_certificate_accepted(certificate_der: bytes, fingerprints: Sequence[Fingerprint]) -> bool:
    """Whether the certificate has one of the announced fingerprints (RFC 8122 section 5: any match suffices)."""
    return any(
        compare_digest(Fingerprint.of(certificate_der, announced.algorithm).value, announced.value)
        for announced in fingerprints
        if announced.algorithm in _HASHES
    )
