"""Any text is a number, an id or a signed head, or refused with the one error; no log text shows a number."""

from __future__ import annotations

import json
from datetime import date

from auth.audit import GENESIS, AuditKeys, Head, LinkedEntry, SignedHead, link, sign_head, verify
from auth.hsa import HsaIdError
from auth.hsa import parse as parse_hsa_id
from auth.identity_numbers import IdentityNumberError
from auth.identity_numbers import parse as parse_identity_number
from sfu.personal_data import scrub_text
from tests.auth.test_audit import KEYS, entry

TODAY = date(2026, 11, 23)
OTHER = AuditKeys({"a1": bytes(32)})


def fuzz_identity_number(data: bytes) -> None:
    """What was read is read again as itself, and no log shows it."""
    try:
        number = parse_identity_number(data.decode(errors="surrogateescape"), today=TODAY)
    except IdentityNumberError:
        return
    if parse_identity_number(number.formatted, today=TODAY) != number:
        raise AssertionError("the written form is another number")
    if number.value in scrub_text(f"no such person: {number.value}, or {number.formatted}."):
        raise AssertionError("a log would show it")


def seeds_identity_number() -> list[bytes]:
    """One of each system."""
    return [b"19121212-1212", b"121212+1212", b"701063-2391", b"22790814AA01", b"00342145-BZ31", b"991981000010"]


def fuzz_hsa_id(data: bytes) -> None:
    """What was read is read again as itself."""
    try:
        hsa_id = parse_hsa_id(data.decode(errors="surrogateescape"))
    except HsaIdError:
        return
    if parse_hsa_id(hsa_id.lower()) != hsa_id:
        raise AssertionError("the written form is another id")


def seeds_hsa_id() -> list[bytes]:
    """A person's, and one of a test directory."""
    return [b"SE2321000131-P000000123457", b"TSTNMT2321000156-10NG"]


def fuzz_audit_body(data: bytes) -> None:
    """No body but the linked one passes, whatever it is."""
    whole = link(GENESIS, entry(), KEYS)
    result = verify([LinkedEntry(1, data, whole.hash)], KEYS)
    if (result.fault is None) != (data == whole.body):
        raise AssertionError("another body passed" if data != whole.body else "the body did not pass")


def seeds_audit_body() -> list[bytes]:
    """An entry as it is stored."""
    return [link(GENESIS, entry(), KEYS).body]


def fuzz_signed_head(data: bytes) -> None:
    """A line is a head or refused; only the one that was signed is authentic."""
    signed = sign_head(Head(7, bytes(32)), KEYS)
    try:
        head = SignedHead.parse(data.decode(errors="surrogateescape"))
    except ValueError:
        return
    if head.is_authentic(KEYS) != (head == signed) or head.is_authentic(OTHER):
        raise AssertionError("a head that nobody signed is authentic")


def seeds_signed_head() -> list[bytes]:
    """A head as it is kept."""
    return [sign_head(Head(7, bytes(32)), KEYS).to_text().encode()]


def fuzz_log_text(data: bytes) -> None:
    """Any text can be written to a log, and scrubbing it once is enough."""
    text = scrub_text(data.decode(errors="replace"))
    json.dumps(text)
    if len(text) <= 2000 and "[" not in text and scrub_text(text) != text:
        raise AssertionError("a second look removes more")


def seeds_log_text() -> list[bytes]:
    """A line with everything in it."""
    return [b"Anna 19121212-1212 of SE2321000131-P1 at a@b.se, +46 70 123 45 67, token=abc, Bearer a.b.c"]
