"""A self-signed certificate for HTTPS on the own network: browsers give camera and microphone to secure pages only.

A real installation puts its own certificate in ``ALLTID_CERTIFICATE_FILE``; this one serves development and the
first try, and its browsers warn once.
"""

import ipaddress
import os
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY: Final = timedelta(days=365)
"""Browsers refuse certificates of more than 398 days."""
CLOCK_SKEW: Final = timedelta(hours=1)
# TEST-NET-1 (RFC 5737): connecting a UDP socket sends nothing, it only asks the routing table for our address.
_NOWHERE: Final = (("192.0.2.1", 9), socket.AF_INET)


def lan_addresses() -> tuple[str, ...]:
    """The address that this machine has towards others; empty without a network."""
    address, family = _NOWHERE
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(address)
        except OSError:
            return ()
        own: str = probe.getsockname()[0]
    return () if own.startswith("127.") or own == "0.0.0.0" else (own,)


def ensure_certificate(directory: Path, addresses: tuple[str, ...], now: datetime) -> tuple[Path, Path]:
    """Return (certificate, key) files in ``directory``, made anew when missing, old or for other addresses."""
    certificate_file, key_file = directory / "https.crt", directory / "https.key"
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.DNSName(socket.gethostname() or "localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(text)) for text in dict.fromkeys(("127.0.0.1", "::1", *addresses))]
    if _is_good(certificate_file, key_file, names, now):
        return certificate_file, key_file
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alltid-oppet on this machine")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(private)
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_file, key_file


def _is_good(certificate_file: Path, key_file: Path, names: list[x509.GeneralName], now: datetime) -> bool:
    if not key_file.is_file() or not certificate_file.is_file():
        return False
    try:
        old = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        covered = list(old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (ValueError, x509.ExtensionNotFound):
        return False
    return all(name in covered for name in names) and now + timedelta(days=1) < old.not_valid_after_utc
