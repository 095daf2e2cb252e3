"""The invented organisation: care providers, units with what can be booked there, time books and their slots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from auth.development.appointments import PHONES
from auth.development.persons import (
    ADMINISTRATION,
    EMPLOYEES,
    ORGANISATION_NAMES,
    PROVIDER_COMPANY,
    PROVIDER_REGION,
    UNIT_HEALTH_CENTRE,
    UNIT_MATERNITY,
    UNIT_REHAB,
)
from companion.demo.asking import Asking, planner
from companion.models.organisation import CareProvider

UNIT_VACCINATION: Final = "SE5555555555-1003"
CLINICS: Final = ("SE5555555555-1101", "SE5555555555-1102", "SE5555555555-1103")
SLOT_DAYS: Final = 4 * 7
ALL_DAY: Final = ("07:00", "20:00")
OFFICE: Final = ("08:00", "16:00")
_NUMBER: Final = "08-465 004 {}"
"""From the series that the Swedish Post and Telecom Authority keeps free for invented numbers."""


@dataclass(frozen=True)
class DemoUnit:
    """A unit."""

    hsa_id: str
    name: str
    kind: str
    phone: str
    address: str
    area: str
    information: str

    @property
    def provider(self) -> str:
        """Its care provider."""
        return PROVIDER_COMPANY if self.hsa_id.startswith(PROVIDER_COMPANY.partition("-")[0]) else PROVIDER_REGION


def _known(hsa_id: str, kind: str, address: str, information: str) -> DemoUnit:
    return DemoUnit(hsa_id, ORGANISATION_NAMES[hsa_id], kind, PHONES[hsa_id], address, "0180", information)


UNITS: Final[Sequence[DemoUnit]] = (
    _known(UNIT_HEALTH_CENTRE, "clinic", "Björkgatan 1, 111 11 Exempelstad", "Påhittad vårdcentral. Vid fara: 112."),
    _known(UNIT_MATERNITY, "clinic", "Ekgatan 2, 111 12 Exempelstad", "Påhittad barnmorskemottagning."),
    _known(UNIT_REHAB, "clinic", "Lindgatan 3, 111 13 Exempelstad", "Påhittad rehabmottagning."),
    DemoUnit(UNIT_VACCINATION, "Exempelstads vaccinationscentral", "vaccination", _NUMBER.format(40),
             "Torget 4, 111 14 Exempelstad", "0180", "Drop-in onsdagar. Ta med legitimation."),
    DemoUnit(CLINICS[0], "Norra förlossningskliniken", "maternity", _NUMBER.format(51),
             "Norra vägen 5, 111 15 Exempelstad", "0180", "Påhittad förlossningsklinik."),
    DemoUnit(CLINICS[1], "Södra förlossningskliniken", "maternity", _NUMBER.format(52),
             "Södra vägen 6, 111 16 Exempelstad", "0181", "Påhittad förlossningsklinik."),
    DemoUnit(CLINICS[2], "Östra förlossningskliniken", "maternity", _NUMBER.format(53),
             "Östra vägen 7, 111 17 Exempelstad", "0182", "Påhittad förlossningsklinik."),
)  # fmt: skip


@dataclass(frozen=True)
class DemoTime:
    """A time type with the hours of its week."""

    key: str
    unit: str
    name_sv: str
    name_en: str
    minutes: int
    modality: str
    hours: tuple[str, str] = OFFICE
    weekdays: str = "01234"
    capacity: int = 1
    rules: Mapping[str, Any] | None = None
    """More of the time type; ``form`` stands for the vaccination centre's declaration."""
    purpose: str = "ordinary"
    vaccines: tuple[str, ...] = ()
    min_interval_days: int | None = None


def times(today: date) -> Sequence[DemoTime]:
    """What can be booked where. The age gate of vaccinations follows the calendar."""
    adults = {"born_until_year": today.year - 18, "form_id": "form"}
    return (
        DemoTime("video", UNIT_HEALTH_CENTRE, "Videobesök hos läkare", "Video visit, doctor", 30, "video", ALL_DAY,
                 "0123456", 2, {"cancel_before_h": 1}),
        DemoTime("visit", UNIT_HEALTH_CENTRE, "Läkarbesök", "Doctor's visit", 30, "physical"),
        DemoTime("phone", UNIT_HEALTH_CENTRE, "Telefonrådgivning", "Advice by phone", 15, "phone"),
        DemoTime("chat", UNIT_HEALTH_CENTRE, "Chatt med sjuksköterska", "Chat with a nurse", 15, "chat"),
        DemoTime("check", UNIT_HEALTH_CENTRE, "Provtagning", "Sampling", 15, "physical", ("07:30", "10:00"),
                 rules={"audience": "invited", "patient_may_book": False}),
        DemoTime("midwife", UNIT_MATERNITY, "Barnmorskebesök", "Midwife's visit", 45, "physical"),
        DemoTime("midwife_video", UNIT_MATERNITY, "Videobesök hos barnmorska", "Video visit, midwife", 30, "video",
                 ("13:00", "16:00")),
        DemoTime("rehab", UNIT_REHAB, "Nybesök rehab", "First visit, rehab", 60, "physical"),
        DemoTime("rehab_video", UNIT_REHAB, "Videouppföljning rehab", "Video follow-up, rehab", 30, "video", ALL_DAY),
        DemoTime("covid", UNIT_VACCINATION, "Covid-19", "Covid-19", 10, "physical", capacity=4, rules=adults,
                 vaccines=("covid-19",)),
        DemoTime("combined", UNIT_VACCINATION, "Covid-19 och influensa", "Covid-19 and influenza", 10, "physical",
                 capacity=4, rules=adults, vaccines=("covid-19", "influenza")),
        DemoTime("second", UNIT_VACCINATION, "Covid-19, dos 2", "Covid-19, dose 2", 10, "physical", ("16:00", "18:00"),
                 capacity=2, rules={**adults, "dose": 2, "first_dose_type_id": "covid", "min_days_since_dose": 21},
                 purpose="dose_2", vaccines=("covid-19",), min_interval_days=21),
    )  # fmt: skip


_QUESTIONS: Final = (
    ("fever", "Har du feber eller känner dig sjuk i dag?", "Do you have a fever, or feel ill today?", "nurse_check"),
    ("reaction", "Har du fått en svår reaktion av ett vaccin?", "Have you had a severe reaction to a vaccine?", "stop"),
    ("blood", "Tar du blodförtunnande läkemedel?", "Do you take blood thinners?", "nurse_check"),
)
FORM: Final[Mapping[str, Any]] = {
    "title_sv": "Hälsodeklaration inför vaccination",
    "title_en": "Health declaration before vaccination",
    "content": {
        "questions": [
            {"question_id": key, "kind": "boolean", "text_sv": sv, "text_en": en} for key, sv, en, _ in _QUESTIONS
        ],
        "rules": [
            {"rule_id": key, "when": {"question_id": key, "value": True}, "outcome": outcome}
            for key, _, _, outcome in _QUESTIONS
        ],
        "valid_days": 30,
    },
}


async def found_providers(asking: Asking) -> bool:
    """The care providers, which no route makes. False when the database has one already: it is not empty."""
    async with asking.services.database.transaction(asking.now) as transaction:
        if await transaction.session.get(CareProvider, PROVIDER_REGION) is not None:
            return False
        for hsa_id in (PROVIDER_REGION, PROVIDER_COMPANY):
            transaction.session.add(CareProvider(hsa_id=hsa_id, name=ORGANISATION_NAMES[hsa_id]))
    return True


async def fill_units(asking: Asking) -> None:
    """The units, and who works there as what."""
    for unit in UNITS:
        fields = ("hsa_id", "name", "kind", "phone", "address", "area", "information")
        body = {name: getattr(unit, name) for name in fields} | {"provider_hsa_id": unit.provider}
        await asking.ask("POST", "/units", planner(unit.hsa_id, unit.provider), body)
    for employee in EMPLOYEES:
        for commission in employee.commissions:
            roles = commission.system_roles if commission.purpose == ADMINISTRATION else ("staff",)
            for role in roles:
                if role == "sre":  # operation is no role of a unit
                    continue
                body = {
                    "staff_hsa_id": employee.hsa_id, "name": employee.name, "role": role,
                    "commission_hsa_id": commission.hsa_id, "valid_from": "2020-01-01",
                }  # fmt: skip
                who = planner(commission.unit, commission.provider)
                await asking.ask("POST", f"/units/{commission.unit}/roles", who, body)


async def fill_times(asking: Asking, today: date) -> dict[str, str]:
    """Time types, time books and weeks of slots; the ids of the time types by key."""
    vaccination = planner(UNIT_VACCINATION, PROVIDER_REGION)
    form = (await asking.ask("POST", f"/units/{UNIT_VACCINATION}/questionnaires", vaccination, dict(FORM)))["form_id"]
    await asking.ask("POST", f"/questionnaires/{form}/versions/1/publish", vaccination, {})
    made: dict[str, str] = {"form": form}
    schedules: dict[str, str] = {}
    for one in times(today):
        unit = next(unit for unit in UNITS if unit.hsa_id == one.unit)
        who = planner(unit.hsa_id, unit.provider)
        rules = {name: made.get(value, value) if isinstance(value, str) else value
                 for name, value in (one.rules or {}).items()}  # fmt: skip
        body = {"name_sv": one.name_sv, "name_en": one.name_en, "length_minutes": one.minutes,
                "modality": one.modality, **rules}  # fmt: skip
        time_type = await asking.ask("POST", f"/units/{one.unit}/time-types", who, body)
        made[one.key] = time_type["time_type_id"]
        if one.vaccines:
            parts = [
                {"vaccine": name, "dose_number": (one.rules or {}).get("dose"),
                 "min_interval_days": one.min_interval_days}
                for name in one.vaccines
            ]  # fmt: skip
            await asking.ask("PUT", f"/time-types/{made[one.key]}/vaccines", who, {"vaccines": parts})
        if one.unit not in schedules:
            schedule = await asking.ask("POST", f"/units/{one.unit}/schedules", who, {"name": f"Tidbok {unit.name}"})
            schedules[one.unit] = schedule["schedule_id"]
        line = {
            "time_type_id": made[one.key], "weekdays": one.weekdays, "begins": one.hours[0], "ends": one.hours[1],
            "slot_minutes": one.minutes, "capacity": one.capacity, "purpose": one.purpose,
            "valid_from": today.isoformat(), "on_holidays": len(one.weekdays) == 7,
        }  # fmt: skip
        await asking.ask("POST", f"/schedules/{schedules[one.unit]}/templates", who, line)
    days = {"first": today.isoformat(), "last": (today + timedelta(days=SLOT_DAYS)).isoformat()}
    for hsa_id, schedule_id in schedules.items():
        unit = next(unit for unit in UNITS if unit.hsa_id == hsa_id)
        await asking.ask("POST", f"/schedules/{schedule_id}/slots", planner(hsa_id, unit.provider), days)
    return made
