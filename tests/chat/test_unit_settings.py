"""A unit's settings and the board before the send button."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from redis.asyncio import Redis

from chat.opening_hours import OpeningHours, OpeningHoursError
from chat.unit_settings import (
    EMERGENCY,
    Board,
    UnitSettings,
    UnitSettingsError,
    UnitStore,
    board,
    format_intervals,
    from_json,
    parse_intervals,
    to_json,
)
from tests.chat.test_opening_hours import NEVER, local

PROVIDER, UNIT = "SE2321000131-P000000000001", "SE2321000131-E000000000001"
HOURS = OpeningHours((((480, 1020),),) * 5 + ((),) * 2, {date(2026, 12, 23): ((480, 720),)})
SETTINGS = UnitSettings(PROVIDER, UNIT, "Kronans vårdcentral", HOURS, 8 * 3600, phone="08-123 456 78")


def test_the_board_of_an_open_unit() -> None:
    now = local("2026-11-23 10:00")
    assert board(SETTINGS, now) == Board(True, None, local("2026-11-24 09:00"))


def test_the_board_of_a_closed_unit_says_when_it_opens() -> None:
    now = local("2026-11-21 10:00")
    assert board(SETTINGS, now) == Board(False, local("2026-11-23 08:00"), local("2026-11-23 16:00"))


def test_a_name_for_notices_that_the_linter_refuses_by_now_is_not_used() -> None:
    text = to_json(SETTINGS).replace('"notice_name": ""', '"notice_name": "Tarmcentrum"')
    assert "Tarmcentrum" in text
    assert from_json(PROVIDER, UNIT, text) == SETTINGS


def test_a_unit_that_never_opens_promises_nothing() -> None:
    assert board(replace(SETTINGS, hours=NEVER), local("2026-11-23 10:00")) == Board(False, None, None)


def test_settings_survive_being_kept() -> None:
    assert from_json(PROVIDER, UNIT, to_json(SETTINGS)) == SETTINGS


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "x" * 121},
        {"notice_name": "Psykiatri Sydväst"},
        {"promised_answer_open_s": 0},
        {"phone": "call me"},
        {"emergency": {"sv": "Ring 112."}},
        {"emergency": {"sv": "Ring oss.", "en": "Call 112."}},
        {"emergency": dict.fromkeys(EMERGENCY, "112" * 200)},
    ],
)
def test_impossible_settings_are_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(UnitSettingsError) as caught:
        replace(SETTINGS, **changes)
    assert caught.value.field == next(iter(changes))


def test_hours_are_written_as_on_a_door() -> None:
    pairs = (("00:00", "08:05"), ("13:00", "24:00"))
    assert parse_intervals(pairs) == ((0, 485), (780, 1440))
    assert format_intervals(parse_intervals(pairs)) == pairs
    for text in ("8:00", "24:01", "12:60", "noon", "1200", "-1:00"):
        with pytest.raises(OpeningHoursError):
            parse_intervals(((text, "24:00"),))


async def test_units_are_kept_and_listed_by_name(redis_client: Redis) -> None:
    store = UnitStore(redis_client)
    other = replace(SETTINGS, unit_hsa_id="SE2321000131-E000000000002", name="Aspens vårdcentral")
    await store.put(SETTINGS)
    await store.put(other)
    assert await store.get(PROVIDER, UNIT) == SETTINGS
    assert await store.get("SE2321000131-P000000000009", UNIT) is None
    assert await store.all() == [other, SETTINGS]
    with pytest.raises(UnitSettingsError):
        await store.get("a b", UNIT)
