"""When a notice is tried again."""

from hypothesis import given
from hypothesis import strategies as st

from chat.notice_retries import FIRST_S, LONGEST_S, MAX_ATTEMPTS, next_attempt_s, pause_s

DRAWS = st.floats(0, 1)


def test_pauses_grow_threefold_up_to_an_hour() -> None:
    assert [pause_s(attempts, 1.0) for attempts in range(1, 8)] == [10, 30, 90, 270, 810, 2430, 3600]


@given(st.integers(1, 10_000), DRAWS, DRAWS)
def test_pauses_are_bounded_and_never_less_than_half(attempts: int, one: float, other: float) -> None:
    assert FIRST_S / 2 <= pause_s(attempts, one) <= LONGEST_S
    assert pause_s(attempts, one) >= pause_s(attempts, 1.0) / 2
    if one < other:
        assert pause_s(attempts, one) <= pause_s(attempts, other)


def test_it_is_given_up_after_the_last_attempt_or_when_it_would_come_too_late() -> None:
    assert next_attempt_s(MAX_ATTEMPTS - 1, 1.0, now_s=0, expires_at_s=10**9) == LONGEST_S
    assert next_attempt_s(MAX_ATTEMPTS, 0.0, now_s=0, expires_at_s=10**9) is None
    assert next_attempt_s(1, 1.0, now_s=100, expires_at_s=110) is None
    assert next_attempt_s(1, 1.0, now_s=100, expires_at_s=111) == 110
