"""A patient's record across units and care providers: every combination of wishes and care, and what is never told."""

import itertools
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from companion.models.access import BlockLifting, EmergencyOpening, RecordBlock, RecordConsent, RegisteredRelation
from companion.models.bookings import Booking
from companion.rules.blocks import (
    Block,
    CareRelation,
    Consent,
    EmergencyAccess,
    Lifting,
    Period,
    Place,
    Reader,
    Situation,
    access,
)
from companion.services import Services, new_id
from companion.transaction import Transaction
from tests.companion.people import (
    ANNA,
    BO,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    PROVIDER,
    START,
    UNIT,
    Api,
    VirtualClock,
    patient,
    staff,
)
from tests.companion.store.test_retention import visit
from tests.companion.world import World, add_slots, build, person

DOCTOR = staff()
FOREIGNER = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER, actor="SE5566778899-K9")
DAY = timedelta(days=1)
PLACES = {"own": (PROVIDER, UNIT), "next": (PROVIDER, OTHER_UNIT), "far": (OTHER_PROVIDER, FOREIGN_UNIT)}
BLOCKS = {
    "none": None,
    "next_unit": (PROVIDER, OTHER_UNIT),
    "own_provider": (PROVIDER, None),
    "far": (OTHER_PROVIDER, None),
    "far_unit": (OTHER_PROVIDER, FOREIGN_UNIT),
}
EMERGENCIES = {"none": (), "everybody": (None,), "far": (OTHER_PROVIDER,), "own": (PROVIDER,)}


@dataclass
class Case:
    """One combination, and who is treated and asks for what in it."""

    is_treated: bool
    is_agreed: bool
    is_lifted: bool
    block: str
    emergency: str
    person_id: str = ""
    bookings: dict[str, str] = field(default_factory=dict)

    def expected(self, place: str) -> str:
        """A basis or a hindrance, written down a second time and in another way than the rules are."""
        if place == "own":
            return "own_unit"
        provider = PLACES[place][0]
        if not self.is_treated:
            usual = "no_care_relation"
        elif not self.is_lifted and (place, self.block) in {("next", "next_unit"), ("far", "far"), ("far", "far_unit")}:
            usual = "blocked"
        elif place == "far":
            usual = "consent" if self.is_agreed else "no_consent"
        else:
            usual = "own_provider"
        is_open = usual in ("consent", "own_provider")
        return "emergency" if not is_open and {None, provider} & set(EMERGENCIES[self.emergency]) else usual


def name_of(number: int) -> str:
    return "p-" + "".join("klmnopqrst"[int(digit)] for digit in f"{number:026d}")


async def store(transaction: Transaction, case: Case, number: int, slots: dict[str, tuple[str, str]]) -> None:
    session, now = transaction.session, transaction.now
    case.person_id = name_of(number)
    session.add(person(case.person_id, date(1980, 1, 1), number=f"1980010{number:05d}"))
    await session.flush()
    for place, (slot_id, time_type_id) in slots.items():
        provider, unit = PLACES[place]
        case.bookings[place] = new_id("bk")
        session.add(
            Booking(
                booking_id=case.bookings[place],
                slot_id=slot_id,
                provider_hsa_id=provider,
                unit_hsa_id=unit,
                time_type_id=time_type_id,
                patient_person_id=case.person_id,
                booked_by="x",
                state="cancelled",  # no care relation follows from it
                starts_at=now,
                ends_at=now,
                created_at=now,
                changed_at=now,
            )
        )
    whose: dict[str, Any] = {"patient_person_id": case.person_id}
    here: dict[str, Any] = whose | {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT}
    until: dict[str, Any] = {"begins_at": now - DAY, "ends_at": now + DAY}
    if case.is_treated:
        session.add(RegisteredRelation(relation_id=new_id("cr"), **here, **until, reason_text="x", registered_by="x"))
    if case.is_agreed:
        consent = {"provider_hsa_id": PROVIDER, "given_by": "patient", "recorded_by": "x", "recorded_at": now}
        session.add(RecordConsent(consent_id=new_id("co"), **whose, **until, **consent))
    if case.is_lifted:
        session.add(BlockLifting(lifting_id=new_id("li"), **here, **until, recorded_by="x"))
    block = BLOCKS[case.block]
    if block is not None:
        row = RecordBlock(block_id=new_id("bl"), **whose, provider_hsa_id=block[0], unit_hsa_id=block[1], since=now)
        row.set_by = "x"
        session.add(row)
    for provider_or_all in EMERGENCIES[case.emergency]:
        session.add(
            EmergencyOpening(
                access_id=new_id("em"),
                staff_hsa_id=DOCTOR.actor,
                **here,
                **until,
                data_provider_hsa_id=provider_or_all,
                reason="life_or_health",
                reason_text="x",
                review_due_at=now,
            )
        )


async def slots_of(api: Api, world: World) -> dict[str, tuple[str, str]]:
    found = {"own": (world.slots[0]["slot_id"], world.time_type_id)}
    for place, unit in (("next", OTHER_UNIT), ("far", FOREIGN_UNIT)):
        kind, _, slots = await add_slots(api, unit=unit)
        found[place] = (slots[0]["slot_id"], kind)
    return found


BOTH = (True, False)


def situation_of(case: Case) -> Situation:
    around, here = Period(START - DAY, START + DAY), Place(PROVIDER, UNIT)
    block = BLOCKS[case.block]
    return Situation(
        blocks=() if block is None else (Block(*block, START),),
        consents=(Consent(PROVIDER, around),) if case.is_agreed else (),
        relations=(CareRelation(here, around),) if case.is_treated else (),
        emergencies=tuple(EmergencyAccess(DOCTOR.actor, here, whose, around) for whose in EMERGENCIES[case.emergency]),
        liftings=(Lifting(here, around),) if case.is_lifted else (),
    )


@pytest.mark.parametrize("place", PLACES)
def test_the_rules_say_the_same_of_all_combinations(place: str) -> None:
    for one in itertools.product(BOTH, BOTH, BOTH, BLOCKS, EMERGENCIES):
        case = Case(*one)
        decided = access(Reader(DOCTOR.actor, Place(PROVIDER, UNIT)), Place(*PLACES[place]), situation_of(case), START)
        assert (decided.basis or decided.hindrance) == case.expected(place), case


async def test_the_api_holds_them(api: Api, services: Services, world: World) -> None:
    """Each pair of what is stored; the rest of the combinations differ in the rules alone."""
    few = itertools.product(BOTH, BOTH, BOTH, ("none", "next_unit", "far"), ("none", "everybody"))
    cases = [Case(*one) for one in few]
    cases += [Case(True, False, False, "far_unit", "far"), Case(True, True, False, "own_provider", "own")]
    slots = await slots_of(api, world)
    async with services.database.transaction(services.clock()) as transaction:
        for number, case in enumerate(cases):
            await store(transaction, case, number, slots)
    for case in cases:
        record = (await api.get(f"/patients/{case.person_id}/record", DOCTOR)).json()
        expected = {place: case.expected(place) for place in PLACES}
        is_open = {place for place, one in expected.items() if one not in ("no_care_relation", "no_consent", "blocked")}
        shown = {one["item_id"]: one["basis"] for one in record["items"]}
        assert shown == {case.bookings[place]: expected[place] for place in is_open}, case
        assert record["is_something_blocked"] == ("blocked" in expected.values()), case
        assert record["needs_consent"] == ("no_consent" in expected.values()), case
        is_emergency = case.emergency != "none"
        assert record["needs_care_relation"] == (not case.is_treated and not is_emergency), case
        for place in ("next", "far"):
            booking_id = case.bookings[place]
            answer = await api.get(f"/patients/{case.person_id}/record/booking/{booking_id}", DOCTOR)
            if place in is_open:
                assert (answer.status_code, answer.json()["basis"]) == (200, expected[place]), case
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, expected[place]), case
        # The whole of another care provider: what is needed is said; that something there is blocked is not.
        far = await api.get(f"/patients/{case.person_id}/record?provider_hsa_id={OTHER_PROVIDER}", DOCTOR)
        if far.status_code == 200:
            bookings = [one["item_id"] for one in far.json()["items"]]
            assert bookings == ([case.bookings["far"]] if "far" in is_open else []), case
            assert far.json()["is_something_blocked"] == record["is_something_blocked"]
        else:
            wanted = "no_care_relation" if not case.is_treated else "no_consent"
            assert (far.status_code, far.json()["code"]) == (403, wanted), case
            assert "far" not in is_open


async def visited(api: Api, world: World, index: int = 0) -> str:
    made = await api.made("/bookings", patient(), {"slot_id": world.slots[index]["slot_id"]})
    return str(made["booking_id"])


async def test_care_makes_the_relation_and_it_ends_some_time_after(api: Api, services: Services, world: World) -> None:
    _, _, slots = await add_slots(api, unit=OTHER_UNIT)
    await visited(api, world)
    elsewhere = await api.made("/bookings", patient(), {"slot_id": slots[5]["slot_id"]})
    path = f"/patients/{ANNA}/record"
    record = (await api.get(path, DOCTOR)).json()
    assert {one["basis"] for one in record["items"]} == {"own_unit", "own_provider"}
    assert record["items"][0]["fields"]["what"] == "Besök"
    api.clock.advance(days=7 + 180, hours=3)
    record = (await api.get(path, DOCTOR)).json()
    assert [one["basis"] for one in record["items"]] == ["own_unit"]
    assert record["needs_care_relation"] is True
    answer = await api.get(f"{path}/booking/{elsewhere['booking_id']}", DOCTOR)
    assert (answer.status_code, answer.json()["code"]) == (403, "no_care_relation")


async def test_without_care_nothing_is_told_of_anybody(api: Api, world: World) -> None:
    await visited(api, world)
    answers = [await api.get(f"/patients/{who}/record", FOREIGNER) for who in (ANNA, BO)]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "no_care_relation")] * 2
    assert answers[0].json() == answers[1].json()
    for item in ("bk-" + "a" * 26, "xx-" + "b" * 26):
        answer = await api.get(f"/patients/{ANNA}/record/booking/{item}", FOREIGNER)
        assert answer.json()["code"] == "no_care_relation"
    (refused, *_) = (await api.get("/looks", patient())).json()["looks"]
    assert (refused["action"], refused["outcome"], refused["unit_name"]) == ("record_read", "refused", "Unit 2001")


async def test_the_patient_sees_whose_data_were_read_on_what_ground(api: Api, services: Services, world: World) -> None:
    await visited(api, world)
    end = (START + DAY).isoformat()
    relation = {"patient_person_id": ANNA, "ends_at": end, "reason_text": "Inskickad med ambulans"}
    await api.made("/care-relations", FOREIGNER, relation)
    assert (await api.get(f"/patients/{ANNA}/record", FOREIGNER)).json()["needs_consent"] is True
    await api.made("/record-consents", FOREIGNER, {"patient_person_id": ANNA, "ends_at": end})
    record = (await api.get(f"/patients/{ANNA}/record", FOREIGNER)).json()
    assert [one["basis"] for one in record["items"]] == ["consent"]
    events = (await api.get("/fhir/AuditEvent", patient())).json()
    named = [
        entity["what"]["identifier"]["value"]
        for one in events["entry"]
        for entity in one["resource"]["entity"]
        if "identifier" in entity["what"]
    ]
    assert f"record_of:{UNIT}:consent" in named


async def test_an_emergency_shows_what_is_blocked_until_it_is_over(api: Api, services: Services, world: World) -> None:
    await visited(api, world)
    await api.made("/blocks", patient(), {"provider_hsa_id": PROVIDER})
    path = f"/patients/{ANNA}/record"
    opened = await api.made(
        "/emergency-accesses",
        FOREIGNER,
        {"patient_person_id": ANNA, "reason": "life_or_health", "reason_text": "Medvetslös på akuten"},
    )
    record = (await api.get(path, FOREIGNER)).json()
    assert ([one["basis"] for one in record["items"]], record["is_something_blocked"]) == (["emergency"], False)
    colleague = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER, actor="SE5566778899-K8")
    assert (await api.get(path, colleague)).status_code == 403
    await api.made(f"/emergency-accesses/{opened['access_id']}/close", FOREIGNER)
    assert (await api.get(path, FOREIGNER)).json()["code"] == "no_care_relation"


async def test_a_protected_identity_is_marked_for_whoever_opens_the_record(
    api: Api, services: Services, world: World
) -> None:
    await api.made("/bookings", patient(BO), {"slot_id": world.slots[0]["slot_id"]})
    record = (await api.get(f"/patients/{BO}/record", DOCTOR)).json()
    assert (record["patient"]["is_marked"], record["patient"]["name"]) == (True, "Test bbbb")


async def test_all_kinds_are_in_it(api: Api, services: Services) -> None:
    world = await build(api, services)
    scheduler = staff("scheduler")
    vaccines = {"vaccines": [{"vaccine": "covid-19"}]}
    await api.ask("PUT", f"/time-types/{world.time_type_id}/vaccines", scheduler, vaccines)
    booking = await visited(api, world)
    api.clock.advance(days=7, minutes=30)
    await api.made(f"/bookings/{booking}/doses", DOCTOR, {"vaccine": "covid-19", "batch": "AB-1"})
    second = await api.made("/bookings", patient(), {"slot_id": world.slots[19]["slot_id"]})
    draft = await api.made("/summons/timed", DOCTOR, {"booking_id": second["booking_id"], "title": "Återbesök"})
    kinds = {one["kind"] for one in (await api.get(f"/patients/{ANNA}/record", DOCTOR)).json()["items"]}
    assert kinds == {"booking", "dose"}
    await api.made(f"/summons/{draft['summons_id']}/send", DOCTOR)
    items = (await api.get(f"/patients/{ANNA}/record", DOCTOR)).json()["items"]
    assert {one["kind"] for one in items} == {"booking", "dose", "summons"}
    for one in items:
        path = f"/patients/{ANNA}/record/{one['kind']}/{one['item_id']}"
        assert (await api.get(path, DOCTOR)).json() == one
    assert (await api.get(f"/patients/{ANNA}/record/secret/{items[0]['item_id']}", DOCTOR)).status_code == 404


async def test_doses_given_elsewhere_are_shown_at_the_visit_as_far_as_they_are_open(
    api: Api, services: Services, world: World
) -> None:
    vaccines = {"vaccines": [{"vaccine": "covid-19"}]}
    await api.ask("PUT", f"/time-types/{world.time_type_id}/vaccines", staff("scheduler"), vaccines)
    booking = await visited(api, world)
    _, _, slots = await add_slots(api, unit=FOREIGN_UNIT)
    there = await api.made("/bookings", patient(), {"slot_id": slots[5]["slot_id"]})
    api.clock.advance(days=7, minutes=30)
    await api.made(f"/bookings/{booking}/doses", DOCTOR, {"vaccine": "covid-19", "batch": "AB-1"})
    path = f"/bookings/{there['booking_id']}/doses"
    answer = await api.get(path, FOREIGNER)
    assert (answer.json(), answer.headers["Record-Withheld"]) == ([], "true")
    consent = {"provider_hsa_id": OTHER_PROVIDER, "ends_at": (api.clock.now + DAY).isoformat()}
    await api.made("/record-consents", patient(), consent)
    answer = await api.get(path, FOREIGNER)
    assert ([one["batch"] for one in answer.json()], "Record-Withheld" in answer.headers) == (["AB-1"], False)
    assert [one["batch"] for one in (await api.get(f"/bookings/{booking}/doses", DOCTOR)).json()] == ["AB-1"]


@pytest.mark.attack
async def test_the_record_is_for_clinicians(api: Api, world: World) -> None:
    await visited(api, world)
    for who in (patient(), staff("viewer"), staff("scheduler"), staff("region_admin"), staff("sre")):
        assert (await api.get(f"/patients/{ANNA}/record", who)).status_code == 403
    assert (await api.get(f"/patients/p-{'z' * 26}/record", DOCTOR)).status_code == 404


# --- video visits ------------------------------------------------------------------------------------------------


async def test_a_video_visit_that_took_place_makes_a_care_relation(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    await build(api, services)
    clock.advance(hours=2)
    path = f"/patients/{ANNA}/record"
    async with services.database.transaction(clock()) as transaction:
        transaction.session.add(visit(1, role="participant"))
        transaction.session.add(visit(2, role="host", person="SE5555555555-K1", connected_at=None))
        transaction.session.add(visit(3, role="guest", person=None))
    assert (await api.get(path, DOCTOR)).json()["code"] == "no_care_relation"  # nobody of the unit got through
    async with services.database.transaction(clock()) as transaction:
        transaction.session.add(visit(4, role="host", person="SE5555555555-K1"))
    found = (await api.get(path, DOCTOR)).json()
    assert not found["needs_care_relation"]
    [item] = found["items"]
    assert (item["kind"], item["item_id"], item["basis"]) == ("video_visit", "meeting-1", "own_unit")
    assert (await api.get(f"{path}/video_visit/meeting-1", DOCTOR)).status_code == 200
    for stranger in (staff(unit=OTHER_UNIT), FOREIGNER):
        assert (await api.get(path, stranger)).status_code == 403
