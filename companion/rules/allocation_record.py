"""What is kept of an allocation, so that anybody with the right can repeat it: its whole input, and what it found.

The record is plain JSON in one fixed form; its digest (SHA-256) stands beside it. It holds ids of pregnancies and
clinics, no names and no reasons.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from companion.rules.allocation import Applicant, Capacity, Place, allocate

VERSION: Final = 1
"""Of the record's form and of the rules that were applied to it."""


class RecordError(ValueError):
    """A record that these rules cannot repeat."""


def record_of(applicants: Iterable[Applicant], capacity: Capacity) -> dict[str, Any]:
    """The input of a run."""
    people = [
        {
            "pregnancy_id": one.pregnancy_id,
            "week": one.week,
            "choices": list(one.choices),
            "nearest": list(one.nearest),
            "excluded": sorted(one.excluded),
            "override": one.override,
        }
        for one in sorted(applicants, key=lambda one: one.pregnancy_id)
    ]
    places = [[clinic, week, number] for (clinic, week), number in sorted(capacity.items())]
    return {"version": VERSION, "applicants": people, "capacity": places}


def digest(record: Mapping[str, Any]) -> str:
    """SHA-256 of the record in its one form, in hexadecimal."""
    return hashlib.sha256(json.dumps(record, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def places_record(places: Iterable[Place]) -> list[dict[str, Any]]:
    """What a run found."""
    return [
        {
            "pregnancy_id": one.pregnancy_id,
            "week": one.week,
            "clinic": one.clinic,
            "by": one.by,
            "rank": one.rank,
            "refused": [{"clinic": refused.clinic, "why": refused.why} for refused in one.refused],
        }
        for one in places
    ]


def replayed(record: Mapping[str, Any], seed: bytes) -> Sequence[Mapping[str, Any]]:
    """Run the record again, with its seed."""
    if record.get("version") != VERSION:
        raise RecordError(f"version {record.get('version')}")
    people = [
        Applicant(
            pregnancy_id=one["pregnancy_id"],
            week=one["week"],
            choices=tuple(one["choices"]),
            nearest=tuple(one["nearest"]),
            excluded=frozenset(one["excluded"]),
            override=one["override"],
        )
        for one in record["applicants"]
    ]
    capacity = {(clinic, week): number for clinic, week, number in record["capacity"]}
    return places_record(allocate(people, capacity, seed))
