"""HSA-ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.hsa import HSA_SYSTEM, MAX_HSA_ID_CHARACTERS, HsaIdError, is_test, organisation_number, parse

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@given(
    st.sampled_from(["SE", "TSTNMT"]),
    st.from_regex(r"[0-9]{10}", fullmatch=True),
    st.text(ALPHABET, min_size=1, max_size=14),
)
def test_an_hsa_id_is_read_whatever_its_case(prefix: str, organisation: str, code: str) -> None:
    hsa_id = f"{prefix}{organisation}-{code}"
    assert parse(f" {hsa_id.lower()} ") == hsa_id
    assert organisation_number(hsa_id) == organisation
    assert is_test(hsa_id) == (prefix == "TSTNMT")


def test_the_example_of_the_directory_is_read() -> None:
    assert parse("SE2321000131-P000000123457") == "SE2321000131-P000000123457"
    assert HSA_SYSTEM == "urn:oid:1.2.752.29.4.19"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SE2321000131",
        "SE2321000131-",
        "SE232100013-1",
        "NO2321000131-1",
        "SE2321000131-å",
        "SE2321000131-1 2",
        "SE2321000131-1\n2",
        "SE٢٣٢١٠٠٠١٣١-1",
        "SE2321000131-" + "1" * (MAX_HSA_ID_CHARACTERS - 12),
        "SE2321000131-1" + " " * 100,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(HsaIdError) as caught:
        parse(text)
    assert caught.value.code == "format"


@given(st.text(max_size=40))
def test_any_text_is_an_hsa_id_or_refused_with_the_one_error(text: str) -> None:
    try:
        hsa_id = parse(text)
    except HsaIdError:
        return
    assert parse(hsa_id) == hsa_id
