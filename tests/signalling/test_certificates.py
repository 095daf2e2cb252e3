"""The self-signed certificate: its names, its renewal, and who can read its key."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from signalling.addresses import local_ipv4_addresses
from signalling.certificates import ensure_certificate

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def names_of(path: Path) -> x509.SubjectAlternativeName:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_the_certificate_names_localhost_and_the_addresses(tmp_path: Path) -> None:
    files = ensure_certificate(tmp_path, ["192.0.2.7", "2001:db8::7"], NOW)
    names = names_of(files.certificate)
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"}
    assert files.key.stat().st_mode & 0o777 == 0o600


def test_it_is_kept_until_it_soon_expires_lacks_an_address_or_is_broken(tmp_path: Path) -> None:
    files = ensure_certificate(tmp_path, ["192.0.2.7"], NOW)
    first = files.certificate.read_bytes()
    assert ensure_certificate(tmp_path, ["192.0.2.7"], NOW + timedelta(days=300)).certificate.read_bytes() == first
    second = ensure_certificate(tmp_path, ["192.0.2.8"], NOW).certificate.read_bytes()
    assert second != first
    third = ensure_certificate(tmp_path, ["192.0.2.8"], NOW + timedelta(days=380)).certificate.read_bytes()
    assert third != second
    files.certificate.write_bytes(b"nonsense")
    assert ensure_certificate(tmp_path, [], NOW).certificate.read_bytes().startswith(b"-----BEGIN CERTIFICATE")


def test_it_is_valid_no_longer_than_apple_allows(tmp_path: Path) -> None:
    path = ensure_certificate(tmp_path, [], NOW).certificate
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(days=398)


def test_local_addresses_are_addresses_without_loopback() -> None:
    for address in local_ipv4_addresses():
        assert not ipaddress.IPv4Address(address).is_loopback
