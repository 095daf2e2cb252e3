"""The demo organisation with something in every area, who asks in it, and one request on somebody's behalf."""

import json
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from structlog.testing import capture_logs

from auth.development.persons import (
    ORGANISATION_NAMES,
    PROVIDER_COMPANY,
    PROVIDER_REGION,
    UNIT_HEALTH_CENTRE,
    UNIT_MATERNITY,
    UNIT_REHAB,
    patients,
)
from auth.identity_numbers import parse
from auth.permissions import TABLE, Action
from auth.principal import Principal
from auth.principal_tokens import sign_principal
from companion.demo.asking import Asking, patient, planner
from companion.demo.organisation import CLINICS, FORM, UNIT_VACCINATION
from companion.errors import CATALOGUE, PROBLEM_JSON
from companion.fhir.elements import FHIR_JSON
from companion.rules.local_time import local_date
from companion.services import Services
from companion.store.offer_releases import sweep_offers
from tests.companion import archived
from tests.companion.people import TOKEN_KEYS, Api, guest, proxy, service, staff
from tests.companion.schema_cases import Asker, Drawn, Pool

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CENTRE: Final = planner(UNIT_HEALTH_CENTRE, PROVIDER_REGION)
_SCOPES: Final = sorted({rule.service_scope for rule in TABLE.values() if rule.service_scope})


@dataclass
class SchemaWorld:
    """What exists, and who asks."""

    api: Api
    services: Services
    people: dict[str, str]
    pool: Pool = field(default_factory=Pool)

    def everybody(self) -> list[Principal]:
        """Somebody of each kind; those of the region's health centre more often, where most things are."""
        ids = self.people
        unit = {"unit": UNIT_HEALTH_CENTRE, "provider": PROVIDER_REGION}
        roles = ("staff", "scheduler", "viewer", "unit_admin", "region_admin", "sre")
        each = [staff(role, actor=f"SE5555555555-{role[:2].upper()}", **unit) for role in roles]
        company = {"unit": UNIT_REHAB, "provider": PROVIDER_COMPANY}
        return [
            planner(UNIT_HEALTH_CENTRE, PROVIDER_REGION),
            planner(UNIT_MATERNITY, PROVIDER_REGION),
            planner(UNIT_VACCINATION, PROVIDER_REGION),
            planner(CLINICS[0], PROVIDER_REGION),
            *each,
            staff("unit_admin", "staff", actor="SE5566778899-P004", **company),
            *(patient(ids[key]) for key in ("maria", "elliot", "bengt", "sara", "petra")),
            proxy(ids["maria"], ids["alva"]),
            proxy(ids["maria"], ids["bengt"], frozenset({"meetings"})),
            service(*_SCOPES, name="front"),
            service("meetings:read", name="record-system"),
            guest(),
            guest("interpreter"),
        ]

    def asker(self, drawn: Drawn, chance: random.Random) -> Principal | None:
        """Who sends a request: mostly somebody whose role may do that at all, and who knows what it is about."""
        known = self.everybody()
        action = drawn.operation.definition.raw.get("x-action")
        if drawn.is_wild and chance.random() < 0.1:
            return None
        if action is None or (drawn.is_wild and chance.random() < 0.5):
            return chance.choice([None, *known] if action is None else known)
        allowed = {role for role, _ in TABLE[Action(action)].allowed}
        fitting = [who for who in known if allowed & who.roles]
        if chance.random() < 0.9:
            fitting = [who for who in fitting if self.pool.knows(name_of(who), drawn)] or fitting
        return chance.choice(fitting or known)

    def _bearer(self, who: Principal | None) -> dict[str, str]:
        if who is None:
            return {}
        return {"Authorization": f"Bearer {sign_principal(TOKEN_KEYS, who, now=self.services.clock().timestamp())}"}

    async def ask(self, drawn: Drawn) -> list[str]:
        """Send it with ids that exist; what is wrong with the answer."""
        chance = random.Random(drawn.number + 1)
        who = self.asker(drawn, chance)
        name = name_of(who) if who else ""
        led = self.pool.lead(drawn, self.services.clock(), Asker(name, who.subject if who else None))
        headers = {**led.headers, **self._bearer(who)}
        content = None
        if led.body is not NOT_SET:
            content = led.body if isinstance(led.body, bytes) else _encoded(led)
            headers["Content-Type"] = led.content_type or ""
        if chance.random() < 0.2:
            headers["Accept-Language"] = chance.choice(("en", "sv", "en;q=2, sv", "*", ",,;q=", "ж" * 9))
        wire = [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in headers.items()]
        with capture_logs() as logs:
            answer = await self.api.http.request(
                led.method, led.path, params=_parameters(led.query), content=content, headers=wire
            )
        if (
            answer.status_code < 300
            and answer.content
            and answer.headers.get("content-type", "").startswith("application/json")
        ):
            self.pool.learn(answer.json(), name)
        found = [*_against_document(led, answer), *_as_errors_look(led.operation.path, answer)]
        failed = [line for line in logs if line["log_level"] in ("error", "critical")]
        if failed and not found:
            found = ["an error was logged"]
        told = f"{_told(led, who, content)}\n    -> {answer.status_code} {answer.text[:400]} {failed or ''}"
        return [f"{led.method} {led.operation.path}: {one}\n    {told}" for one in found]


def name_of(who: Principal) -> str:
    """Under which they know things: all of a unit alike."""
    return who.unit_hsa_id or who.subject or who.actor


def _encoded(led: Drawn) -> bytes:
    if led.content_type == "application/x-www-form-urlencoded" and isinstance(led.body, dict):
        return urlencode(_parameters(led.body)).encode()
    return json.dumps(led.body).encode()


def _parameters(query: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for name, value in query.items():
        for one in value if isinstance(value, list) else [value]:
            text = str(one).lower() if isinstance(one, bool) else "" if one is None else str(one)
            found.append((name, text.encode("utf-8", "replace").decode()[:5_000]))
    return found


def _told(led: Drawn, who: Principal | None, content: bytes | None) -> str:
    asker = f"{who.kind} {sorted(who.roles)} {who.actor}" if who else "nobody"
    return f"{led.method} {led.path[:200]} {str(led.query)[:300]} {led.headers} {(content or b'')[:1500]!r} by {asker}"


def _against_document(led: Drawn, answer: httpx2.Response) -> list[str]:
    try:
        led.case.validate_response(answer, checks=CHECKS)
    except FailureGroup as group:
        return [_shortened(one, answer) for one in group.exceptions]
    except Failure as one:
        return [_shortened(one, answer)]
    return []


def _shortened(failure: BaseException, answer: httpx2.Response) -> str:
    words = " ".join(str(failure).split())
    return f"{type(failure).__name__} {answer.status_code} {words[:500]}"


def _as_errors_look(path: str, answer: httpx2.Response) -> list[str]:
    """Errors have a code of the catalogue with its own status, in the form of their part of the document."""
    if answer.status_code < 400:
        return []
    is_fhir = path.startswith("/fhir/")
    wanted = FHIR_JSON if is_fhir else PROBLEM_JSON
    if answer.headers.get("content-type", "").partition(";")[0] != wanted:
        return [f"an error of type {answer.headers.get('content-type')}"]
    body = answer.json()
    code = body["issue"][0]["details"]["coding"][0]["code"] if is_fhir else body["code"]
    if code not in CATALOGUE or CATALOGUE[code].status != answer.status_code:
        return [f"code {code} with status {answer.status_code}"]
    return []


# --- what there is ---------------------------------------------------------------------------------------------------


async def enrich(api: Api, services: Services) -> SchemaWorld:
    """What the demo data lack, so that something stands behind most addresses; asked for like everything else."""
    asking = Asking(api.http, services)
    today = local_date(services.clock())
    ids = {one.key: services.pseudonyms.person_id(parse(one.number, today=today)) for one in patients(today)}
    world = SchemaWorld(api, services, ids)
    pool = world.pool
    everybody = world.everybody()
    for one in patients(today):
        pool.add("person", ids[one.key])
        pool.add("child_number" if one.born.year > today.year - 13 else "number", one.number)
    for hsa_id in (*ORGANISATION_NAMES, UNIT_VACCINATION, *CLINICS):
        pool.add("provider" if hsa_id.endswith("-0001") else "unit", hsa_id)
    for kind, value in (("clinic", CLINICS[0]), ("clinic2", CLINICS[1]), ("area", "0180"), ("week", "2027-W30")):
        pool.add(kind, value)
    for number in range(2001, 2009):
        pool.add("new_unit", f"SE5555555555-{number}")
    for who in everybody:
        if who.kind == "staff":
            pool.add("staff", who.actor)
            pool.add("unit", str(who.unit_hsa_id), name_of(who))
            pool.add("provider", str(who.provider_hsa_id), name_of(who))
            for key in ("maria", "bengt", "sara", "elliot"):
                pool.add("person", ids[key], name_of(who))
    filling = _Filling(asking, pool, ids, today, services.clock())
    await filling.units()
    await filling.access()
    await filling.care()
    await filling.campaign(services)
    await filling.archive(api)
    return world


@dataclass
class _Filling:
    asking: Asking
    pool: Pool
    ids: dict[str, str]
    today: date
    now: datetime

    async def made(self, method: str, path: str, who: Principal, body: Any = None) -> Any:
        """What is answered; its ids are known."""
        answer = await self.asking.ask(method, path, who, body)
        self.pool.learn(answer, name_of(who))
        return answer

    async def units(self) -> None:
        """What a unit has, and what patients have there."""
        first = (self.today + timedelta(days=1)).isoformat()
        for unit in (UNIT_HEALTH_CENTRE, UNIT_VACCINATION, UNIT_MATERNITY):
            who = planner(unit, PROVIDER_REGION)
            for part in ("time-types", "schedules", "roles", f"free-slots?first={first}&last={first}"):
                await self.made("GET", f"/units/{unit}/{part}", who)
            await self.made("GET", f"/bookings?day={self.today}", who)
            form = await self.made("POST", f"/units/{unit}/questionnaires", who, dict(FORM))
            await self.made("POST", f"/questionnaires/{form['form_id']}/versions/1/publish", who, {})
        for key in ("maria", "sara", "bengt"):
            for path in ("/bookings", "/summons", "/proxies", f"/slots?first={first}&last={first}"):
                await self.made("GET", path, patient(self.ids[key]))

    async def access(self) -> None:
        """What decides who may read."""
        maria, later = patient(self.ids["maria"]), (self.now + timedelta(days=20)).isoformat()
        await self.made("POST", "/blocks", maria, {"provider_hsa_id": PROVIDER_COMPANY})
        await self.made("POST", "/record-consents", maria, {"provider_hsa_id": PROVIDER_REGION, "ends_at": later})
        lifting = {"unit_hsa_id": UNIT_HEALTH_CENTRE, "ends_at": (self.now + timedelta(hours=2)).isoformat()}
        await self.made("POST", "/block-liftings", maria, lifting)
        relation = {
            "patient_person_id": self.ids["maria"],
            "ends_at": later,
            "reason_text": "Ringde i dag på morgonen.",
        }
        await self.made("POST", "/care-relations", CENTRE, relation)
        opening = {
            "patient_person_id": self.ids["bengt"],
            "reason": "life_or_health",
            "reason_text": "Medvetslös i dag.",
        }
        await self.made("POST", "/emergency-accesses", CENTRE, opening)

    async def care(self) -> None:
        """A pregnancy; what somebody has asked to see of their data."""
        maria = patient(self.ids["maria"])
        midwife = planner(UNIT_MATERNITY, PROVIDER_REGION)
        known = await self.made("GET", "/pregnancies", patient(self.ids["sara"]))
        if not known:
            due = {"patient_person_id": self.ids["sara"], "due_date": (self.today + timedelta(days=140)).isoformat()}
            known = await self.made("POST", "/pregnancies", midwife, due)
        for who in (midwife, patient(self.ids["sara"])):
            self.pool.learn(known, name_of(who))
        await self.made("POST", "/export", maria, {})
        await self.made("POST", "/calendar-feed", maria)
        await self.made("GET", "/looks?limit=1", maria)
        await self.made("GET", "/audit-entries?limit=1", CENTRE)
        hold = {"patient_person_id": self.ids["tomas"], "kind": None, "reason": "Tillsyn av en myndighet."}
        await self.made("POST", "/legal-holds", CENTRE, hold)

    async def campaign(self, services: Services) -> None:
        """One that is live, with offers; and a draft."""
        author = planner(UNIT_VACCINATION, PROVIDER_REGION)
        second = planner(UNIT_VACCINATION, PROVIDER_REGION, "SE5555555555-S002")
        (kind, *_) = await self.made("GET", f"/units/{UNIT_VACCINATION}/time-types", author)
        content = {
            "kind": "vaccination", "title": "Erbjudande", "information": "Välkommen.", "notices_per_hour": 60,
            "audience": {"born_from_year": 1900, "born_until_year": self.today.year},
            "begins_at": self.now.isoformat(), "ends_at": (self.now + timedelta(days=20)).isoformat(),
            "steps": [{"time_type_id": kind["time_type_id"]}],
        }  # fmt: skip
        path = f"/units/{UNIT_VACCINATION}/campaigns"
        live = (await self.made("POST", path, author, content))["campaign_id"]
        for who in (author, second):
            await self.made("POST", f"/campaigns/{live}/approve", who, {"version": 1})
        await self.made("POST", f"/campaigns/{live}/launch", author, {})
        async with services.database.transaction(self.now + timedelta(minutes=30)) as transaction:
            await sweep_offers(transaction)
        for key in ("maria", "bengt", "sara"):
            await self.made("GET", "/offers", patient(self.ids[key]))
        await self.made("POST", path, author, content)

    async def archive(self, api: Api) -> None:
        """A closed case with a file, and a correction that is wished for."""
        events = [archived.message(1), archived.message(2, "Patienten röker.", author=archived.NURSE)]
        whose = {
            "provider_hsa_id": PROVIDER_REGION, "unit_hsa_id": UNIT_HEALTH_CENTRE,
            "patient_person_id": self.ids["maria"],
        }  # fmt: skip
        assert (await archived.put_transcript(api, events, **whose)).status_code == 204
        assert (await archived.put_file(api, b"bytes")).status_code == 204
        for knower in (self.ids["maria"], UNIT_HEALTH_CENTRE, "front"):
            self.pool.add("conversation_id", archived.CASE, knower)
            self.pool.add("attachment_id", archived.FILE, knower)
        wish = {"entry_kind": "case", "entry_id": archived.CASE, "entry_part": 2, "wish": "Jag röker inte."}
        made = await self.made("POST", "/corrections", patient(self.ids["maria"]), wish)
        self.pool.learn(made, UNIT_HEALTH_CENTRE)
