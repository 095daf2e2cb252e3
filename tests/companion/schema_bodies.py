"""Bodies that are right, for operations that drawn ones hardly ever pass: what stands behind them is asked too.

``@`` is an id of the field's kind that the caller knows, ``@kind`` one of that kind; ``@me`` the caller's patient, for
staff any; ``+3d`` an instant so many days (hours ``h``) from now, ``+3D`` a day.
"""

from collections.abc import Mapping
from typing import Any, Final

from companion.demo.organisation import FORM
from tests.companion.archived import message

_TIME_TYPE: Final = {"name_sv": "Besök", "name_en": "Visit", "length_minutes": 30, "modality": "video"}
_TEMPLATE: Final = {
    "time_type_id": "@", "weekdays": "01234", "begins": "08:00", "ends": "09:00", "slot_minutes": 30,
    "valid_from": "+0D", "valid_until": "+60D",
}  # fmt: skip
_CAMPAIGN: Final = {
    "kind": "vaccination", "title": "Erbjudande", "audience": {"born_from_year": 1900, "born_until_year": 2027},
    "begins_at": "+0d", "ends_at": "+20d", "steps": [{"time_type_id": "@"}], "quota": 3, "notices_per_hour": 60,
}  # fmt: skip
_STAY: Final = {
    "stay_id": "stay-1", "person": "@me", "role": "patient", "joined_at_ms": 1_803_884_400_000,
    "connected_at_ms": 1_803_884_401_000, "left_at_ms": 1_803_884_500_000, "end_cause": "left",
    "is_technical_abort": False, "path": "udp", "reconnects": 0, "ice_restarts": 0, "lost_ms": 0, "freezes": 0,
    "frozen_ms": 0, "packets_received": 9, "packets_lost": 0, "packets_sent": 9, "received_bps": 9, "sent_bps": 9,
    "worst_fraction_lost": 0.0, "round_trip_ms": 9, "jitter_ms": 1, "log": [],
}  # fmt: skip
_WHY: Final = "Frågade om det i telefon i dag."

BODIES: Final[Mapping[str, Any]] = {
    "POST /units": {"hsa_id": "@new_unit", "provider_hsa_id": "@", "name": "Ny", "kind": "clinic"},
    "PATCH /units/{hsa_id}": {"name": "Ny", "information": "Öppet."},
    "POST /units/{hsa_id}/roles": {"staff_hsa_id": "@", "name": "Namn", "role": "staff", "valid_from": "+0D"},
    "POST /units/{hsa_id}/time-types": _TIME_TYPE,
    "PUT /units/{hsa_id}/time-types/{time_type_id}": _TIME_TYPE,
    "POST /units/{hsa_id}/schedules": {"name": "Tidbok", "staff_hsa_id": "@"},
    "POST /schedules/{schedule_id}/templates": _TEMPLATE,
    "PUT /templates/{template_id}": _TEMPLATE,
    "POST /templates/{template_id}/end": {"last_day": "+9D"},
    "POST /schedules/{schedule_id}/slots": {"first": "+30D", "last": "+33D"},
    "POST /schedules/{schedule_id}/closures": {"starts_at": "+40d", "ends_at": "+41d", "reason": "Kurs"},
    "POST /holds": {"slot_id": "@", "patient_person_id": "@me"},
    "POST /bookings": {"slot_id": "@", "patient_person_id": "@me", "interpreter_language": "uk"},
    "POST /series": {"slot_ids": ["@slot_id", "@slot_id"], "patient_person_id": "@me"},
    "POST /series/{series_id}/cancel": {"reason": "unit_illness"},
    "POST /bookings/{booking_id}/rebook": {"slot_id": "@"},
    "POST /bookings/{booking_id}/cancel": {"reason": "patient_asked"},
    "POST /bookings/{booking_id}/miss": {"note": "Kom inte."},
    "POST /bookings/{booking_id}/excuse": {"excuse": _WHY},
    "POST /units/{hsa_id}/reserve": {"time_type_id": "@", "patient_person_id": "@me"},
    "PUT /units/{hsa_id}/drop-in/{day}": {"capacity": 5},
    "POST /providers/{hsa_id}/fee-rules": {"kind": "absence", "amount_ore": 10_000, "valid_from": "+300D"},
    "PUT /meetings/{meeting_id}/joined/{side}": {"at_ms": 1_803_884_400_000},
    "PUT /meetings/{meeting_id}/ended": {"at_ms": 1_803_884_500_000},
    "POST /patients/lookup": {"number": "@", "purpose": "booking"},
    "POST /persons/login": {"number": "@", "name": "Maria Ekdal"},
    "PUT /persons": {"number": "@", "given_name": "Maria", "family_name": "Ekdal", "area": "0180", "is_secret": False},
    "PUT /custody/{child_person_id}": {"guardians": ["@person"]},
    "POST /guardianships": {"child_number": "@"},
    "POST /grants": {"proxy_number": "@", "scopes": ["book"], "valid_until": "+30d"},
    "POST /units/{hsa_id}/questionnaires": dict(FORM),
    "POST /questionnaires/{form_id}/versions": dict(FORM),
    "PUT /questionnaires/{form_id}/versions/{version}": dict(FORM),
    "POST /declarations": {"form_id": "@", "version": 1, "answers": {"fever": False, "reaction": False, "blood": True}},
    "POST /bookings/{booking_id}/declarations": {
        "version": 1, "answers": {"fever": True, "reaction": False, "blood": True},
    },
    "PUT /time-types/{time_type_id}/vaccines": {"vaccines": [{"vaccine": "influenza", "dose_number": 1}]},
    "POST /bookings/{booking_id}/doses": {"vaccine": "covid-19", "batch": "AB12", "given_on": "+0D"},
    "POST /summons/timed": {"title": "Kallelse", "booking_id": "@", "may_rebook": True},
    "POST /summons/open": {
        "title": "Kallelse", "time_type_id": "@", "patient_person_id": "@me", "answer_until": "+20d",
        "may_decline": True,
    },
    "POST /summons/{summons_id}/answer": {"answer": "decline"},
    "PUT /persons/{person_id}/reach": {"has_account": True, "has_bounced": True},
    "PUT /persons/{person_id}/risk-groups": {"provider_hsa_id": "@", "risk_groups": ["asthma"]},
    "POST /units/{hsa_id}/campaigns": _CAMPAIGN,
    "PUT /campaigns/{campaign_id}": _CAMPAIGN,
    "POST /campaigns/{campaign_id}/rehearsal": {"booked_share": 0.5, "phone_share": 0.1, "seed": 3},
    "POST /campaigns/{campaign_id}/approve": {"version": 1},
    "POST /offers/{offer_id}/declarations": {"version": 1, "answers": {"fever": False}},
    "POST /offers/{offer_id}/bookings": {"slot_id": "@"},
    "POST /blocks": {"provider_hsa_id": "@", "patient_person_id": "@me", "reason_text": _WHY},
    "POST /blocks/{block_id}/lift": {"reason_text": _WHY},
    "POST /block-liftings": {"unit_hsa_id": "@", "patient_person_id": "@me", "ends_at": "+5h"},
    "POST /record-consents": {"provider_hsa_id": "@", "patient_person_id": "@me", "ends_at": "+30d"},
    "POST /care-relations": {"patient_person_id": "@me", "ends_at": "+30d", "reason_text": _WHY},
    "POST /emergency-accesses": {"patient_person_id": "@me", "reason": "cannot_consent", "reason_text": _WHY},
    "POST /emergency-accesses/{access_id}/review": {"verdict": "justified", "note": _WHY},
    "POST /pregnancies": {"patient_person_id": "@me", "due_date": "+140D"},
    "PUT /pregnancies/{pregnancy_id}/wish": {"choices": ["@clinic", "@clinic2"]},
    "PUT /pregnancies/{pregnancy_id}/due-date": {"due_date": "+150D"},
    "PUT /pregnancies/{pregnancy_id}/exclusions/{clinic_hsa_id}": {"reason": _WHY},
    "POST /pregnancies/{pregnancy_id}/place": {"clinic_hsa_id": "@clinic", "reason": _WHY, "beyond_capacity": True},
    "PUT /units/{hsa_id}/maternity-weeks/{week}": {"places": 4},
    "PUT /units/{hsa_id}/position": {"latitude": 59.3, "longitude": 18.1},
    "PUT /maternity/areas/{area}/position": {"latitude": 59.3, "longitude": 18.1},
    "POST /maternity/runs": {"day": "+0D"},
    "PUT /archive/conversations/{conversation_id}/transcripts/{first_seq}": {
        "provider_hsa_id": "SE5555555555-0001", "unit_hsa_id": "SE5555555555-1001", "patient_person_id": "@me",
        "title": "Fråga", "through_seq": 3, "events": [message(3)],
    },
    "POST /visits/{meeting_id}/quality": {"stays": [_STAY]},
    "POST /legal-holds": {"patient_person_id": "@me", "kind": "booking", "reason": _WHY},
    "POST /legal-holds/{hold_id}/lift": {"reason": _WHY},
    "POST /corrections": {"entry_kind": "case", "entry_id": "@conversation_id", "entry_part": 2, "wish": _WHY},
    "POST /corrections/{correction_id}/decide": {"decision": "note", "text": _WHY, "reason": _WHY},
    "POST /export": {"language": "en"},
    "POST /audit-samples": {"begins_at": "-1d", "ends_at": "+1h", "size": 5},
    "POST /audit-samples/{sample_id}/entries/{chain}/{number}/judge": {"judgement": "questioned", "note": _WHY},
    "POST /looks/{chain}/{number}/question": {"text": _WHY},
    "POST /audit-questions/{question_id}/answer": {"text": _WHY},
    "POST /fhir/Appointment": {
        "resourceType": "Appointment", "status": "booked", "slot": [{"reference": "Slot/@slot_id"}],
        "participant": [{"actor": {"reference": "Patient/@me"}, "status": "accepted"}],
    },
    "PUT /fhir/Appointment/{booking_id}": {
        "resourceType": "Appointment", "id": "@booking_id", "status": "cancelled",
        "participant": [{"actor": {"reference": "Patient/@me"}, "status": "accepted"}],
    },
    "PATCH /fhir/Appointment/{booking_id}": [{"op": "replace", "path": "/status", "value": "cancelled"}],
    "POST /fhir/Appointment/_search": {"patient": "@me", "date": "ge2027-01-01"},
    "POST /fhir/AuditEvent/_search": {"_count": "5"},
}  # fmt: skip
"""By method and path."""
