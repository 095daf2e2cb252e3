"""Extracts through the API: ordered, made in the background, fetched by who ordered them, expired."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from companion.models import Base
from companion.models.audit_review import LookQuestion
from companion.models.bookings import Booking, BookingFee, FeeRuleRow
from companion.models.people import Person
from companion.models.proxies import GuardianInvitation, ProxyGrant
from companion.models.schedules import ReserveEntry
from companion.models.summons import Letter, Summons, SummonsAttachment
from companion.services import Services
from companion.store import extract_parts, extracts
from companion.store.extracts import LEASE, make_extracts
from tests.companion.archived import NOTES, NURSE, message, put_transcript, with_file
from tests.companion.people import (
    ANNA,
    BO,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    PROVIDER,
    UNIT,
    Api,
    VirtualClock,
    patient,
    proxy,
    staff,
)
from tests.companion.store.test_retention import visit
from tests.companion.world import build

COLLEAGUE = staff(actor="SE5555555555-K2")


async def lived(api: Api, services: Services) -> None:
    """Anna has a booking, a case, a visit, and Bo (whose identity is protected) as her proxy."""
    world = await build(api, services)
    await api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    await put_transcript(
        api,
        [
            message(1, "Min fråga"),
            message(2, "Annas återtagna"),
            message(3, "Om en annan patient", author=NURSE),
            with_file(4),
            message(5, kind="withdrawal", target=2, body={}),
            message(6, kind="withdrawal", target=3, author=NURSE, body={}),
        ],
    )
    await put_transcript(api, [message(1, "Intern anteckning", author=NURSE)], NOTES)
    await put_transcript(
        api,
        [message(1, "Hos en annan vårdgivare")],
        "case-other",
        provider_hsa_id=OTHER_PROVIDER,
        unit_hsa_id=FOREIGN_UNIT,
    )
    now = services.clock()
    async with services.database.transaction(now) as transaction:
        transaction.session.add(visit())
        grant = {"patient_person_id": ANNA, "proxy_person_id": BO, "scopes": ["book"], "granted_at": now}
        transaction.session.add(ProxyGrant(grant_id="grant-1", valid_until=now + timedelta(days=9), **grant))
        bo = await transaction.session.get_one(Person, BO)
        bo.given_name, bo.family_name = "Bosse", "Hemlig"


async def make(services: Services) -> int:
    return await make_extracts(services.database, services.clock, services.settings)


async def made(api: Api, services: Services, who: Any = None, **body: Any) -> dict[str, Any]:
    """Ordered and made; its content."""
    who = who or patient()
    ordered = await api.made("/export", who, body)
    assert ordered["state"] == "queued"
    assert await make(services) == 1
    shown = (await api.get(f"/export/{ordered['extract_id']}", who)).json()
    assert (shown["state"], shown["parts_done"]) == ("ready", shown["parts"])
    answer = await api.get(f"/export/{ordered['extract_id']}/json", who)
    assert answer.status_code == 200, answer.text
    return {**answer.json(), "id": ordered["extract_id"], "text": answer.text}


async def test_everything_about_the_patient_is_in_it(api: Api, services: Services) -> None:
    await lived(api, services)
    content = await made(api, services)
    parts = content["parts"]
    assert parts["person"][0]["identity_number"] == "199005172382"
    assert {item["kind"] for item in parts["record"]} == {"booking", "case"}
    texts = [item.get("text") for item in parts["messages"]]
    assert {"Min fråga", "Annas återtagna", "Hos en annan vårdgivare"} <= set(texts)
    assert "Om en annan patient" not in content["text"]
    assert parts["visits"][0]["freezes"] == 2
    assert parts["proxies"][0]["counterpart"] == "Deltagare"
    assert {look["action"] for look in parts["looks"]} >= {"booking_create", "archive_write", "extract_order"}
    for secret in ("Bosse", "Hemlig", BO, "194001022396", NURSE):
        assert secret not in content["text"], secret


@pytest.mark.attack
async def test_a_patients_extract_has_no_internal_notes_and_says_so(api: Api, services: Services) -> None:
    await lived(api, services)
    await put_transcript(api, [with_file(2, "att-" + "9" * 32)], NOTES)
    own = await made(api, services)
    assert "Intern anteckning" not in own["text"]
    assert not any(str(item["kind"]).startswith("notes_") for item in own["parts"]["messages"])
    assert "efter prövning" in own["left_out"]["sv"]
    assert "after a review" in own["left_out"]["en"]
    pdf = await api.get(f"/export/{own['id']}/pdf", patient())
    shown = " ".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf.content)).pages).split())
    assert own["left_out"]["sv"] in shown
    assert "Min fråga" in shown
    assert "Intern anteckning" not in shown
    of_unit = await made(api, services, staff(), patient_person_id=ANNA)  # who look through it, and give it out
    assert "Intern anteckning" in of_unit["text"]
    assert "left_out" not in of_unit


async def asked_and_charged(api: Api, services: Services) -> None:
    """Anna has a fee, a place on a reserve list, an invitation, a letter, an attachment, a question about a look."""
    now = services.clock()
    async with services.database.transaction(now) as transaction:
        session = transaction.session
        booking = (await session.scalars(select(Booking))).one()
        rule = {"provider_hsa_id": PROVIDER, "kind": "absence", "amount_ore": 20000, "valid_from": now.date()}
        session.add(FeeRuleRow(rule_id="rule-1", **rule))
        await session.flush()
        fee = {"kind": "absence", "amount_ore": 20000, "charged_at": now, "excused_by": NURSE, "excuse": "Ursäktad"}
        session.add(BookingFee(booking_id=booking.booking_id, rule_id="rule-1", **fee))
        place = {"unit_hsa_id": UNIT, "provider_hsa_id": PROVIDER, "time_type_id": booking.time_type_id}
        session.add(ReserveEntry(entry_id="entry-1", patient_person_id=ANNA, state="waiting", joined_at=now, **place))
        asked = {"teenager_person_id": ANNA, "asked_by": NURSE, "asked_at": now, "consents": True, "answered_at": now}
        session.add(GuardianInvitation(invitation_id="invitation-1", booking_id=booking.booking_id, **asked))
        summons = {
            "patient_person_id": ANNA, "kind": "open", "answer_until": now, "state": "sent", "created_by": NURSE,
            "created_at": now, "sent_at": now, "title": "Kallelse", "preparation": "", "may_confirm": True,
            "may_rebook": False, "may_decline": False,
        }  # fmt: skip
        session.add(Summons(summons_id="summons-1", **place, **summons))
        await session.flush()
        attached = {"name": "Karta.pdf", "size_bytes": 3, "added_by": NURSE, "added_at": now, "content": b"%PDF-secret"}
        session.add(SummonsAttachment(attachment_id="attached-1", summons_id="summons-1", **attached))
        letter = {"unit_hsa_id": UNIT, "reason": "no_account", "state": "queued", "queued_at": now}
        session.add(Letter(letter_id="letter-1", summons_id="summons-1", **letter))
        question = {"chain": "companion", "number": 1, "actor": NURSE, "provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT}
        answer = {"text": "Varför?", "asked_at": now, "answer": "Inför besöket.", "answered_by": NURSE}
        session.add(LookQuestion(question_id="question-1", patient_person_id=ANNA, **question, **answer))


async def test_what_was_charged_asked_and_sent_on_paper_is_in_it(api: Api, services: Services) -> None:
    await lived(api, services)
    await asked_and_charged(api, services)
    for who, body in ((patient(), {}), (staff(), {"patient_person_id": ANNA})):
        parts = (content := await made(api, services, who, **body))["parts"]
        assert (parts["fees"][0]["amount_ore"], parts["fees"][0]["excuse"]) == (20000, "Ursäktad")
        assert parts["reserve_list"][0]["state"] == "waiting"
        assert parts["guardian_invitations"][0]["consents"] is True
        assert parts["summons_attachments"][0]["name"] == "Karta.pdf"
        assert parts["letters"][0]["reason"] == "no_account"
        assert [parts["look_questions"][0][name] for name in ("text", "answer")] == ["Varför?", "Inför besöket."]
        assert "secret" not in content["text"]
        assert NURSE not in content["text"]
    elsewhere = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER, actor="SE5566778899-K9")
    parts = (await made(api, services, elsewhere, patient_person_id=ANNA))["parts"]
    for name in ("fees", "reserve_list", "guardian_invitations", "summons_attachments", "letters", "look_questions"):
        assert parts[name] == [], name


NOT_IN_EXTRACTS = {
    "calendar_feed": "A digest of a secret address.",
    "custody": "Of the register, which the patient asks where it is kept.",
    "custody_answer": "The same.",
    "extract": "The extracts themselves.",
    "legal_hold": "May be about a case against the patient; it is told by who placed it.",
    "slot_hold": "For minutes.",
}
WITHIN = {
    "audit_entry": "looks", "archived_conversation": "messages", "booking": "record", "declaration": "record",
    "front_audit_entry": "looks", "given_dose": "record", "summons": "record", "visit_quality": "visits",
    "person": "person", "person_reach": "reach", "guardianship": "proxies", "proxy_grant": "proxies",
    "guardian_invitation": "guardian_invitations", "record_block": "blocks", "block_lifting": "block_liftings",
    "record_consent": "consents", "care_relation": "care_relations", "emergency_access": "emergency_accesses",
    "correction": "corrections", "pregnancy": "pregnancies", "offer": "offers", "offer_opt_out": "offer_opt_outs",
    "risk_group_member": "risk_groups", "reserve_entry": "reserve_list", "look_question": "look_questions",
    "booking_participant": "participants",
}  # fmt: skip


def test_every_table_that_names_a_patient_is_in_a_part_or_left_out_for_a_reason() -> None:
    columns = re.compile(r"(patient|child|guardian|proxy|teenager|subject)?_?person_id|patient|holder")
    named = {
        table.name
        for table in Base.metadata.tables.values()
        if any(columns.fullmatch(one.name) for one in table.columns)
    }
    assert named == set(WITHIN) | set(NOT_IN_EXTRACTS)
    assert set(WITHIN.values()) <= set(extract_parts.PARTS)
    assert not set(WITHIN) & set(NOT_IN_EXTRACTS)


async def test_the_pdf_can_be_read_in_both_languages(api: Api, services: Services) -> None:
    await lived(api, services)
    for language in ("sv", "en"):
        content = await made(api, services, language=language)
        answer = await api.get(f"/export/{content['id']}/pdf", patient())
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-")
        assert len(answer.content) > 2000


async def test_staff_order_on_paper_what_their_care_provider_has(api: Api, services: Services) -> None:
    await lived(api, services)
    content = await made(api, services, staff(), patient_person_id=ANNA)
    assert "Hos en annan vårdgivare" not in content["text"]
    assert "Min fråga" in [item.get("text") for item in content["parts"]["messages"]]
    assert content["care_provider"] == PROVIDER
    assert content["parts"]["proxies"] == []


async def test_it_expires(api: Api, services: Services, clock: VirtualClock) -> None:
    await lived(api, services)
    content = await made(api, services)
    path = f"/export/{content['id']}"
    clock.advance(days=7)
    answer = await api.get(f"{path}/json", patient())
    assert (answer.status_code, answer.json()["code"]) == (410, "extract_expired")
    await make(services)
    assert (await api.get(path, patient())).json()["state"] == "expired"
    assert (await api.get(f"{path}/pdf", patient())).status_code == 410


async def test_one_at_a_time_and_not_before_it_is_ready(api: Api, services: Services) -> None:
    await lived(api, services)
    first = await api.made("/export", patient())
    again = await api.post("/export", patient())
    assert (again.status_code, again.json()["code"]) == (429, "too_many_extracts")
    early = await api.get(f"/export/{first['extract_id']}/json", patient())
    assert (early.status_code, early.json()["code"]) == (409, "extract_not_ready")


async def test_whoever_dies_over_it_is_followed_by_another(
    api: Api, services: Services, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(api, services)
    ordered = await api.made("/export", patient())

    async def killed(*_arguments: Any) -> None:
        raise KeyboardInterrupt  # nothing is tidied up

    monkeypatch.setattr(extracts, "_gather", killed)
    with pytest.raises(KeyboardInterrupt):
        await make(services)
    monkeypatch.undo()
    assert await make(services) == 0  # it may still be at it
    clock.advance(seconds=LEASE.total_seconds())
    assert await make(services) == 1
    assert (await api.get(f"/export/{ordered['extract_id']}", patient())).json()["state"] == "ready"


async def test_what_fails_is_tried_again_and_then_told(
    api: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(api, services)
    ordered = await api.made("/export", patient())

    def broken(*_arguments: Any) -> bytes:
        raise ValueError("broken")

    monkeypatch.setattr(extracts, "render", broken)
    states = []
    for _ in range(extracts.MAX_ATTEMPTS):
        await make(services)
        states.append((await api.get(f"/export/{ordered['extract_id']}", patient())).json()["state"])
    assert states == ["queued"] * (extracts.MAX_ATTEMPTS - 1) + ["failed"]


@pytest.mark.attack
async def test_nobody_else_finds_it(api: Api, services: Services) -> None:
    await lived(api, services)
    own = await made(api, services)
    of_staff = await made(api, services, staff(), patient_person_id=ANNA)
    foreign = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)
    for extract, strangers in (
        (own, (patient(BO), staff(), COLLEAGUE, foreign)),
        (of_staff, (patient(), COLLEAGUE, foreign, staff(unit=OTHER_UNIT))),
    ):
        for stranger in strangers:
            for ending in ("", "/json", "/pdf"):
                answer = await api.get(f"/export/{extract['id']}{ending}", stranger)
                assert answer.status_code == 404, (stranger, ending)
            ids = [one["extract_id"] for one in (await api.get("/export", stranger)).json()]
            assert extract["id"] not in ids
    for other in (proxy(), staff("scheduler"), staff("region_admin")):
        assert (await api.get(f"/export/{own['id']}/json", other)).status_code == 403
        assert (await api.post("/export", other)).status_code == 403
    assert (await api.post("/export", patient(), {"patient_person_id": BO})).status_code == 422
    assert (await api.post("/export", staff(), {"patient_person_id": BO})).status_code == 404
    assert (await api.post("/export", staff(unit=OTHER_UNIT), {"patient_person_id": ANNA})).status_code == 404
    assert (await api.post("/export", staff())).status_code == 422
