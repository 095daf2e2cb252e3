"""Distances on the earth, and which clinic is the nearest."""

from hypothesis import given
from hypothesis import strategies as st

from companion.rules.distances import EARTH_RADIUS_M, Position, Site, distance_m, from_here, nearest_first

STOCKHOLM, GOTHENBURG = Position(59.3293, 18.0686), Position(57.7089, 11.9746)
positions = st.builds(Position, st.floats(-90, 90), st.floats(-180, 180))


def test_stockholm_to_gothenburg_is_397_km() -> None:
    assert abs(distance_m(STOCKHOLM, GOTHENBURG) - 397_000) < 1_000
    assert distance_m(STOCKHOLM, STOCKHOLM) == 0


@given(positions, positions)
def test_a_distance_is_the_same_both_ways_and_at_most_half_round_the_earth(one: Position, other: Position) -> None:
    assert abs(distance_m(one, other) - distance_m(other, one)) <= 1
    assert 0 <= distance_m(one, other) <= 3.1416 * EARTH_RADIUS_M


def test_the_nearest_comes_first_and_the_unknown_last_by_name() -> None:
    sites = [
        Site("d", "Unknown B"),
        Site("a", "Gothenburg", GOTHENBURG),
        Site("c", "Unknown A"),
        Site("b", "Stockholm", STOCKHOLM),
    ]
    assert [one.clinic for one in nearest_first(sites, Position(59, 18))] == ["b", "a", "c", "d"]
    assert [one.clinic for one in nearest_first(sites, None)] == ["a", "b", "c", "d"]
    assert from_here(sites[0], STOCKHOLM) is None
    assert "59" not in repr(STOCKHOLM)
