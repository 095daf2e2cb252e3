"""Signed addresses: nothing but what was signed opens anything."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.attachment_addresses import AddressError, AddressSigner, Claim

NOW = 1_800_000_000
SIGNER = AddressSigner([bytes(range(32))])
CLAIM = Claim("upload", "att-1", "case-1", "p-anna", 1000, NOW + 300)


def test_an_address_says_what_was_signed() -> None:
    assert SIGNER.check(SIGNER.sign(CLAIM), purpose="upload", now_s=NOW + 299) == CLAIM


def test_an_address_expires() -> None:
    with pytest.raises(AddressError) as caught:
        SIGNER.check(SIGNER.sign(CLAIM), purpose="upload", now_s=NOW + 300)
    assert caught.value.code == "address_expired"


@pytest.mark.attack
def test_an_address_to_upload_downloads_nothing() -> None:
    with pytest.raises(AddressError, match="address_invalid"):
        SIGNER.check(SIGNER.sign(CLAIM), purpose="download", now_s=NOW)


@pytest.mark.attack
@pytest.mark.parametrize(
    "change",
    [
        {"attachment_id": "att-2"},
        {"conversation_id": "case-2"},
        {"person": "p-eva"},
        {"size_bytes": 2000},
        {"expires_at_s": NOW + 9999},
    ],
)
def test_the_seal_of_one_claim_fits_no_other(change: dict[str, str | int]) -> None:
    body, _ = SIGNER.sign(replace(CLAIM, **change)).split(".")  # type: ignore[arg-type]
    _, seal = SIGNER.sign(CLAIM).split(".")
    with pytest.raises(AddressError, match="address_invalid"):
        SIGNER.check(f"{body}.{seal}", purpose="upload", now_s=NOW)


@pytest.mark.attack
@given(st.data())
def test_no_changed_character_passes(data: st.DataObject) -> None:
    address = SIGNER.sign(CLAIM)
    position = data.draw(st.integers(0, len(address) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_.=+/ å").filter(lambda character: character != address[position]))
    with pytest.raises(AddressError):
        SIGNER.check(address[:position] + other + address[position + 1 :], purpose="upload", now_s=NOW)


@pytest.mark.attack
@given(st.text(max_size=2000))
def test_any_text_is_refused_by_the_one_error(text: str) -> None:
    with pytest.raises(AddressError):
        SIGNER.check(text, purpose="upload", now_s=NOW)


def test_a_replaced_key_still_opens_and_a_removed_one_does_not() -> None:
    old, new = bytes(32), bytes([1]) * 32
    address = AddressSigner([old]).sign(CLAIM)
    assert AddressSigner([new, old]).check(address, purpose="upload", now_s=NOW) == CLAIM
    with pytest.raises(AddressError):
        AddressSigner([new]).check(address, purpose="upload", now_s=NOW)


def test_short_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        AddressSigner([bytes(31)])
    with pytest.raises(ValueError, match="32 bytes"):
        AddressSigner([])


def test_repr_names_nobody() -> None:
    assert "anna" not in repr(CLAIM)
