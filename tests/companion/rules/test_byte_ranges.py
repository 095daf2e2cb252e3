"""Which part of a file is asked for: RFC 9110, its examples and its edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import Problem
from companion.rules.byte_ranges import ByteRange, range_of
from tests.companion.refusals import code


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-499", ByteRange(0, 499)),
        ("bytes=500-999", ByteRange(500, 999)),
        ("bytes=-500", ByteRange(9500, 9999)),
        ("bytes=9500-", ByteRange(9500, 9999)),
        ("bytes=0-0", ByteRange(0, 0)),
        ("bytes=9999-20000", ByteRange(9999, 9999)),
        ("bytes=-20000", ByteRange(0, 9999)),
        (None, None),
        ("", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-0,-1", None),
        ("lines=0-4", None),
        ("bytes=a-b", None),
        ("bytes=٣-٥", None),
    ],
)
def test_a_range_is_read(header: str | None, expected: ByteRange | None) -> None:
    assert range_of(header, 10_000) == expected


@pytest.mark.parametrize("header", ["bytes=10000-", "bytes=10000-10001", "bytes=-0"])
def test_what_is_not_there_is_refused(header: str) -> None:
    assert code(lambda: range_of(header, 10_000)) == "range_not_satisfiable"


@given(st.text(max_size=40) | st.from_regex(r"bytes=\d{0,5}-\d{0,5}"), st.integers(0, 2000))
def test_no_range_leaves_the_file(header: str, size: int) -> None:
    try:
        found = range_of(header, size)
    except Problem:
        return
    assert found is None or (0 <= found.first <= found.last < size and found.length > 0)
