"""What is read can be sent back: no answer lacks a field that its PUT or PATCH sets, and nothing is reset by it."""

from random import Random
from typing import Any, Final

import pytest
from pydantic import BaseModel

from companion.routes import campaigns, declarations, maternity_shapes, organisation, reserve, schedules, time_books
from companion.services import Services
from tests.companion.people import UNIT, Api
from tests.companion.world import ADMIN, TIME_TYPE, found

PAIRS: Final[tuple[tuple[type[BaseModel], type[BaseModel]], ...]] = (
    (schedules.TimeTypeIn, schedules.TimeTypeOut),
    (schedules.ScheduleChange, schedules.ScheduleOut),
    (time_books.TemplateIn, time_books.TemplateOut),
    (organisation.UnitChange, organisation.UnitOut),
    (declarations.QuestionnaireIn, declarations.VersionOut),
    (declarations.VaccinesIn, declarations.VaccinesOut),
    (declarations.VaccineIn, declarations.VaccineOut),
    (campaigns.CampaignIn, campaigns.CampaignOut),
    (campaigns.StepIn, campaigns.StepOut),
    (reserve.DropInIn, reserve.DropInOut),
    (maternity_shapes.PlacesIn, maternity_shapes.WeekOut),
)
"""What is sent, and what is read."""


@pytest.mark.parametrize(("sent", "read"), PAIRS, ids=[pair[0].__name__ for pair in PAIRS])
def test_all_that_can_be_sent_is_shown(sent: type[BaseModel], read: type[BaseModel]) -> None:
    assert set(sent.model_fields) <= set(read.model_fields)


def some_time_type(random: Random, others: list[str]) -> dict[str, Any]:
    """Any valid content of a time type."""

    def maybe(value: Any) -> Any:
        return value if random.random() < 0.6 else None

    return TIME_TYPE | {
        "length_minutes": random.randint(1, 1440),
        "modality": random.choice(["video", "physical", "phone", "chat"]),
        "audience": random.choice(["public", "invited"]),
        "min_age": maybe(random.randint(0, 40)),
        "max_age": maybe(random.randint(41, 150)),
        "born_from_year": maybe(random.randint(1850, 1950)),
        "born_until_year": maybe(random.randint(1951, 2200)),
        "dose": maybe(random.randint(1, 9)),
        "first_dose_type_id": maybe(random.choice(others)),
        "min_days_since_dose": maybe(random.randint(1, 90)),
        "max_days_since_dose": maybe(random.randint(91, 3650)),
        "form_id": maybe("fo-" + "a" * 26),
        "successor_id": maybe(random.choice(others)),
        "valid_from": maybe(f"2027-0{random.randint(1, 9)}-01"),
        "valid_until": maybe("2028-12-31"),
        "cancel_before_h": maybe(random.randint(0, 8760)),
        "for_all_units": random.random() < 0.5,
        "is_group": random.random() < 0.5,
        **{f"patient_may_{what}": random.random() < 0.5 for what in ("book", "see", "rebook", "cancel", "message")},
    }


async def test_a_time_type_that_is_read_and_sent_back_is_the_same(api: Api, services: Services) -> None:
    await found(services)
    random = Random(7)  # the same examples each time
    path = f"/units/{UNIT}/time-types"
    others = [(await api.made(path, ADMIN, TIME_TYPE | {"for_all_units": True}))["time_type_id"] for _ in range(2)]
    assert set(some_time_type(random, others)) == set(schedules.TimeTypeIn.model_fields)
    for _ in range(12):
        body = some_time_type(random, others)
        made = await api.made(path, ADMIN, body)
        assert {name: made[name] for name in body} == body
        read = next(one for one in (await api.get(path)).json() if one["time_type_id"] == made["time_type_id"])
        back = {name: read[name] for name in schedules.TimeTypeIn.model_fields}
        answer = await api.ask("PUT", f"{path}/{made['time_type_id']}", ADMIN, back)
        assert answer.json() == read == made
