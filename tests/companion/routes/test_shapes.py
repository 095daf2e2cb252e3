"""What no request may say, whatever the field: text that databases cannot hold, instants where calendars end."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from companion.routes.shapes import HsaId, Input, Instant, LocalTime
from tests.companion.world import ADMIN, World


class Said(Input):
    """Anything."""

    text: str = ""
    parts: dict[str, Any] | list[Any] | None = None


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.attack
@pytest.mark.parametrize(
    "said",
    [
        {"text": "a\x00b"},
        {"text": "\ud800"},
        {"parts": {"a": ["b", {"c": "\x00"}]}},
        {"parts": {"\x00": 1}},
        {"parts": {"a": "\udfff"}},
        {"parts": nested(100)},
        {"parts": nested(10_000)},
        {"\x00": "unknown as well"},
    ],
    ids=["NUL", "surrogate", "NUL inside", "NUL in a key", "surrogate inside", "deep", "deeper", "NUL in a field"],
)
def test_what_cannot_be_stored_is_refused_at_every_depth(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Said.model_validate(said)


def test_other_text_is_taken() -> None:
    said = {"text": "Åsa 🧑‍⚕️\n", "parts": {"å": nested(60), "numbers": [1, 2.5, None, True]}}
    assert Said.model_validate(said).model_dump() == said


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "1899-12-31T00:00:00Z", "2200-01-01T00:00:00Z"],
)
def test_instants_at_the_ends_of_the_calendar_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="too far"):
        TypeAdapter(Instant).validate_python(text)


def test_instants_are_utc_inside() -> None:
    assert TypeAdapter(Instant).validate_python("2027-03-01T08:00:00+01:00").isoformat() == "2027-03-01T07:00:00+00:00"


def test_a_local_time_has_no_zone_and_is_documented_so() -> None:
    local = TypeAdapter(LocalTime)
    assert local.validate_python("08:00").isoformat() == "08:00:00"
    with pytest.raises(ValidationError):
        local.validate_python("08:00Z")
    assert "format" not in local.json_schema()
    assert "pattern" in TypeAdapter(HsaId).json_schema()


@pytest.mark.attack
async def test_over_http_it_is_a_problem_and_not_a_fault(world: World) -> None:
    closures = f"/schedules/{world.schedule_id}/closures"
    at = "2027-03-09T08:00:00Z"
    for body in (
        {"starts_at": at, "ends_at": "9999-12-31T23:59:59.999999-14:00"},
        {"starts_at": at, "ends_at": "2027-03-09T09:00:00Z", "reason": "a\x00b"},
    ):
        answer = await world.api.post(closures, ADMIN, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
