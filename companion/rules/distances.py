"""Which clinic is the nearest: great-circle distances between positions (WGS 84).

Roads and bridges make ways longer than they look. Between the clinics of a region the order is nearly always the same,
and a table of positions is one that people can check.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

EARTH_RADIUS_M: Final = 6_371_009
"""The mean radius (IUGG)."""


@dataclass(frozen=True)
class Position:
    """A place on the earth, in degrees. ``repr`` shows none: it may be where somebody lives."""

    latitude: float
    longitude: float

    def __repr__(self) -> str:
        return "Position()"


def distance_m(one: Position, other: Position) -> int:
    """Metres between two places (haversine)."""
    half_latitude = math.radians(other.latitude - one.latitude) / 2
    half_longitude = math.radians(other.longitude - one.longitude) / 2
    cosines = math.cos(math.radians(one.latitude)) * math.cos(math.radians(other.latitude))
    chord = math.sin(half_latitude) ** 2 + cosines * math.sin(half_longitude) ** 2
    return round(2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord))))


@dataclass(frozen=True)
class Site:
    """A clinic and where it is; None when nobody has said."""

    clinic: str
    name: str
    position: Position | None = None


def from_here(site: Site, here: Position | None) -> int | None:
    """Metres to a site; None when one of the places is not known."""
    return None if here is None or site.position is None else distance_m(here, site.position)


def nearest_first(sites: Iterable[Site], here: Position | None) -> list[Site]:
    """The nearest first. What has no known distance comes last, by name."""

    def order(site: Site) -> tuple[bool, int, str, str]:
        metres = from_here(site, here)
        return metres is None, metres or 0, site.name, site.clinic

    return sorted(sites, key=order)
