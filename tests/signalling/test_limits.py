"""Token buckets, on a virtual clock."""

from hypothesis import given
from hypothesis import strategies as st

from signalling.limits import Buckets
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


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(rate=1, burst=2)
    assert [buckets.take("a", 0) for _ in range(3)] == [True, True, False]
    assert buckets.take("b", 0)
    assert buckets.take("a", 1)


def test_the_number_of_buckets_is_bounded_and_the_one_unused_longest_goes() -> None:
    buckets = Buckets(rate=0.001, burst=1, limit=2)
    assert buckets.take("a", 0)
    assert buckets.take("b", 0)
    assert not buckets.take("a", 0)
    assert buckets.take("c", 0)
    assert not buckets.take("a", 0)
    assert buckets.take("b", 0)
