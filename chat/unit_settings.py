"""What a unit (*enhet*) has decided about messages, and the board that stands before the send button.

Opening hours, promised answer time and the emergency text are on the board whenever somebody is about to write.
"""

import json
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, cast

from redis.asyncio import Redis

from chat.cases import CasePolicy
from chat.notice_templates import is_neutral_unit
from chat.opening_hours import Interval, OpeningHours, OpeningHoursError

EMERGENCY: Final[Mapping[str, str]] = {
    "sv": "Är det akut? Vänta inte på svar här: ring 112. För råd om vård, ring 1177.",
    "en": "Is it urgent? Do not wait for an answer here: call 112. For advice about care, call 1177.",
}
"""The emergency text of a unit that has none of its own."""
MAX_EMERGENCY_CHARACTERS: Final = 400
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 -]{2,20}")
_UNITS: Final = "ao:units"

WeekText = tuple[tuple[tuple[str, str], ...], ...]
"""Hours as a form shows them: per weekday, pairs of "08:00" and "16:30"."""


class UnitSettingsError(ValueError):
    """Settings that cannot be; ``field`` names what is wrong."""

    def __init__(self, wrong: str) -> None:
        super().__init__(wrong)
        self.field = wrong


@dataclass(frozen=True)
class UnitSettings:
    """One unit's settings."""

    provider_hsa_id: str
    unit_hsa_id: str
    name: str
    hours: OpeningHours
    promised_answer_open_s: int
    """Counted in time during which the unit is open."""
    takes_cases: bool = True
    notice_name: str = ""
    """What SMS and e-mail call it; empty: "your care contact"."""
    phone: str = ""
    emergency: Mapping[str, str] = field(default_factory=lambda: dict(EMERGENCY))
    """Language -> text; each names 112."""

    def __post_init__(self) -> None:
        """Check what people wrote."""
        if not 0 < len(self.name) <= 120:
            raise UnitSettingsError("name")
        if self.notice_name and not is_neutral_unit(self.notice_name):
            raise UnitSettingsError("notice_name")
        if not 0 < self.promised_answer_open_s <= 400 * 24 * 3600:
            raise UnitSettingsError("promised_answer_open_s")
        if self.phone and not _PHONE.fullmatch(self.phone):
            raise UnitSettingsError("phone")
        if set(self.emergency) != set(EMERGENCY):
            raise UnitSettingsError("emergency")
        for text in self.emergency.values():
            if "112" not in text or len(text) > MAX_EMERGENCY_CHARACTERS:
                raise UnitSettingsError("emergency")

    def policy(self, reopen_within_s: int) -> CasePolicy:
        """What the case workflow needs of them."""
        return CasePolicy(self.hours, self.promised_answer_open_s, reopen_within_s)


@dataclass(frozen=True)
class Board:
    """What somebody sees before they send. Times are seconds since the epoch."""

    is_open: bool
    opens_at_s: int | None
    """When it opens next; None while it is open, or when it never does."""
    answer_by_s: int | None
    """By when an answer to a message of this moment is promised."""


def board(settings: UnitSettings, now_s: float) -> Board:
    """The board at an instant."""
    is_open = settings.hours.is_open(now_s)
    return Board(
        is_open=is_open,
        opens_at_s=None if is_open else settings.hours.next_opening_s(now_s),
        answer_by_s=settings.hours.add_open_time_s(now_s, settings.promised_answer_open_s),
    )


# --- hours as text -----------------------------------------------------------------------------------------------


def parse_intervals(pairs: tuple[tuple[str, str], ...]) -> tuple[Interval, ...]:
    """One day's hours from pairs of clock times; ``OpeningHoursError`` when they are none."""
    return tuple((_minute(start), _minute(end)) for start, end in pairs)


def format_intervals(intervals: tuple[Interval, ...]) -> tuple[tuple[str, str], ...]:
    """The opposite of ``parse_intervals``."""
    return tuple((_clock(start), _clock(end)) for start, end in intervals)


def _minute(text: str) -> int:
    if not _CLOCK.fullmatch(text):
        raise OpeningHoursError("clock")
    return int(text[:2]) * 60 + int(text[3:])


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


# --- as stored ---------------------------------------------------------------------------------------------------


def to_json(settings: UnitSettings) -> str:
    """As it is kept."""
    hours = settings.hours
    return json.dumps(
        {
            "name": settings.name,
            "weekly": [format_intervals(day) for day in hours.weekly],
            "special": {day.isoformat(): format_intervals(times) for day, times in hours.special.items()},
            "is_closed_on_holidays": hours.is_closed_on_holidays,
            "is_closed_on_eves": hours.is_closed_on_eves,
            "promised_answer_open_s": settings.promised_answer_open_s,
            "takes_cases": settings.takes_cases,
            "notice_name": settings.notice_name,
            "phone": settings.phone,
            "emergency": dict(settings.emergency),
        },
        ensure_ascii=False,
    )


def from_json(provider_hsa_id: str, unit_hsa_id: str, text: str | bytes) -> UnitSettings:
    """The opposite of ``to_json``."""
    values: dict[str, Any] = json.loads(text)
    hours = OpeningHours(
        tuple(parse_intervals(day) for day in values.pop("weekly")),
        {date.fromisoformat(day): parse_intervals(times) for day, times in values.pop("special").items()},
        values.pop("is_closed_on_holidays"),
        values.pop("is_closed_on_eves"),
    )
    if not is_neutral_unit(values["notice_name"]):  # the linter has learnt more words since
        values["notice_name"] = ""
    return UnitSettings(provider_hsa_id, unit_hsa_id, hours=hours, **values)


class UnitStore:
    """The units of one Redis: a hash with one field for each."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def notice_name(self, provider_hsa_id: str, unit_hsa_id: str) -> str:
        """What SMS and e-mail call a unit; empty where it has not said."""
        settings = await self.get(provider_hsa_id, unit_hsa_id)
        return settings.notice_name if settings is not None else ""

    async def put(self, settings: UnitSettings) -> None:
        """Keep a unit's settings."""
        name = _field(settings.provider_hsa_id, settings.unit_hsa_id)
        await self._redis.hset(_UNITS, name, to_json(settings))

    async def get(self, provider_hsa_id: str, unit_hsa_id: str) -> UnitSettings | None:
        """A unit's settings; None when it has none."""
        text = await cast(Awaitable[Any], self._redis.hget(_UNITS, _field(provider_hsa_id, unit_hsa_id)))
        return from_json(provider_hsa_id, unit_hsa_id, text) if text is not None else None

    async def all(self) -> list[UnitSettings]:
        """Every unit, by name."""
        found = await cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(_UNITS))
        names = {name: name.decode().partition(" ") for name in found}
        units = [from_json(names[name][0], names[name][2], text) for name, text in found.items()]
        return sorted(units, key=lambda unit: unit.name)


def _field(provider_hsa_id: str, unit_hsa_id: str) -> str:
    if " " in provider_hsa_id or " " in unit_hsa_id:
        raise UnitSettingsError("unit_hsa_id")
    return f"{provider_hsa_id} {unit_hsa_id}"
