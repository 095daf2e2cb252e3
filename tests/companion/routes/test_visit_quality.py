"""Records of visits: kept once, for the front alone to write and the unit alone to read; no absence by a fault."""

import json
import secrets
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from companion.models.audit import AuditRow
from companion.models.bookings import Booking
from companion.models.outbox import OutboxRow
from companion.rules.audiences import SMALLEST_CELL
from tests.companion.people import (
    ANNA,
    BO,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    PROVIDER,
    UNIT,
    guest,
    patient,
    proxy,
    service,
    staff,
)
from tests.companion.world import ADMIN, World, add_slots

FRONT = service("quality:write", name="front")
PLANNER = staff("scheduler", "staff")


async def video_booking(world: World) -> dict[str, Any]:
    _, _, slots = await add_slots(world.api, time_type={"modality": "video"}, begins="13:00", ends="14:00")
    return dict(await world.api.made("/bookings", patient(), {"slot_id": slots[0]["slot_id"]}))


def stay(world: World, minutes: float = 20, **changes: Any) -> dict[str, Any]:
    now_ms = int(world.api.clock.now.timestamp() * 1000)
    left_ms = now_ms + int(minutes * 60_000)
    values: dict[str, Any] = {
        "stay_id": secrets.token_hex(16), "person": ANNA, "role": "participant", "joined_at_ms": now_ms,
        "connected_at_ms": now_ms + 900, "left_at_ms": left_ms, "end_cause": "left", "is_technical_abort": False,
        "path": "relay_udp", "reconnects": 1, "ice_restarts": 0, "lost_ms": 4500, "freezes": 2, "frozen_ms": 800,
        "packets_received": 9000, "packets_lost": 12, "packets_sent": 8000, "received_bps": 900_000,
        "sent_bps": 800_000, "worst_fraction_lost": 0.05, "round_trip_ms": 41, "jitter_ms": 7,
        "log": [[now_ms, "joined"], [left_ms, "left"]],
    }  # fmt: skip
    return values | changes


def aborted(world: World, **changes: Any) -> dict[str, Any]:
    return stay(world, is_technical_abort=True, end_cause="lost", **changes)


async def tell(world: World, meeting_id: str, *stays: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return dict(await world.api.made(f"/visits/{meeting_id}/quality", FRONT, {"stays": list(stays), **fields}))


async def test_a_visit_is_read_as_it_was_told(world: World) -> None:
    booking = await video_booking(world)
    one = stay(world)
    told = await tell(world, booking["meeting_id"], one, stay(world, person="link-xyz", role="guest"))
    assert told == {"stays": 2, "absence": "as_it_was"}
    found = (await world.api.get(f"/visits/{booking['meeting_id']}/quality", staff())).json()
    assert not found["was_cut_off"]
    [shown] = [other for other in found["stays"] if other["role"] == "participant"]
    assert "person" not in shown
    same = ("stay_id", "path", "freezes", "packets_lost", "round_trip_ms", "sent_bps", "log", "jitter_ms")
    assert {name: shown[name] for name in same} == {name: one[name] for name in same}
    assert shown["lost_s"] == 4.5
    assert shown["joined_at"] == world.api.clock.now.isoformat().replace("+00:00", "Z")


async def test_what_is_told_again_is_kept_once_and_the_later_end_counts(world: World) -> None:
    meeting_id = (await video_booking(world))["meeting_id"]
    first, later = aborted(world, minutes=5), {}
    later = stay(world, minutes=9, stay_id=first["stay_id"])
    for told in (first, first, later, first):
        await tell(world, meeting_id, told)
    found = (await world.api.get(f"/visits/{meeting_id}/quality", staff())).json()
    assert [(one["end_cause"], one["is_technical_abort"]) for one in found["stays"]] == [("left", False)]


@pytest.mark.attack
async def test_only_the_front_tells(world: World) -> None:
    meeting_id = (await video_booking(world))["meeting_id"]
    body = {"stays": [aborted(world)]}
    others = (patient(), proxy(), PLANNER, ADMIN, staff("sre"), guest(), service("archive:write"), service())
    for who in others:
        answer = await world.api.post(f"/visits/{meeting_id}/quality", who, body)
        assert answer.status_code in (403, 404), who
    assert (await world.api.post(f"/visits/{meeting_id}/quality", None, body)).status_code == 401
    assert (await world.api.get(f"/visits/{meeting_id}/quality", staff())).status_code == 404


@pytest.mark.attack
async def test_only_the_unit_reads(world: World) -> None:
    meeting_id = (await video_booking(world))["meeting_id"]
    await tell(world, meeting_id, stay(world))
    others = (
        patient(), patient(BO), proxy(), guest(), service("quality:write"), staff("viewer"), staff(unit=OTHER_UNIT),
        staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER),
    )  # fmt: skip
    for who in others:
        answer = await world.api.get(f"/visits/{meeting_id}/quality", who)
        assert answer.status_code in (403, 404), who
    assert (await world.api.get("/visits/nothing/quality", staff())).status_code == 404


async def test_reading_and_telling_stand_in_the_audit_log(world: World) -> None:
    meeting_id = (await video_booking(world))["meeting_id"]
    await tell(world, meeting_id, stay(world))
    await world.api.get(f"/visits/{meeting_id}/quality", staff())
    await world.api.get(f"/visits/{meeting_id}/quality", staff(unit=OTHER_UNIT))
    async with world.services.database.reading(world.services.clock()) as transaction:
        query = select(AuditRow).where(AuditRow.action.like("quality_%")).order_by(AuditRow.number)
        rows = (await transaction.session.scalars(query)).all()
    entries = [json.loads(row.body) for row in rows]
    assert [(one["action"], one["outcome"], one["patient"], one["resource"]) for one in entries] == [
        ("quality_write", "allowed", ANNA, f"visit:{meeting_id}"),
        ("quality_read", "allowed", ANNA, f"visit:{meeting_id}"),
        ("quality_read", "refused", ANNA, f"visit:{meeting_id}"),
    ]


async def test_a_meeting_without_a_booking_belongs_to_the_place_that_the_front_tells(world: World) -> None:
    place = {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT, "patient_person_id": ANNA}
    await tell(world, "from-a-record-system", stay(world), place=place)
    assert (await world.api.get("/visits/from-a-record-system/quality", staff())).status_code == 200
    wrong = {"provider_hsa_id": OTHER_PROVIDER, "unit_hsa_id": UNIT}
    for body in ({"stays": [stay(world)]}, {"stays": [stay(world)], "place": wrong}):
        answer = await world.api.post("/visits/unheard-of/quality", FRONT, body)
        assert answer.status_code == 404


async def test_the_place_of_a_booking_is_not_overruled(world: World) -> None:
    meeting_id = (await video_booking(world))["meeting_id"]
    place = {"provider_hsa_id": OTHER_PROVIDER, "unit_hsa_id": FOREIGN_UNIT, "patient_person_id": BO}
    await tell(world, meeting_id, stay(world), place=place)
    assert (await world.api.get(f"/visits/{meeting_id}/quality", staff())).status_code == 200


async def test_nonsense_is_refused(world: World) -> None:
    meeting_id = (await video_booking(world))["meeting_id"]
    bad: tuple[dict[str, Any], ...] = (
        {"left_at_ms": 1}, {"stay_id": "x"}, {"packets_lost": -1}, {"worst_fraction_lost": 2.0}, {"extra": 1},
        {"role": "A name"}, {"log": [[0, "Anna Andersson"]]}, {"freezes": 2**40}, {"left_at_ms": 10**18},
    )  # fmt: skip
    for changes in bad:
        answer = await world.api.post(f"/visits/{meeting_id}/quality", FRONT, {"stays": [stay(world) | changes]})
        assert answer.status_code == 422, changes


# --- no absence by a fault ---------------------------------------------------------------------------------------


async def after_the_visit(world: World) -> tuple[str, str]:
    """A booking whose time is over: its path and meeting."""
    rule = {"kind": "absence", "amount_ore": 40000, "valid_from": "2027-01-01"}
    await world.api.made(f"/providers/{PROVIDER}/fee-rules", ADMIN, rule)
    booking = await video_booking(world)
    world.api.clock.now = world.api.clock.now + timedelta(days=7, hours=6)
    return f"/bookings/{booking['booking_id']}", booking["meeting_id"]


async def test_who_was_cut_off_is_not_absent_unless_it_is_said_why(world: World) -> None:
    path, meeting_id = await after_the_visit(world)
    await tell(world, meeting_id, aborted(world))
    assert (await world.api.get(f"/visits/{meeting_id}/quality", staff())).json()["was_cut_off"]
    for body in ({}, {"note": None}, {"note": ""}, {"note": "  "}):
        answer = await world.api.post(f"{path}/miss", PLANNER, body)
        assert answer.json()["code"] in ("technical_abort", "invalid_request"), body
    assert (await world.api.made(f"{path}/miss", PLANNER, {"note": "hung up by choice"}))["state"] == "no_show"
    async with world.services.database.reading(world.services.clock()) as transaction:
        booking = (await transaction.session.scalars(select(Booking))).one()
        assert booking.miss_note == "hung up by choice"
    told = await tell(world, meeting_id, aborted(world))
    assert told["absence"] == "as_it_was"


async def test_a_fault_that_is_told_later_takes_an_absence_and_its_fee_back(world: World) -> None:
    path, meeting_id = await after_the_visit(world)
    assert (await world.api.made(f"{path}/miss", PLANNER))["state"] == "no_show"
    assert (await world.api.get(f"{path}/fee", patient())).json()["amount_ore"] == 40000
    assert (await tell(world, meeting_id, stay(world, person="SE5555555555-K1", role="host")))["absence"] == "as_it_was"
    assert (await tell(world, meeting_id, aborted(world)))["absence"] == "taken_back"
    assert (await tell(world, meeting_id, aborted(world)))["absence"] == "as_it_was"
    assert (await world.api.get(path, patient())).json()["state"] == "booked"
    assert (await world.api.get(f"{path}/fee", patient())).json() is None
    async with world.services.database.reading(world.services.clock()) as transaction:
        kinds = (await transaction.session.scalars(select(OutboxRow.kind).order_by(OutboxRow.id))).all()
    assert kinds[-2:] == ["booking.no_show", "booking.booked"]


async def test_who_came_back_after_a_fault_can_be_absent_by_the_clock(world: World) -> None:
    path, meeting_id = await after_the_visit(world)
    await tell(world, meeting_id, aborted(world, minutes=1), stay(world, minutes=9))
    assert (await world.api.made(f"{path}/miss", PLANNER))["state"] == "no_show"


# --- a unit's figures --------------------------------------------------------------------------------------------


async def test_a_units_figures_are_told_of_many_visits_only(world: World) -> None:
    place = {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT}
    for number in range(SMALLEST_CELL):
        path = f"/units/{UNIT}/visit-quality?first=2027-03-01&last=2027-03-01"
        figures = (await world.api.get(path, staff("viewer"))).json()
        assert figures["visits"] == (0 if number == 0 else None)
        assert figures["cut_off_visits"] is None
        await tell(world, f"m-{number}", stay(world, is_technical_abort=number < 2), place=place)
    for who in (staff(), staff("viewer"), staff("unit_admin"), staff("region_admin", unit=OTHER_UNIT)):
        figures = (await world.api.get(path, who)).json()
        assert (figures["visits"], figures["cut_off_visits"], figures["stays"]) == (10, 2, 10)
        assert figures["stays_by_path"] == {"relay_udp": 10}
    other_day = f"/units/{UNIT}/visit-quality?first=2027-03-02&last=2027-03-31"
    assert (await world.api.get(other_day, staff())).json()["visits"] == 0


@pytest.mark.attack
async def test_a_units_figures_are_its_own(world: World) -> None:
    path = f"/units/{UNIT}/visit-quality?first=2027-03-01&last=2027-03-02"
    others = (
        patient(), guest(), service("quality:write"), staff("viewer", unit=OTHER_UNIT), staff(unit=OTHER_UNIT),
        staff("region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER),
    )  # fmt: skip
    for who in others:
        assert (await world.api.get(path, who)).status_code in (403, 404), who
    backwards = f"/units/{UNIT}/visit-quality?first=2027-03-02&last=2027-03-01"
    assert (await world.api.get(backwards, staff())).status_code == 422
