"""Token buckets, on a virtual clock."""

from hypothesis import given
from hypothesis import strategies as st

from signalling.token_bucket import TokenBucket


def test_a_burst_passes_then_the_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3, now=0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(0.4)
    assert bucket.take(0.5)
    assert not bucket.take(0.5)


def test_a_long_pause_gives_no_more_than_the_burst() -> None:
    bucket = TokenBucket(rate=2, burst=3, now=0)
    assert [bucket.take(1000) for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.floats(0, 0.5), max_size=100))
def test_no_more_passes_than_burst_and_rate_allow(pauses: list[float]) -> None:
    bucket = TokenBucket(rate=4, burst=5, now=0)
    now, passed = 0.0, 0
    for pause in pauses:
        now += pause
        passed += bucket.take(now)
    assert passed <= 5 + 4 * now + 1e-6
