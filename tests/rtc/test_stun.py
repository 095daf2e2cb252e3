"""STUN messages: the published test vectors, round trips, and what must be refused."""

from __future__ import annotations

import contextlib
import struct
import zlib

import aioice.stun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc import stun

TRANSACTION_ID = bytes(range(12))
KEY = b"VOkJxbRl1RmTxUk/WvJxBt"

# RFC 5769 sections 2.1 to 2.3
SAMPLE_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
SAMPLE_IPV4_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
SAMPLE_IPV6_RESPONSE = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)

addresses = st.tuples(st.ip_addresses().map(str), st.integers(0, 65535))


def message_with(*attributes: tuple[int, bytes], message_type: int = 0x0001, fingerprint: bool = False) -> bytes:
    """A message written without regard to any rule but the framing."""
    body = b"".join(struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in attributes)
    size = len(body) + (8 if fingerprint else 0)
    message = struct.pack("!HHI", message_type, size, stun.MAGIC_COOKIE) + TRANSACTION_ID + body
    if fingerprint:
        message += struct.pack("!HHI", stun.Attribute.FINGERPRINT, 4, zlib.crc32(message) ^ stun.FINGERPRINT_XOR)
    return message


def error_of(data: bytes) -> str:
    with pytest.raises(stun.StunError) as raised:
        stun.parse(data)
    return raised.value.code


def test_reads_the_sample_request_of_rfc_5769() -> None:
    message = stun.parse(SAMPLE_REQUEST)
    assert message.message_class == stun.MessageClass.REQUEST
    assert message.method == 1
    assert message.username == "evtj:h6vY"
    assert message.priority == 0x6E0001FF
    assert message.ice_controlled == 0x932FF9B151263B36
    assert message.ice_controlling is None
    assert not message.use_candidate
    assert message.has_fingerprint
    assert stun.verify_integrity(SAMPLE_REQUEST, message, KEY)
    assert not stun.verify_integrity(SAMPLE_REQUEST, message, b"another password")


@pytest.mark.parametrize(
    ("data", "address"),
    [
        (SAMPLE_IPV4_RESPONSE, ("192.0.2.1", 32853)),
        (SAMPLE_IPV6_RESPONSE, ("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
    ],
)
def test_reads_the_sample_responses_of_rfc_5769(data: bytes, address: stun.Address) -> None:
    message = stun.parse(data)
    assert message.message_class == stun.MessageClass.SUCCESS
    assert message.xor_mapped_address == address
    assert stun.verify_integrity(data, message, KEY)


@given(
    transaction_id=st.binary(min_size=12, max_size=12),
    username=st.text(st.characters(codec="ascii", min_codepoint=33), max_size=100),
    key=st.binary(min_size=1, max_size=64),
    priority=st.integers(0, 2**32 - 1),
    tie_breaker=st.integers(0, 2**64 - 1),
    controlling=st.booleans(),
    use_candidate=st.booleans(),
)
def test_a_written_request_is_read_back(
    transaction_id: bytes,
    username: str,
    key: bytes,
    priority: int,
    tie_breaker: int,
    controlling: bool,
    use_candidate: bool,
) -> None:
    data = stun.binding_request(
        transaction_id,
        username=username,
        key=key,
        priority=priority,
        ice_controlling=tie_breaker if controlling else None,
        ice_controlled=None if controlling else tie_breaker,
        use_candidate=use_candidate,
    )
    message = stun.parse(data)
    assert message.transaction_id == transaction_id
    assert (message.username, message.priority, message.use_candidate) == (username, priority, use_candidate)
    assert (message.ice_controlling if controlling else message.ice_controlled) == tie_breaker
    assert message.has_fingerprint
    assert stun.verify_integrity(data, message, key)
    assert not stun.verify_integrity(data, message, key + b"x")


@given(address=addresses, key=st.binary(min_size=1, max_size=64))
def test_a_written_response_is_read_back_here_and_by_aioice(address: stun.Address, key: bytes) -> None:
    data = stun.binding_success(TRANSACTION_ID, address, key)
    message = stun.parse(data)
    assert message.message_class == stun.MessageClass.SUCCESS
    assert message.xor_mapped_address == address
    assert stun.verify_integrity(data, message, key)
    theirs = aioice.stun.parse_message(data)
    assert theirs.attributes["XOR-MAPPED-ADDRESS"] == address


def test_an_error_lists_the_attributes_it_did_not_know() -> None:
    data = stun.binding_error(TRANSACTION_ID, 420, KEY, [0x7001, 0x7002])
    message = stun.parse(data)
    assert message.message_class == stun.MessageClass.ERROR
    assert message.error_code == 420
    assert message.attribute(stun.Attribute.UNKNOWN_ATTRIBUTES) == b"\x70\x01\x70\x02"
    assert stun.verify_integrity(data, message, KEY)


def test_only_unknown_attributes_below_0x8000_must_be_understood() -> None:
    message = stun.parse(message_with((0x7001, b"a"), (0xC057, b"b"), (0x7001, b"c"), (0x0024, bytes(4))))
    assert message.unknown_attributes == (0x7001,)


def test_of_an_attribute_that_occurs_twice_the_first_counts() -> None:
    message = stun.parse(message_with((0x0024, b"\0\0\0\1"), (0x0024, b"\0\0\0\2")))
    assert message.priority == 1


def test_attributes_behind_the_integrity_are_ignored_since_anybody_could_append_them() -> None:
    data = message_with((stun.Attribute.MESSAGE_INTEGRITY, bytes(20)), (stun.Attribute.USE_CANDIDATE, b""))
    assert not stun.parse(data).use_candidate


def test_a_message_without_integrity_is_never_authentic() -> None:
    data = message_with((stun.Attribute.USERNAME, b"a:b"), fingerprint=True)
    assert not stun.verify_integrity(data, stun.parse(data), KEY)


@pytest.mark.attack
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "too_short"),
        (message_with()[:19], "too_short"),
        (message_with((0x8022, bytes(1500))), "too_long"),
        (b"\x80" + message_with()[1:], "not_stun"),
        (message_with()[:4] + bytes(4) + message_with()[8:], "magic_cookie_wrong"),
        (message_with() + bytes(4), "length_wrong"),
        (message_with((0x8022, b"abcd"))[:-1], "length_wrong"),
        (message_with()[:2] + b"\0\3" + message_with()[4:] + bytes(3), "length_wrong"),
        (message_with()[:2] + b"\0\4" + message_with()[4:] + b"\x80\x22\0\1", "attribute_overrun"),
        (message_with((stun.Attribute.PRIORITY, bytes(3))), "attribute_length_wrong"),
        (message_with((stun.Attribute.USE_CANDIDATE, b"x")), "attribute_length_wrong"),
        (message_with((stun.Attribute.ICE_CONTROLLING, bytes(4))), "attribute_length_wrong"),
        (message_with((stun.Attribute.MESSAGE_INTEGRITY, bytes(19))), "attribute_length_wrong"),
        (message_with((stun.Attribute.UNKNOWN_ATTRIBUTES, bytes(3))), "attribute_length_wrong"),
        (message_with((stun.Attribute.USERNAME, bytes(514))), "username_too_long"),
        (message_with((stun.Attribute.USERNAME, b"\xff\xfe")), "username_not_utf8"),
        (message_with((stun.Attribute.XOR_MAPPED_ADDRESS, b"\0\3" + bytes(6))), "address_wrong"),
        (message_with((stun.Attribute.XOR_MAPPED_ADDRESS, b"\0\2" + bytes(6))), "address_wrong"),
        (message_with((stun.Attribute.XOR_MAPPED_ADDRESS, b"")), "address_wrong"),
        (message_with((stun.Attribute.ERROR_CODE, b"\0\0\7\0")), "error_code_wrong"),
        (message_with((stun.Attribute.ERROR_CODE, b"\0\0\4\x64")), "error_code_wrong"),
        (message_with((stun.Attribute.FINGERPRINT, bytes(4))), "fingerprint_wrong"),
        (message_with((stun.Attribute.FINGERPRINT, bytes(4)), (0x8022, b"")), "fingerprint_not_last"),
        (message_with(*[(0x8022, b"")] * 40), "too_many_attributes"),
    ],
)
def test_malformed_messages_are_refused_by_cause(data: bytes, code: str) -> None:
    assert error_of(data) == code


@pytest.mark.attack
@given(position=st.integers(0, len(SAMPLE_REQUEST) - 1), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unnoticed(position: int, bit: int) -> None:
    data = bytearray(SAMPLE_REQUEST)
    data[position] ^= 1 << bit
    try:
        message = stun.parse(bytes(data))
    except stun.StunError:
        return
    # The flip made something else of the fingerprint attribute: then the integrity tells, or it was beyond the message.
    assert not message.has_fingerprint


@pytest.mark.attack
@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: SAMPLE_REQUEST[:20] + tail))
def test_any_bytes_parse_or_raise_the_one_error(data: bytes) -> None:
    with contextlib.suppress(stun.StunError):
        stun.parse(data)


def test_peeks_at_the_receivers_ufrag() -> None:
    data = stun.binding_request(TRANSACTION_ID, username="server:client", key=KEY, priority=1)
    assert stun.peek_username(data) == "server"


@pytest.mark.parametrize(
    "data",
    [
        b"\0\1garbage",
        message_with(fingerprint=True),
        message_with((stun.Attribute.USERNAME, b"no colon")),
        message_with((stun.Attribute.USERNAME, b"a:b"), message_type=0x0101),
        message_with((stun.Attribute.USERNAME, b"a:b"), message_type=0x0003),
        stun.binding_success(TRANSACTION_ID, ("192.0.2.1", 1), KEY),
    ],
)
def test_peeks_at_nothing_when_it_is_no_check(data: bytes) -> None:
    assert stun.peek_username(data) is None


def test_a_transaction_id_of_a_wrong_length_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        stun.binding_success(b"short", ("192.0.2.1", 1), KEY)
