"""The latency histogram against sorted lists."""

from hypothesis import given
from hypothesis import strategies as st

from loadtest.histogram import LatencyHistogram, bucket_upper_ns

values = st.lists(st.integers(0, 2**36), min_size=1, max_size=200)


@given(values=values, fraction=st.floats(0.001, 1.0))
def test_quantile_is_the_value_of_that_rank_within_two_percent(values: list[int], fraction: float) -> None:
    histogram = LatencyHistogram()
    for value in values:
        histogram.record(value)
    rank = min(max(int(fraction * len(values) + 0.999999), 1), len(values))
    exact = sorted(values)[rank - 1]
    assert exact <= histogram.quantile_ns(fraction) <= exact * 1.02


@given(first=values, second=values)
def test_merged_histograms_hold_both(first: list[int], second: list[int]) -> None:
    both, one, other = LatencyHistogram(), LatencyHistogram(), LatencyHistogram()
    for value in first:
        one.record(value)
        both.record(value)
    for value in second:
        other.record(value)
        both.record(value)
    one.merge(other)
    assert one.buckets() == both.buckets()
    assert one.total == both.total == len(first) + len(second)


def test_buckets_ascend_without_gaps() -> None:
    edges = [bucket_upper_ns(bucket) for bucket in range(2048)]
    assert edges == sorted(set(edges))
    assert edges[:64] == list(range(64))


def test_values_out_of_range_are_kept_at_the_ends() -> None:
    histogram = LatencyHistogram()
    histogram.record(-5)
    histogram.record(2**62)
    assert [count for _, count in histogram.buckets()] == [1, 1]
    assert histogram.quantile_ns(0.5) == 0


def test_empty_histogram_has_no_latency() -> None:
    assert LatencyHistogram().quantile_ns(0.99) == 0
