"""Our data as FHIR R4, held against the specification's elements and codes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.audit import AuditEntry
from auth.identity_numbers import IdentitySystem
from auth.permissions import Action
from companion.errors import CATALOGUE, NOT_LOGGED_IN, Problem
from companion.fhir import care, codes, people, scheduling
from companion.fhir.appointments import Concept, own_reason
from companion.fhir.capability import Served, capability_statement
from companion.fhir.elements import resource, searchset
from companion.fhir.outcome import RESOURCE_INVALID, issue_code, operation_outcome
from companion.fhir.search import Parameter
from companion.rules.blocks import Block, Consent, Period
from companion.rules.bookings import SLOT_TAKEN, TOO_LATE, BookingState
from companion.rules.masking import Identity, Surface, shown
from companion.rules.meeting_course import MeetingState
from companion.rules.questionnaires import Condition, Question, Questionnaire
from companion.rules.slots import SlotState
from companion.store.bookings import DOSE_BEFORE_CANCELLED, REASONS
from tests.companion.fhir_checker import check

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
ANNA, BO = "p-" + "a" * 26, "p-" + "b" * 26
UNIT, PROVIDER, NURSE = "SE5555555555-1001", "SE5555555555-0001", "SE5555555555-K1"
KIND = scheduling.TimeKind("tt-" + "a" * 26, "Besök", "video")
VISIT = scheduling.Visit(
    booking_id="bo-" + "a" * 26,
    slot_id="sl-" + "a" * 26,
    unit_hsa_id=UNIT,
    unit_name="Unit",
    patient_person_id=ANNA,
    patient_name="Anna",
    state=BookingState.BOOKED,
    starts_at=NOW,
    ends_at=NOW + timedelta(minutes=30),
    created_at=NOW - timedelta(days=1),
    kind=KIND,
)
IDENTITY = Identity("Anna", "Sjöqvist", "199005172382", date(1990, 5, 17), "female", "0180", False)
ENTRY = AuditEntry(1_800_000_000_123, NURSE, None, None, UNIT, PROVIDER, ANNA, "booking_read", "allowed", "booking:1",
                   "192.0.2.1", "r")  # fmt: skip
SMOKES = Question("smokes", "boolean", "Röker du?", "Do you smoke?")
MANY = Question("many", "integer", "Hur många?", "How many?", asked_when=Condition("smokes", "equals", True))
FORM = Questionnaire(
    (
        SMOKES,
        MANY,
        Question("kind", "choice", "Vilken sort?", "Which kind?", choices=("a", "b")),
        Question("since", "date", "Sedan när?", "Since when?", required=False),
        Question("more", "text", "Annat?", "Other?", required=False),
    ),
    (),
    30,
)


@pytest.mark.parametrize("state", BookingState)
@pytest.mark.parametrize("reason", [None, *sorted(REASONS), "something_else"])
def test_bookings_in_every_state(state: BookingState, reason: str | None) -> None:
    made = check(scheduling.appointment(replace(VISIT, state=state, cancel_reason=reason, staff_hsa_id=NURSE)))
    is_off = state in (BookingState.CANCELLED, BookingState.NO_SHOW)
    assert ("cancelationReason" in made) == (is_off and reason in REASONS)
    if "cancelationReason" in made:
        assert own_reason(Concept.model_validate(made["cancelationReason"])) == reason
    assert made["minutesDuration"] == 30


def test_a_patient_who_is_not_named_is_referred_to_without_a_name() -> None:
    actor = scheduling.appointment(replace(VISIT, patient_name=None))["participant"][0]["actor"]
    assert actor == {"reference": f"Patient/{ANNA}"}


@pytest.mark.parametrize("state", SlotState)
def test_slots_in_every_state(state: SlotState) -> None:
    one = scheduling.TimeSlot("sl-" + "a" * 26, "sc-" + "a" * 26, state, NOW, NOW + timedelta(minutes=30), KIND)
    assert check(scheduling.slot(one))["status"] in codes.VALUE_SETS["Slot.status"]


def test_who_offers_times() -> None:
    unit = scheduling.CareUnit(UNIT, PROVIDER, "Unit", "08-123 45", "Gatan 1")
    check(scheduling.organization_of_provider(scheduling.Provider(PROVIDER, "Region")))
    check(scheduling.organization_of_unit(unit))
    check(scheduling.organization_of_unit(replace(unit, phone=None, address=None, is_active=False)))
    check(scheduling.healthcare_service(unit, [KIND]))
    check(scheduling.healthcare_service(unit, []))
    book = scheduling.TimeBook("sc-" + "a" * 26, UNIT, "Tidbok")
    check(scheduling.schedule(book))
    check(scheduling.schedule(replace(book, staff_hsa_id=NURSE, begins_at=NOW, ends_at=NOW + timedelta(days=7))))
    check(scheduling.practitioner(scheduling.Employee(NURSE, "Siv", "Sjuksköterska")))
    check(scheduling.practitioner(scheduling.Employee(NURSE, "")))


@pytest.mark.parametrize(
    ("begins", "ends", "active"),
    [
        (date(2027, 3, 1), None, True),
        (date(2027, 3, 2), None, False),
        (date(2027, 1, 1), date(2027, 3, 1), True),
        (date(2027, 1, 1), date(2027, 2, 28), False),
    ],
)
def test_a_role_is_active_on_its_days(begins: date, ends: date | None, active: bool) -> None:
    role = scheduling.Employment("ro-" + "a" * 26, NURSE, UNIT, "staff", begins, ends)
    assert check(scheduling.practitioner_role(role, date(2027, 3, 1)))["active"] is active


@given(st.sampled_from(Surface), st.booleans(), st.sampled_from(["female", "male", "other", "unknown", "?"]))
def test_patients_on_every_surface(surface: Surface, is_protected: bool, sex: str) -> None:
    person = replace(IDENTITY, is_protected=is_protected, sex=sex)
    seen = shown(person, surface)
    made = check(people.patient(people.PatientData(ANNA, seen, IdentitySystem.PERSONNUMMER)))
    assert ("identifier" in made) == (seen.number is not None)
    assert ("meta" in made) == seen.is_marked
    if is_protected and surface is Surface.QUEUE:
        assert set(made) <= {"resourceType", "id", "meta", "name"}


def test_proxies() -> None:
    proxy = people.Proxy("pr-" + "a" * 26, ANNA, "guardian", "Bo", NOW, NOW + timedelta(days=1), True)
    assert check(people.related_person(proxy))["relationship"][0]["coding"][0]["code"] == "GUARD"
    check(people.related_person(replace(proxy, kind="grant", name="", is_active=False)))


def test_consents_and_blocks_end() -> None:
    given_one = Consent(PROVIDER, Period(NOW - timedelta(days=1), NOW + timedelta(days=1)))
    assert check(people.consent("co-1", ANNA, given_one, NOW))["status"] == "active"
    withdrawn = check(people.consent("co-1", ANNA, replace(given_one, withdrawn_at=NOW), NOW))
    assert withdrawn["status"] == "inactive"
    assert withdrawn["provision"]["period"]["end"] == "2027-03-01T09:00:00Z"
    lasts = Period(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    assert check(people.lifting("li-1", ANNA, UNIT, lasts, None, NOW))["provision"]["type"] == "permit"
    assert check(people.lifting("li-1", ANNA, UNIT, lasts, NOW, NOW))["status"] == "inactive"
    placed = Block(PROVIDER, UNIT, NOW)
    made = check(people.block("bl-1", ANNA, placed, NOW))
    assert (made["status"], made["provision"]["type"]) == ("active", "deny")
    assert made["provision"]["actor"][0]["reference"]["reference"] == f"Organization/{UNIT}"
    assert check(people.block("bl-1", ANNA, replace(placed, lifted_at=NOW), NOW))["status"] == "inactive"


def test_a_questionnaire_and_its_answers() -> None:
    made = check(care.questionnaire("qv-1", "fo-1", 2, "Hälsa", "published", FORM))
    assert (made["url"], made["version"]) == ("urn:alltid-oppet:questionnaire:fo-1", "2")
    assert made["item"][1]["enableWhen"] == [{"question": "smokes", "operator": "=", "answerBoolean": True}]
    declaration = care.Declaration(
        "de-1", "fo-1", 2, ANNA, NOW, {"smokes": True, "many": 3, "kind": "a", "since": "2020-01-01", "more": "nej"}
    )
    answered = check(care.questionnaire_response(FORM, declaration))
    assert answered["questionnaire"] == "urn:alltid-oppet:questionnaire:fo-1|2"
    values = [item["answer"][0] for item in answered["item"]]
    assert values == [
        {"valueBoolean": True},
        {"valueInteger": 3},
        {"valueCoding": {"system": "urn:alltid-oppet:answer", "code": "a"}},
        {"valueDate": "2020-01-01"},
        {"valueString": "nej"},
    ]
    few = care.Declaration("de-2", "fo-1", 2, ANNA, NOW, {"smokes": False}, is_amended=True)
    assert [item["linkId"] for item in check(care.questionnaire_response(FORM, few))["item"]] == ["smokes"]
    assert values[0] == {"valueBoolean": True}


LEAVES = (Condition("smokes", "answered"), Condition("many", "at_least", 10))


@pytest.mark.parametrize(
    ("condition", "count", "is_required"),
    [
        (Condition(join="any", parts=LEAVES), 2, True),
        (Condition(join="all", parts=LEAVES), 2, True),
        (Condition(join="none", parts=LEAVES), 0, False),
        (Condition(join="all", parts=(Condition(join="any", parts=LEAVES), LEAVES[0])), 0, False),
    ],
)
def test_what_fhir_cannot_say_is_always_shown_and_not_required(
    condition: Condition, count: int, is_required: bool
) -> None:
    asked = Question("extra", "text", "Mer?", "More?", asked_when=condition)
    form = replace(FORM, questions=(*FORM.questions, asked))
    item = check(care.questionnaire("qv-1", "fo-1", 1, "Hälsa", "draft", form))["item"][-1]
    assert len(item.get("enableWhen", [])) == count
    assert item["required"] is is_required
    assert item.get("enableBehavior") == (condition.join if count else None)


@pytest.mark.parametrize("meeting", MeetingState)
@pytest.mark.parametrize("booking", BookingState)
def test_video_visits_in_every_state(booking: BookingState, meeting: MeetingState) -> None:
    visit = care.VideoVisit("m-" + "a" * 26, UNIT, ANNA, booking, meeting, NOW, None, VISIT.booking_id, (NURSE,))
    made = check(care.encounter(visit))
    assert made["class"]["code"] == "VR"
    assert made["period"] == {"start": "2027-03-01T09:00:00Z"}


@pytest.mark.parametrize(
    ("booking", "meeting", "status"),
    [
        ("booked", "open", "planned"),
        ("arrived", "open", "arrived"),
        ("arrived", "in_progress", "in-progress"),
        ("fulfilled", "ended", "finished"),
        ("fulfilled", "planned", "finished"),  # staff marked it by hand
        ("no_show", "aborted_technical", "unknown"),  # a fault is never an absence
        ("no_show", "no_show", "cancelled"),
        ("cancelled", "ended", "cancelled"),
    ],
)
def test_what_became_of_a_video_visit(booking: str, meeting: str, status: str) -> None:
    visit = care.VideoVisit("m-1", UNIT, ANNA, BookingState(booking), MeetingState(meeting))
    assert care.encounter(visit)["status"] == status


def test_messages() -> None:
    files = (("bild.png", "image/png", 5),)
    sent = care.Message("case-a_b", 3, "Fråga", ANNA, UNIT, NOW, True, "Anna", "Hej", files, notes=((NOW, "Nej"),))
    made = check(care.communication(sent))
    assert made["id"] == "case-a.b.3"
    assert (made["sender"], made["recipient"]) == (
        {"reference": f"Patient/{ANNA}"},
        [{"reference": f"Organization/{UNIT}"}],
    )
    assert [list(part) for part in made["payload"]] == [["contentString"], ["contentAttachment"]]
    assert made["note"][0]["text"] == "Nej"
    answered = check(care.communication(replace(sent, is_patients=False, author_name="Nina", files=(), text="")))
    assert answered["sender"] == {"reference": f"Organization/{UNIT}", "display": "Nina"}
    withdrawn = check(care.communication(replace(sent, is_withdrawn=True)))
    assert (withdrawn["status"], "payload" in withdrawn) == ("entered-in-error", False)
    assert "Hej" not in repr(sent)


@pytest.mark.parametrize("action", [*Action, "no_longer_known"])
@pytest.mark.parametrize("outcome", ["allowed", "refused", "failed"])
def test_audit_entries_of_every_action(action: str, outcome: str) -> None:
    entry = replace(ENTRY, action=str(action), outcome=outcome)  # type: ignore[arg-type]
    made = check(care.audit_event(7, entry))
    assert made["recorded"] == "2027-01-15T08:00:00.123Z"
    assert made["outcome"] in codes.VALUE_SETS["AuditEvent.outcome"]


@pytest.mark.parametrize(
    ("action", "code"),
    [(Action.BOOKING_READ, "R"), (Action.BOOKING_CREATE, "C"), (Action.BOOKING_CANCEL, "U"), (Action.SESSION_END, "E")],
)
def test_what_was_done_in_the_audit_log(action: Action, code: str) -> None:
    assert care.audit_event(1, replace(ENTRY, action=action))["action"] == code


def test_who_did_it_in_the_audit_log() -> None:
    acted = check(care.audit_event(1, replace(ENTRY, actor=BO, on_behalf_of=ANNA, unit=None, address=None)))
    assert acted["agent"][0]["who"] == {"reference": f"Patient/{BO}"}
    assert acted["agent"][1] == {"who": {"reference": f"Patient/{ANNA}"}, "requestor": False}
    program = check(care.audit_event(1, replace(ENTRY, actor="record-system", patient=None, resource=None)))
    assert program["agent"][0]["who"]["identifier"]["value"] == "record-system"
    assert care.audit_event(1, ENTRY)["agent"][0]["who"]["identifier"]["system"] == "urn:oid:1.2.752.29.4.19"


def test_tables_hold_only_codes_of_their_value_sets() -> None:
    assert set(codes.APPOINTMENT_STATUS) == set(BookingState)
    assert set(codes.SLOT_STATUS) == set(SlotState)
    assert set(codes.ENCOUNTER_STATUS) == set(MeetingState)
    assert set(codes.ENCOUNTER_STATUS_BY_BOOKING) == set(BookingState)
    assert set(codes.ENCOUNTER_STATUS_BY_BOOKING.values()) <= codes.VALUE_SETS["Encounter.status"]
    assert set(codes.CANCEL_REASONS) == {*REASONS, DOSE_BEFORE_CANCELLED}
    for table, bound in (
        (codes.APPOINTMENT_STATUS, "Appointment.status"),
        (codes.SLOT_STATUS, "Slot.status"),
        (codes.ENCOUNTER_STATUS, "Encounter.status"),
        (codes.QUESTIONNAIRE_STATUS, "Questionnaire.status"),
        (codes.AUDIT_OUTCOME, "AuditEvent.outcome"),
    ):
        assert set(table.values()) <= codes.VALUE_SETS[bound]
    assert set(codes.CANCEL_REASONS.values()) <= codes.SYSTEM_CODES[codes.CANCELLATION_REASON]


@pytest.mark.parametrize(("system", "code"), [(codes.ACT_CODE, "NOPE"), ("http://elsewhere", "VR")])
def test_unknown_codes_do_not_leave(system: str, code: str) -> None:
    with pytest.raises(ValueError, match="not known"):
        codes.coding(system, code)


def test_neither_do_unknown_states_nor_ids() -> None:
    with pytest.raises(ValueError, match=r"Slot\.status"):
        resource("Slot", "s", status="gone")
    for bad in ("", "a b", "ö", "x" * 65):
        with pytest.raises(ValueError, match="id of FHIR"):
            resource("Slot", bad, status="free")


def test_what_the_server_says_it_can_do() -> None:
    served = [
        Served("Slot", ("read", "search-type"), (Parameter("start", "date"), Parameter("schedule", "reference"))),
        Served("Appointment", ("patch", "update", "read", "create"), (), "Create books; status cancelled cancels."),
    ]
    made = check(capability_statement(served, published=date(2027, 3, 1), version="1", url="https://x.test/fhir"))
    assert made["fhirVersion"] == "4.0.1"
    appointment, slot = made["rest"][0]["resource"]
    assert (appointment["type"], slot["type"]) == ("Appointment", "Slot")
    assert [one["code"] for one in appointment["interaction"]] == ["read", "create", "update", "patch"]
    assert (appointment["versioning"], slot["versioning"]) == ("versioned-update", "no-version")


def test_search_results_and_errors() -> None:
    slot = scheduling.slot(scheduling.TimeSlot("sl-1", "sc-1", SlotState.FREE, NOW, NOW + timedelta(minutes=5), KIND))
    here = "https://x.test/fhir/Slot?start=2027"
    bundle = check(searchset("https://x.test/fhir", here, [slot], total=7, next_url=here + "&_offset=1"))
    assert bundle["total"] == 7
    assert [one["relation"] for one in bundle["link"]] == ["self", "next"]
    assert bundle["entry"][0]["fullUrl"] == "https://x.test/fhir/Slot/sl-1"
    check(searchset("https://x.test/fhir", "https://x.test/fhir/Slot", []))


def test_every_kind_of_problem_is_an_issue_of_fhir() -> None:
    for kind in CATALOGUE.values():
        made = check(operation_outcome(Problem(kind, "Appointment.slot", "why"), "en"))
        assert made["issue"][0]["details"] == {
            "coding": [{"system": "urn:alltid-oppet:problem", "code": kind.code}],
            "text": kind.en,
        }
        assert made["issue"][0]["diagnostics"] == "why"
    for kind, code in ((SLOT_TAKEN, "conflict"), (TOO_LATE, "business-rule"), (NOT_LOGGED_IN, "login")):
        assert operation_outcome(Problem(kind), "sv")["issue"][0]["code"] == code
    for detail, code in (("missing", "required"), ("literal_error", "code-invalid"), ("int_parsing", "structure")):
        assert operation_outcome(Problem(RESOURCE_INVALID, "x", detail), "sv")["issue"][0]["code"] == code
    for status in (418, 507):
        assert issue_code(status, "unheard_of") in codes.VALUE_SETS["OperationOutcome.issue.code"]


def test_a_taken_slot_tells_the_nearest_ones() -> None:
    nearest = {"alternatives": [{"slot_id": "sl-1"}, {"slot_id": "sl-2"}]}
    made = check(operation_outcome(Problem(SLOT_TAKEN, extra=nearest), "sv"))
    assert made["issue"][1] == {
        "severity": "information",
        "code": "informational",
        "diagnostics": "Slot/sl-1 Slot/sl-2",
    }


def test_nothing_of_a_person_is_shown_by_accident() -> None:
    assert "Anna" not in repr(people.PatientData(ANNA, shown(IDENTITY, Surface.OWN), IdentitySystem.PERSONNUMMER))
    assert "True" not in repr(care.Declaration("d", "f", 1, ANNA, NOW, {"smokes": True}))
