"""The server's certificate and what OpenSSL needs to shake hands with it, made once and shared by all peers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from rtc.fingerprints import Fingerprint

Role = Literal["server", "client"]

_CIPHERS: Final = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305"
)
"""Forward secret and authenticated encryption only; never a null cipher (RFC 8827 section 6.5 names the first)."""
_SRTP_PROFILES: Final = b"SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80"
"""Best first, which the server decides: GCM costs half of CM with SHA-1 per packet on hardware with AES."""
_VALIDITY: Final = timedelta(days=365)
"""Nobody reads it (the fingerprint counts); a process that made the certificate is restarted more often."""
_CLOCK_SKEW: Final = timedelta(days=1)
_DTLS_1_2: Final = 0xFEFD
"""The version number as it stands in records (RFC 6347 section 4.1); pyOpenSSL has no name for it."""


class DtlsCertificate:
    """A self-signed ECDSA P-256 certificate with its private key (RFC 8827 section 6.5)."""

    def __init__(self, certificate: x509.Certificate, private_key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._private_key = private_key
        self._contexts: dict[Role, SSL.Context] = {}
        self.fingerprint: Final = Fingerprint.of(certificate.public_bytes(Encoding.DER))
        """SHA-256, as announced in the SDP answer."""

    @classmethod
    def generate(cls, now: datetime) -> DtlsCertificate:
        """A new key and certificate, valid for a year from ``now`` (with time zone)."""
        private_key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alltid-oppet")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SKEW)
            .not_valid_after(now + _VALIDITY)
            .sign(private_key, SHA256())
        )
        return cls(certificate, private_key)

    @property
    def fingerprint_sha256(self) -> str:
        """The value alone: "AB:CD:..."."""
        return self.fingerprint.value

    def context(self, role: Role) -> SSL.Context:
        """The OpenSSL context of this certificate in this role: made at the first call, shared from then on."""
        context = self._contexts.get(role)
        if context is None:
            context = self._contexts[role] = self._new_context(role)
        return context

    def _new_context(self, role: Role) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_SERVER_METHOD if role == "server" else SSL.DTLS_CLIENT_METHOD)
        context.set_min_proto_version(_DTLS_1_2)
        context.set_options(
            SSL.OP_NO_QUERY_MTU | SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
        )
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_cipher_list(_CIPHERS)
        context.set_tlsext_use_srtp(_SRTP_PROFILES)
        # The chain proves nothing, since both sides sign for themselves: the fingerprint is compared afterwards.
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(self._certificate)
        context.use_privatekey(self._private_key)
        return context
