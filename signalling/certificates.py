"""A self-signed certificate for HTTPS on a local network.

Browsers give camera and microphone only to secure contexts: ``localhost``, or HTTPS. A second machine therefore
needs HTTPS, and a machine without a public name can only have a certificate of its own, which the browser warns
about once. Real installations set ``ALLTID_CERTIFICATE_FILE`` or stand behind a proxy that speaks TLS.
"""

import ipaddress
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS: Final = 397
"""Apple's platforms refuse server certificates that are valid for longer than 398 days."""
RENEW_DAYS: Final = 30


@dataclass(frozen=True)
class CertificateFiles:
    """Where a certificate and its key are (PEM)."""

    certificate: Path
    key: Path


def ensure_certificate(directory: Path, addresses: Iterable[str], now: datetime) -> CertificateFiles:
    """The certificate in ``directory``; a new one when it is missing, soon expires, or lacks an address."""
    files = CertificateFiles(directory / "https-certificate.pem", directory / "https-key.pem")
    names = {"localhost", *_host_names()}
    wanted = {ipaddress.ip_address(address) for address in ("127.0.0.1", "::1", *addresses)}
    if not _is_good(files, wanted, now):
        _write(files, names, wanted, now)
    return files


def _is_good(
    files: CertificateFiles, wanted: set[ipaddress.IPv4Address | ipaddress.IPv6Address], now: datetime
) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        has_key = files.key.stat().st_size > 0
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    is_fresh = now < certificate.not_valid_after_utc - timedelta(days=RENEW_DAYS)
    return has_key and is_fresh and wanted <= set(names.get_values_for_type(x509.IPAddress))


def _write(
    files: CertificateFiles,
    names: set[str],
    addresses: set[ipaddress.IPv4Address | ipaddress.IPv6Address],
    now: datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alltid-oppet self-signed")])
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in sorted(names)]
    alternatives += [x509.IPAddress(address) for address in sorted(addresses, key=str)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(
        files.key,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only this user can read, whole or not at all."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def _host_names() -> set[str]:
    """The machine's name, and its name on a local network, where they are proper DNS names."""
    name = socket.gethostname()
    names = {name, f"{name}.local"} if "." not in name else {name}
    return {each for each in names if each.isascii() and all(each.split("."))}
