"""Stream statistics against their slow twin."""

from hypothesis import given
from hypothesis import strategies as st

from loadtest.streamstats import StreamStatistics
from tests.reference.stream_statistics import ReferenceStream

steps = st.lists(st.one_of(st.integers(-20, 20), st.integers(-1100, 1100), st.integers(-32768, 32768)), max_size=300)


@given(first=st.integers(0, 0xFFFF), steps=steps)
def test_counts_like_the_twin(first: int, steps: list[int]) -> None:
    compiled, twin = StreamStatistics(), ReferenceStream()
    sequence = first
    for step in [0, *steps]:
        sequence = (sequence + step) & 0xFFFF
        assert compiled.observe(sequence) == twin.observe(sequence)
    for name in ("received", "lost", "duplicates", "reordered", "too_late"):
        assert getattr(compiled, name) == getattr(twin, name), name


def test_reordering_across_the_wrap_is_no_loss() -> None:
    stream = StreamStatistics()
    for sequence in (65534, 0, 65535, 2, 1):
        stream.observe(sequence)
    assert (stream.received, stream.lost, stream.reordered) == (5, 0, 2)
