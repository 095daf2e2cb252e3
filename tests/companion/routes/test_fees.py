"""What a unit charges: dated rules that end, a list for invoices that is audited, a table that runs no formula."""

import csv
import io
from typing import Any

import pytest
from sqlalchemy import select

from auth.audit import read_body
from companion.models.audit import AuditRow
from companion.models.bookings import BookingFee
from companion.models.people import Person
from tests.companion.people import (
    ANNA,
    BO,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    PROVIDER,
    UNIT,
    patient,
    service,
    staff,
)
from tests.companion.world import ADMIN, World

RULE = {"kind": "absence", "amount_ore": 10_050, "valid_from": "2027-01-01"}
SCHEDULER = staff("scheduler")
WEEK = "first=2027-03-08&last=2027-03-14"


async def rule(world: World, **fields: Any) -> dict[str, Any]:
    return dict(await world.api.made(f"/providers/{PROVIDER}/fee-rules", ADMIN, RULE | fields))


async def absent(world: World, *people: str) -> None:
    """They are booked for Monday morning, one after the other, and do not come."""
    bookings = []
    for slot, person in zip(world.slots, people, strict=False):
        body = {"slot_id": slot["slot_id"], "patient_person_id": person}
        bookings.append((await world.api.made("/bookings", SCHEDULER, body))["booking_id"])
    world.api.clock.advance(days=7, hours=4)
    for booking_id in bookings:
        await world.api.made(f"/bookings/{booking_id}/miss", SCHEDULER)
        world.api.clock.advance(minutes=1)


async def charged(world: World, query: str = WEEK, who: Any = SCHEDULER) -> dict[str, Any]:
    answer = await world.api.get(f"/units/{UNIT}/fees?{query}", who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_what_was_charged_is_listed_and_each_patient_stands_in_the_audit_log(world: World) -> None:
    await rule(world)
    await absent(world, ANNA, BO)
    found = await charged(world)
    anna, bo = found["fees"]
    assert (anna["kind"], anna["amount_ore"], anna["is_excused"]) == ("absence", 10_050, False)
    assert (anna["patient_name"], anna["identity_number"]) == ("Test aaaa", "199005172382")
    assert (bo["patient_name"], bo["identity_number"], bo["is_protected"]) == ("Skyddad identitet", None, True)
    assert found["total_ore"] == 20_100
    await world.api.made(f"/bookings/{anna['booking_id']}/excuse", SCHEDULER, {"excuse": "Inlagd på sjukhus"})
    again = await charged(world)
    assert (again["fees"][0]["is_excused"], again["total_ore"]) == (True, 10_050)
    assert (await charged(world, "first=2027-03-09&last=2027-03-14"))["fees"] == []
    async with world.services.database.reading(world.api.clock()) as transaction:
        rows = (await transaction.session.scalars(select(AuditRow).where(AuditRow.action == "fee_read"))).all()
        assert {read_body(row.body)["patient"] for row in rows} == {None, ANNA, BO}
    async with world.services.database.reading(world.api.clock()) as transaction:
        assert len((await transaction.session.scalars(select(BookingFee))).all()) == 2


async def test_the_table_is_read_by_the_invoicing_system_and_runs_nothing(world: World) -> None:
    async with world.services.database.transaction(world.api.clock()) as transaction:
        person = await transaction.session.get_one(Person, ANNA)
        person.given_name, person.family_name = '=HYPERLINK("http://evil")', 'A;"B'
    await rule(world)
    await absent(world, ANNA, BO)
    answer = await world.api.get(f"/units/{UNIT}/fees.csv?{WEEK}", SCHEDULER)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="avgifter-2027-03-08-2027-03-14.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    anna, bo = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    assert (anna["avgift"], anna["belopp_kr"], anna["besok"]) == ("uteblivet besök", "100,50", "2027-03-08 08:00")
    assert anna["namn"] == '\'=HYPERLINK("http://evil") A;"B'
    assert (anna["personnummer"], bo["personnummer"], bo["skyddad"]) == ("199005172382", "", "ja")


@pytest.mark.parametrize(
    "query", ["first=2027-03-08", "first=2027-03-08&last=2027-03-07", "first=2027-01-01&last=2028-01-02"]
)
async def test_a_list_is_of_a_period(world: World, query: str) -> None:
    answer = await world.api.get(f"/units/{UNIT}/fees?{query}", SCHEDULER)
    assert (answer.status_code, answer.json()["field"]) == (422, "last")


@pytest.mark.attack
async def test_nobody_else_reads_what_a_unit_charges(world: World) -> None:
    foreign = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)
    for who, status in (
        (patient(), 403), (staff("unit_admin", "region_admin"), 403), (staff("viewer"), 403),
        (service("stats:read"), 403), (staff("scheduler", unit=OTHER_UNIT), 404), (foreign, 404), (staff(), 200),
    ):  # fmt: skip
        for path in ("fees", "fees.csv"):
            assert (await world.api.get(f"/units/{UNIT}/{path}?{WEEK}", who)).status_code == status


# --- rules ---------------------------------------------------------------------------------------------------------


async def end(world: World, rule_id: str, last_day: str, who: Any = ADMIN) -> tuple[int, Any]:
    answer = await world.api.post(f"/fee-rules/{rule_id}/end", who, {"last_day": last_day})
    return answer.status_code, answer.json()


async def test_a_rule_ends_another_follows_and_both_leave_a_trace(world: World) -> None:
    made = await rule(world)
    new = RULE | {"amount_ore": 20_000, "valid_from": "2027-04-01"}
    path = f"/providers/{PROVIDER}/fee-rules"
    assert (await world.api.post(path, ADMIN, new)).json()["code"] == "fee_rule_overlaps"
    assert (await end(world, made["rule_id"], "2027-03-31"))[1]["valid_until"] == "2027-03-31"
    await world.api.made(path, ADMIN, new)
    status, problem = await end(world, made["rule_id"], "2027-04-01")  # into the days of the next
    assert (status, problem["code"]) == (409, "fee_rule_overlaps")
    shown = (await world.api.get(f"/fee-rules?provider={PROVIDER}")).json()
    assert [(one["amount_ore"], one["valid_until"]) for one in shown] == [(10_050, "2027-03-31"), (20_000, None)]
    trace = (await world.api.get(f"/administration-entries?unit={PROVIDER}", ADMIN)).json()["entries"]
    assert sorted(one["what"] for one in trace) == ["fee rule added", "fee rule added", "fee rule ended"]
    ended = next(one for one in trace if one["what"] == "fee rule ended")
    assert ended["change"] == {"rule": made["rule_id"], "last_day": "2027-03-31", "before": None}


async def test_a_day_that_is_over_keeps_its_rule(world: World) -> None:
    made = await rule(world)
    later = await rule(world, kind="late_cancellation", valid_from="2027-06-01")
    for rule_id, day in ((made["rule_id"], "2027-02-28"), (later["rule_id"], "2027-05-31")):
        status, problem = await end(world, rule_id, day)
        assert (status, problem["field"]) == (422, "last_day")
    await absent(world, ANNA)
    assert (await end(world, made["rule_id"], "2027-03-08"))[0] == 200
    assert (await charged(world))["total_ore"] == 10_050  # what was charged stays


@pytest.mark.attack
async def test_rules_are_the_regions(world: World) -> None:
    made = await rule(world)
    foreign = staff("region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)
    for who, status in ((staff("unit_admin"), 404), (foreign, 404), (SCHEDULER, 403), (patient(), 403)):
        assert (await end(world, made["rule_id"], "2027-03-31", who))[0] == status
    assert (await end(world, "fr-" + "a" * 26, "2027-03-31"))[0] == 404
