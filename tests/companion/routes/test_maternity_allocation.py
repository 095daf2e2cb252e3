"""The allocation in the database: by rank within capacity, together, once, by hand, explained, replayed."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from companion.models.audit import AuditRow
from companion.models.maternity import MaternityRun
from companion.services import Services
from tests.companion.maternity_world import (
    CLINICS,
    CLOSES,
    DUE,
    FOREIGN_CLINIC,
    MIDWIFE,
    NORTH,
    REGION,
    SOUTH,
    WEEK,
    WEST,
    Maternity,
    lives_north,
    woman,
)
from tests.companion.people import (
    ANNA,
    BO,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    UNIT,
    VirtualClock,
    patient,
    staff,
)

WOMEN = 12


async def many(region: Maternity, *choices: str, count: int = WOMEN) -> list[str]:
    """So many pregnancies that wish the same."""
    made = []
    for number in range(count):
        made.append(await region.pregnancy(woman(number)))
        if choices:
            assert (await region.wish(made[-1], *choices, person_id=woman(number))).status_code == 200
    return made


async def by_hand(region: Maternity, pregnancy: str, clinic: str, who: Any = REGION, **more: Any) -> Any:
    body = {"clinic_hsa_id": clinic, "reason": "syskon födda där"} | more
    return await region.api.post(f"/pregnancies/{pregnancy}/place", who, body)


async def counts(region: Maternity) -> Counter[str | None]:
    return Counter(clinic for _, clinic in (await region.placed()).values())


# --- runs --------------------------------------------------------------------------------------------------------


async def test_choices_by_rank_then_the_nearest_with_room_then_nobody_waits_unknown(region: Maternity) -> None:
    await lives_north(region.api)
    for clinic, number in ((NORTH, 3), (SOUTH, 5), (WEST, 3)):
        await region.places(clinic, number)
    await many(region, SOUTH, WEST, count=6)
    none = [await region.pregnancy(woman(number)) for number in range(6, 12)]
    region.until_closed()
    assert await region.sweep() == WOMEN
    assert await region.sweep() == 0
    assert await counts(region) == {NORTH: 3, SOUTH: 5, WEST: 3, None: 1}
    placed = await region.placed()
    near = Counter(placed[one] for one in none)
    assert near == {("allocated", NORTH): 3, ("allocated", WEST): 2, ("waiting", None): 1}
    waiting = (await region.api.get("/maternity/waiting", REGION)).json()
    assert [placed[one["pregnancy_id"]] for one in waiting] == [("waiting", None)]
    assert (await region.api.get("/maternity/waiting", staff())).status_code == 404


async def test_the_explanation_tells_why_and_of_nobody_else(region: Maternity) -> None:
    await region.places(NORTH, 1)
    await region.places(SOUTH, 1)
    mine = await many(region, NORTH, SOUTH, count=2)
    region.until_closed()
    await region.sweep()
    placed = await region.placed()
    number = 0 if placed[mine[0]][1] == SOUTH else 1
    seen = await region.read(mine[number], patient(woman(number)), Accept_Language="en")
    assert (seen["rank"], seen["clinic_hsa_id"]) == (2, SOUTH)
    assert seen["explanation"] == (
        "Your choice number 2, because more wished for Norra in week 30 than there was room for, and the draw decided."
    )
    svenska = await region.read(mine[number], patient(woman(number)), Accept_Language="sv")
    assert svenska["explanation"].startswith("Ditt val nummer 2, eftersom ")
    other = await region.read(mine[1 - number], patient(woman(1 - number)), Accept_Language="en")
    assert other["explanation"] == "Your choice number 1."
    third = await region.pregnancy(ANNA)  # registered after 22+0: what is left, at once
    await region.places(WEST, 1)
    assert (await region.wish(third, NORTH)).status_code == 409
    await region.sweep()
    assert (await region.placed())[third] == ("allocated", WEST)


async def test_a_region_administrator_runs_a_day_once(region: Maternity, services: Services) -> None:
    await region.places(NORTH, 9)
    await many(region, NORTH, count=3)
    late = await region.pregnancy(ANNA, due=DUE + timedelta(days=1))
    early = await region.api.post("/maternity/runs", REGION, {"day": CLOSES.isoformat()})
    assert (early.status_code, early.json()["code"]) == (422, "allocation_day")
    region.until_closed()
    region.api.clock.advance(days=2)
    first = await region.api.made("/maternity/runs", REGION, {"day": CLOSES.isoformat()})
    assert (first["run"]["placed"], first["run"]["waiting"]) == (3, 0)
    assert (await region.placed())[late] == ("open", None)  # of the day after
    assert (await region.api.made("/maternity/runs", REGION, {"day": CLOSES.isoformat()}))["run"] is None
    assert len((await region.api.get("/maternity/runs", REGION)).json()) == 1
    async with services.database.reading(services.clock()) as transaction:
        rows = await transaction.session.scalars(select(AuditRow).where(AuditRow.action == "maternity_allocate"))
        assert [row.patient for row in rows.all()].count(woman(0)) == 1


async def test_concurrent_runs_and_places_by_hand_never_exceed_a_capacity(region: Maternity) -> None:
    for clinic, number in ((NORTH, 2), (SOUTH, 3), (WEST, 4)):
        await region.places(clinic, number)
    mine = await many(region, NORTH, SOUTH)
    region.until_closed()
    runs = [region.sweep() for _ in range(3)]
    runs += [region.api.post("/maternity/runs", REGION, {"day": CLOSES.isoformat()}) for _ in range(2)]  # type: ignore[misc]
    hands = [by_hand(region, one, NORTH, MIDWIFE) for one in mine[:4]]
    answers = await asyncio.gather(*runs, *hands)
    assert all(one.status_code in (200, 409) for one in answers[3:])  # type: ignore[union-attr]
    found = await counts(region)
    assert (found[NORTH], found[SOUTH], found[WEST], found[None]) == (2, 3, 4, 3)
    taken = [one["allotted"] for clinic in CLINICS for one in await weeks(region, clinic)]
    assert taken == [2, 3, 4]


async def weeks(region: Maternity, clinic: str) -> list[dict[str, Any]]:
    return list((await region.api.get(f"/units/{clinic}/maternity-weeks", REGION)).json())


# --- by hand -----------------------------------------------------------------------------------------------------


async def test_by_hand_with_a_reason_and_beyond_the_capacity_only_by_the_region(region: Maternity) -> None:
    await region.places(NORTH, 1)
    first, second = await many(region, count=2)
    assert (await by_hand(region, first, NORTH, MIDWIFE, reason="   ")).json()["code"] == "override_reason"
    placed = await by_hand(region, first, NORTH, MIDWIFE)
    assert (placed.status_code, placed.json()["clinic_hsa_id"]) == (200, NORTH)
    again = await by_hand(region, first, NORTH, MIDWIFE)  # its own place does not stand in its way
    assert again.status_code == 200
    assert (await region.told()).count("maternity.allocated") == 1  # and nothing is told twice
    for who, more in ((MIDWIFE, {}), (MIDWIFE, {"beyond_capacity": True}), (REGION, {})):
        full = await by_hand(region, second, NORTH, who, **more)
        assert (full.status_code, full.json()["code"]) == (409, "clinic_full")
    beyond = (await by_hand(region, second, NORTH, REGION, beyond_capacity=True)).json()
    assert [one["is_beyond_capacity"] for one in beyond["overrides"]] == [True]
    assert await weeks(region, NORTH) == [{"week": WEEK, "places": 1, "allotted": 2}]
    seen = await region.api.get(f"/pregnancies/{second}", patient(woman(1)))
    assert "syskon" not in seen.text
    assert seen.json()["explanation"] == "Platsen är beslutad av mottagningen."
    # What was given by hand is counted: nobody else gets in.
    third = await region.pregnancy(ANNA)
    await region.wish(third, NORTH)
    region.until_closed()
    await region.sweep()
    assert (await region.placed())[third] == ("waiting", None)
    assert (await by_hand(region, third, FOREIGN_CLINIC)).json()["code"] == "wish_choices"


@pytest.mark.attack
async def test_another_regions_administrator_finds_nothing(region: Maternity) -> None:
    (pregnancy,) = await many(region, count=1)
    foreign = staff("region_admin", "unit_admin", "staff", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)
    assert (await by_hand(region, pregnancy, NORTH, foreign)).status_code == 404
    place = {"places": 5}
    week = f"/units/{NORTH}/maternity-weeks"
    assert (await region.api.ask("PUT", f"{week}/{WEEK}", foreign, place)).status_code == 404
    assert (await region.api.get(week, foreign)).status_code == 404
    assert (await region.api.get(f"/units/{NORTH}/maternity-allotments?week={WEEK}", foreign)).status_code == 404
    region.until_closed()
    await region.sweep()
    run = (await region.api.get("/maternity/runs", REGION)).json()[0]["run_id"]
    assert (await region.api.get("/maternity/runs", foreign)).json() == []
    assert (await region.api.get(f"/maternity/runs/{run}/replay", foreign)).status_code == 404
    assert (await region.api.get("/maternity/waiting", foreign)).json() == []
    assert (await region.api.post("/maternity/runs", foreign, {"day": CLOSES.isoformat()})).json() == {"run": None}


# --- the clinic --------------------------------------------------------------------------------------------------


async def test_a_clinic_sees_its_own_weeks_and_sets_its_places(region: Maternity) -> None:
    await region.places(NORTH, 2)
    await many(region, NORTH, count=2)
    region.until_closed()
    await region.sweep()
    path = f"/units/{NORTH}/maternity-allotments?week={WEEK}"
    seen = (await region.api.get(path, staff(unit=NORTH))).json()
    assert (seen["places"], seen["allotted"], len(seen["allotments"])) == (2, 2, 2)
    assert seen["allotments"][0]["midwife_unit_hsa_id"] == UNIT
    for who in (staff(unit=SOUTH), staff(unit=OTHER_UNIT), staff(), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        assert (await region.api.get(path, who)).status_code == 404
    assert (await region.api.get(path, patient())).status_code == 403
    admin = staff("unit_admin", unit=NORTH)
    put = await region.api.ask("PUT", f"/units/{NORTH}/maternity-weeks/{WEEK}", admin, {"places": 1})
    assert put.json() == {"week": WEEK, "places": 1, "allotted": 2}  # what was given stays given
    for wrong in ("2027-W53", "2027-W00"):
        answer = await region.api.ask("PUT", f"/units/{NORTH}/maternity-weeks/{wrong}", admin, {"places": 1})
        assert (answer.status_code, answer.json()["code"]) == (422, "week")
    other = staff("unit_admin", unit=SOUTH)
    assert (
        await region.api.ask("PUT", f"/units/{NORTH}/maternity-weeks/{WEEK}", other, {"places": 9})
    ).status_code == 404
    assert (
        await region.api.ask("PUT", f"/units/{NORTH}/position", other, {"latitude": 1, "longitude": 1})
    ).status_code == 404
    area = {"latitude": 1, "longitude": 1}
    assert (await region.api.ask("PUT", "/maternity/areas/0180/position", other, area)).status_code == 404
    assert (
        await region.api.ask("PUT", f"/units/{UNIT}/maternity-weeks/{WEEK}", REGION, {"places": 9})
    ).status_code == 404


# --- again -------------------------------------------------------------------------------------------------------


async def test_a_run_is_repeated_from_its_seed_and_a_forged_one_is_found(
    region: Maternity, services: Services, clock: VirtualClock
) -> None:
    await region.places(NORTH, 2)
    await region.places(SOUTH, 5)
    mine = await many(region, NORTH)
    await region.pregnancy(BO)
    region.until_closed()
    await region.sweep()
    run = (await region.api.get("/maternity/runs", REGION)).json()[0]
    path = f"/maternity/runs/{run['run_id']}/replay"
    # What happened later changes nothing of it.
    await region.api.post(f"/pregnancies/{mine[0]}/end", MIDWIFE)
    await region.places(NORTH, 7)
    replayed = (await region.api.get(path, REGION)).json()
    assert (replayed["is_input_intact"], replayed["is_identical"]) == (True, True)
    assert (replayed["placed"], replayed["waiting"], len(replayed["seed"])) == (7, 6, 64)

    async def forge(**values: Any) -> tuple[bool, bool]:
        async with services.database.transaction(clock()) as transaction:
            row = await transaction.session.get_one(MaternityRun, run["run_id"])
            kept = {name: getattr(row, name) for name in values}
            await transaction.session.execute(update(MaternityRun).values(**values))
        answer = (await region.api.get(path, REGION)).json()
        async with services.database.transaction(clock()) as transaction:
            await transaction.session.execute(update(MaternityRun).values(**kept))
        return answer["is_input_intact"], answer["is_identical"]

    async with services.database.reading(clock()) as transaction:
        row = await transaction.session.get_one(MaternityRun, run["run_id"])
    swapped = [dict(one, clinic=WEST) if one["clinic"] == NORTH else one for one in row.places]
    assert await forge(places=swapped) == (True, False)
    assert await forge(seed="00" * 32) == (True, False)
    more = {**row.record, "capacity": [[NORTH, WEEK, 9]]}
    assert await forge(record=more) == (False, False)
    assert await forge(record={**row.record, "version": 99}) == (False, False)
