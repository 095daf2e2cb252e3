"""What ``alltid-oppet serve`` starts beside the service in development mode: the identity provider, the fake record
system, and today's invented visits.

Both listen on this machine only, so that nobody else can log in as somebody invented.
"""

import asyncio
import contextlib
import json
import secrets
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from auth.development.appointments import APPOINTMENTS, VISIT_S, Appointment
from auth.development.claims import COORDINATION_NUMBER_CLAIM, PERSONAL_NUMBER_CLAIM, RESERVE_NUMBER_CLAIM
from auth.development.custody_register import PATH as CUSTODY_PATH
from auth.development.persons import EMPLOYEES, ORGANISATION_NAMES, PROXY_GRANTS, Patient, patients
from auth.development.provider import CLIENT_ID
from auth.development.record_system import SMART_CLIENT_ID
from auth.identity_numbers import parse
from auth.proxies import ProxyRelation, RedisProxyDirectory, grant, guardian
from auth.pseudonyms import Pseudonyms
from signalling.addresses import usable_port
from signalling.development_messages import fill_messages
from signalling.meetings import Meeting, Meetings
from signalling.supervisor import Child

GRANT_LIFETIME_S: Final = 30 * 24 * 3600
OPEN_AFTER_S: Final = 10 * 3600
"""The invented visits can be entered all day."""
_STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")


class TestBench:
    """The two processes and what they need to know of each other and of the front."""

    __test__ = False  # not a test, whatever its name

    def __init__(self, provider_port: int, record_system_port: int, log_format: str, stop_timeout_s: float) -> None:
        self.provider_url = f"http://localhost:{usable_port(provider_port)}"
        self.record_system_url = f"http://localhost:{usable_port(record_system_port)}"
        self._secret = secrets.token_urlsafe(32)
        self._log_format = log_format
        self._stop_timeout_s = stop_timeout_s

    def front_environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Settings that make the front use the test bench; what is ``given`` already stays as it is."""
        wanted = {"ALLTID_MODE": "development", "ALLTID_MEETING_OPEN_AFTER_S": str(OPEN_AFTER_S)}
        if "ALLTID_PATIENT_ISSUER" not in given:
            claims = (PERSONAL_NUMBER_CLAIM, COORDINATION_NUMBER_CLAIM, RESERVE_NUMBER_CLAIM)
            wanted |= self._login("PATIENT", "patients") | {"ALLTID_PATIENT_NUMBER_CLAIMS": " ".join(claims)}
        if "ALLTID_STAFF_ISSUER" not in given:
            wanted |= self._login("STAFF", "staff")
        if "ALLTID_RECORD_SYSTEMS" not in given and "ALLTID_RECORD_SYSTEMS_FILE" not in given:
            wanted["ALLTID_RECORD_SYSTEMS"] = json.dumps([self._record_system()])
        return {name: value for name, value in wanted.items() if name not in given}

    def companion_environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Settings that make the companion ask the test bench's custody register, unless another one is ``given``."""
        if given.get("ALLTID_CUSTODY_REGISTER_URL"):
            return {}
        url = f"{self.provider_url}{CUSTODY_PATH}"
        return {"ALLTID_CUSTODY_REGISTER_URL": url, "ALLTID_CUSTODY_REGISTER_TOKEN": self._secret}

    def provider(self, redirect_origins: str) -> Child:
        """The identity provider; ``redirect_origins``: the front's besides this machine's own."""
        return self._child("provider", "auth.development.provider", {
            "ALLTID_DEVELOPMENT_PROVIDER_URL": self.provider_url,
            "ALLTID_DEVELOPMENT_REDIRECT_ORIGINS": redirect_origins,
        })  # fmt: skip

    def record_system(self, front_url: str, redirect_origins: str) -> Child:
        """The record system, which sends browsers to ``front_url``."""
        return self._child("record-system", "auth.development.record_system", {
            "ALLTID_DEVELOPMENT_RECORD_SYSTEM_URL": self.record_system_url,
            "ALLTID_DEVELOPMENT_FRONT_URL": front_url,
            "ALLTID_DEVELOPMENT_REDIRECT_ORIGINS": redirect_origins,
        })  # fmt: skip

    def summary(self, front_url: str) -> list[str]:
        """Lines for the person who started it."""
        return [
            "",
            "Test bench, with invented persons (this machine only; ALLTID_MODE=production leaves it out):",
            f"  patients log in:     {front_url}/",
            f"  staff log in:        {front_url}/portal",
            f"  record system:       {self.record_system_url}",
            f"  identity provider:   {self.provider_url}",
            f"  SMS and e-mail:      {front_url}/development/notices",
        ]

    async def seed(self, redis: "Redis", pseudonyms: Pseudonyms, now: float) -> None:
        """Make today's meetings, the relations of proxies, the units' hours and people's contacts."""
        today = datetime.fromtimestamp(now, _STOCKHOLM).date()
        people = {person.key: person for person in patients(today)}
        ids = {key: pseudonyms.person_id(parse(person.number, today=today)) for key, person in people.items()}
        meetings, proxies = Meetings(redis), RedisProxyDirectory(redis)
        for appointment in APPOINTMENTS:
            await meetings.put(_meeting(appointment, ids, now), now)
        for actor in {one.actor for one in PROXY_GRANTS}:
            relations = [_relation(people[one.subject], ids[one.subject], one.kind, one.scopes, now)
                         for one in PROXY_GRANTS if one.actor == actor]  # fmt: skip
            await proxies.replace(ids[actor], relations, now)
        await fill_messages(redis, people.values(), ids)

    def _login(self, audience: str, path: str) -> dict[str, str]:
        return {
            f"ALLTID_{audience}_ISSUER": f"{self.provider_url}/{path}",
            f"ALLTID_{audience}_CLIENT_ID": CLIENT_ID,
            f"ALLTID_{audience}_CLIENT_SECRET": self._secret,
        }

    def _record_system(self) -> dict[str, object]:
        commissions = [commission for employee in EMPLOYEES for commission in employee.commissions]
        return {
            "issuer": self.record_system_url,
            "name": "Testjournalen",
            "jwks_url": f"{self.record_system_url}/jwks",
            "units": {commission.unit: commission.provider for commission in commissions},
            "smart": {
                "fhir_base": f"{self.record_system_url}/fhir",
                "client_id": SMART_CLIENT_ID,
                "client_secret": self._secret,
            },
        }

    def _child(self, name: str, module: str, environment: dict[str, str]) -> Child:
        shared = {
            "ALLTID_MODE": "development",
            "ALLTID_DEVELOPMENT_CLIENT_SECRET": self._secret,
            "ALLTID_LOG_FORMAT": self._log_format,
        }
        command = [sys.executable, "-m", module]
        return Child(name, command, shared | environment, stop_timeout_s=self._stop_timeout_s)


async def answers(url: str) -> bool:
    """Whether something listens at the port of a URL on this machine."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def is_wanted(mode: str, *, demo: bool) -> bool:
    """Demo data, and with it the test bench, belong to development mode."""
    return demo and mode == "development"


def _meeting(appointment: Appointment, ids: Mapping[str, str], now: float) -> Meeting:
    provider = next(
        commission.provider
        for employee in EMPLOYEES
        for commission in employee.commissions
        if commission.unit == appointment.unit
    )
    is_group = appointment.kind == "group"
    starts_at = appointment.starts_at(now)
    return Meeting(
        meeting_id=appointment.meeting_id,
        title=appointment.title,
        kind=appointment.kind,
        provider_hsa_id=provider,
        unit_hsa_id=appointment.unit,
        unit_name=ORGANISATION_NAMES[appointment.unit],
        starts_at=starts_at,
        ends_at=starts_at + VISIT_S,
        patient=None if is_group else ids[appointment.patients[0]],
        host_ids=frozenset(appointment.hosts),
        member_ids=frozenset(ids[key] for key in appointment.patients) if is_group else frozenset(),
        phone=appointment.phone,
    )


def _relation(person: Patient, person_id: str, kind: str, scopes: tuple[str, ...], now: float) -> ProxyRelation:
    if kind == "guardian":
        return guardian(person_id, person.name, birth_date=person.born)
    return grant(person_id, person.name, scopes=scopes, valid_until=int(now) + GRANT_LIFETIME_S)
