"""A bucket for each key, on a virtual clock."""

from signalling.limits import Buckets


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
