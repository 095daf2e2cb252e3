"""What people and their browsers send around messages: each parser answers, or raises its one documented error."""

from __future__ import annotations

import contextlib

from chat.attachment_addresses import AddressError, AddressSigner, Claim
from chat.attachment_types import (
    SNIFF_BYTES,
    FileTypeError,
    check_body,
    check_type,
    clean_name,
    name_for,
)
from chat.notice_linter import lint
from chat.web_push import Subscription, SubscriptionError

_SIGNER = AddressSigner([bytes(range(32))])
_CLAIM = Claim("upload", "att-1", "case-1", "p-anna", 1000, 1_800_000_000)
_TEXT = "Gäller 121212-1212, F32.1, https://x.se, can\u200bcer"
_SUBSCRIPTION = (
    b'{"endpoint": "https://fcm.googleapis.com/x", "keys": {"auth": "BTBZMqHH6r4Tts7J_aSIgg", "p256dh": '
    b'"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"}}'
)


def fuzz_attachment_address(data: bytes) -> None:
    """No bytes but those that were signed open anything."""
    text = data.decode("latin-1")
    try:
        claim = _SIGNER.check(text, purpose="upload", now_s=0)
    except AddressError:
        return
    if claim != _CLAIM:
        raise AssertionError("an address that nobody signed")


def seeds_attachment_address() -> list[bytes]:
    """A good address."""
    return [_SIGNER.sign(_CLAIM).encode()]


def fuzz_attachment_type(data: bytes) -> None:
    """The first line is the name, the rest the file. A file that passes has a name that says what it is."""
    first, _, body = data.partition(b"\n")
    name = clean_name(first.decode("utf-8", "replace"))
    if clean_name(name) != name or set(name) & set("/\\\0\r\n"):
        raise AssertionError("a name that is not clean")
    with contextlib.suppress(FileTypeError):
        file_type = check_type(body[:SNIFF_BYTES], is_whole=len(body) <= SNIFF_BYTES, name=name)
        check_body(file_type, body)
        if name_for(name, file_type).rpartition(".")[2].lower() not in file_type.extensions:
            raise AssertionError("a name that says something else")


def seeds_attachment_type() -> list[bytes]:
    """One file of each type."""
    return [
        b"a.jpg\n\xff\xd8\xff\xe0\x00\x10JFIF",
        b"a.png\n\x89PNG\r\n\x1a\n",
        b"a.webp\nRIFF\x00\x00\x00\x00WEBPVP8 ",
        b"a.gif\nGIF89a",
        b"a.pdf\n%PDF-1.7\n%%EOF",
        "mina värden.txt\n120/80 <b>".encode(),
    ]


def fuzz_notice_lint(data: bytes) -> None:
    """Every text gets an answer, and an identity number or a plain health word is found wherever it stands."""
    text = data.decode("utf-8", "replace")
    lint(text)
    causes = {finding.cause for finding in lint(f"{text} cancer 19121212-1212")}
    if not {"health_word", "identity_number"} <= causes and "://" not in text and "www." not in text.lower():
        raise AssertionError("something got through")


def seeds_notice_lint() -> list[bytes]:
    """A text with one of each."""
    return [_TEXT.encode()]


def fuzz_push_subscription(data: bytes) -> None:
    """Parses, or the one error."""
    with contextlib.suppress(SubscriptionError, UnicodeDecodeError):
        Subscription.parse(data.decode())


def seeds_push_subscription() -> list[bytes]:
    """A browser's."""
    return [_SUBSCRIPTION]
