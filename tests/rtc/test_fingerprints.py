"""Certificate fingerprints in SDP and against certificates."""

from __future__ import annotations

import hashlib

import pytest

from rtc.fingerprints import Fingerprint, is_certificate_accepted

CERTIFICATE = b"bytes of a certificate"
SHA_256 = hashlib.sha256(CERTIFICATE).digest().hex(":").upper()


def test_the_same_certificate_is_accepted_by_each_strong_hash() -> None:
    for algorithm in ("sha-256", "sha-384", "sha-512"):
        assert is_certificate_accepted(CERTIFICATE, [Fingerprint.of(CERTIFICATE, algorithm)])


@pytest.mark.attack
def test_another_certificate_is_not_accepted_nor_any_without_fingerprints() -> None:
    assert not is_certificate_accepted(b"another", [Fingerprint.of(CERTIFICATE)])
    assert not is_certificate_accepted(CERTIFICATE, [])
    assert not is_certificate_accepted(CERTIFICATE, [Fingerprint("sha-1", "AA")])


def test_the_spelling_does_not_matter() -> None:
    assert Fingerprint.parse(f"SHA-256 {SHA_256.lower()}") == Fingerprint.of(CERTIFICATE)
    assert Fingerprint.parse(f"sha-256  {SHA_256} ") == Fingerprint("sha-256", SHA_256)


@pytest.mark.attack
@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha-256",
        "md5 " + SHA_256[:47],
        "sha-1 " + SHA_256[:59],
        "sha-256 " + SHA_256[:-3],
        "sha-256 " + SHA_256[:-1] + "G",
        "sha-256 " + SHA_256 + ":00",
        "sha-256 " + SHA_256.replace(":", ""),
        "sha-512 " + SHA_256,
    ],
)
def test_weak_unknown_and_malformed_ones_are_not_read(text: str) -> None:
    assert Fingerprint.parse(text) is None
