"""Extracts (registerutdrag): ordered, made in the background part by part, fetched by who ordered them, expired."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import undefer

from auth.permissions import Resource
from companion.database import Database
from companion.errors import INVALID_REQUEST, Problem, define
from companion.extract_pdf import render
from companion.extract_words import NOTES_LEFT_OUT
from companion.front_source import FrontSource, FrontUnavailableError
from companion.identity import Caller
from companion.models.organisation import CareProvider, Unit
from companion.models.records import Extract
from companion.services import new_id
from companion.settings import CompanionSettings
from companion.store import extract_front
from companion.store.extract_parts import PARTS
from companion.store.record_sources import items_of
from companion.transaction import Transaction
from sfu.logs import place_of

NOT_READY: Final = define("extract_not_ready", 409, sv="Utdraget är inte klart än.", en="The extract is not ready yet.")
EXPIRED: Final = define("extract_expired", 410, sv="Utdraget finns inte längre kvar.", en="The extract has expired.")
TOO_MANY: Final = define(
    "too_many_extracts", 429, sv="Ett utdrag är redan beställt.", en="An extract has been ordered already."
)
LEASE: Final = timedelta(minutes=10)
MAX_ATTEMPTS: Final = 5

_log = structlog.get_logger(__name__)


async def order(transaction: Transaction, caller: Caller, patient_person_id: str | None, language: str) -> Extract:
    """Order one: of everything about oneself; by staff, of what their care provider has about a patient of the unit."""
    principal = caller.principal
    if principal.kind == "patient":
        if patient_person_id not in (None, principal.subject):
            raise Problem(INVALID_REQUEST, "patient_person_id", "not used")
        person_id, resource = principal.subject or "", Resource(patient_person_id=principal.subject)
        caller.require(transaction, resource, what="extract")
    else:
        if patient_person_id is None:
            raise Problem(INVALID_REQUEST, "patient_person_id", "missing")
        person_id = patient_person_id
        items = await items_of(transaction, person_id)
        own = (principal.provider_hsa_id, principal.unit_hsa_id)
        is_theirs = any((one.place.provider_hsa_id, one.place.unit_hsa_id) == own for one in items)
        caller.require(transaction, Resource(*own, person_id) if is_theirs else None, what="extract")
    waiting = select(Extract.extract_id).where(
        Extract.patient_person_id == person_id,
        Extract.requested_by == principal.actor,
        Extract.state.in_(["queued", "working"]),
    )
    if await transaction.session.scalar(waiting.limit(1)) is not None:
        raise Problem(TOO_MANY)
    row = Extract(
        extract_id=new_id("extract"),
        patient_person_id=person_id,
        provider_hsa_id=principal.provider_hsa_id,
        unit_hsa_id=principal.unit_hsa_id,
        requested_by=principal.actor,
        language=language,
        state="queued",
        parts_done=0,
        parts=len(PARTS),
        requested_at=transaction.now,
        attempts=0,
    )
    transaction.session.add(row)
    await transaction.session.flush()
    return row


async def own_extract(transaction: Transaction, caller: Caller, extract_id: str, *, whole: bool = False) -> Extract:
    """One that the caller ordered: nobody else finds it, of the same unit neither."""
    query = select(Extract).where(Extract.extract_id == extract_id)
    if whole:
        query = query.options(undefer(Extract.json), undefer(Extract.pdf))
    row = (await transaction.session.scalars(query)).one_or_none()
    is_theirs = row is not None and row.requested_by == caller.principal.actor
    resource = None if row is None or not is_theirs else resource_of(row)
    caller.require(transaction, resource, what=f"extract:{extract_id}")
    assert row is not None
    return row


def resource_of(row: Extract) -> Resource:
    """For permissions: a patient's, ordered at a unit or by the patient."""
    return Resource(row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id)


async def fetch(transaction: Transaction, caller: Caller, extract_id: str) -> Extract:
    """With its contents."""
    row = await own_extract(transaction, caller, extract_id, whole=True)
    if row.state == "expired" or (row.expires_at is not None and row.expires_at <= transaction.now):
        raise Problem(EXPIRED)
    if row.state != "ready":
        raise Problem(NOT_READY)
    return row


async def listed(transaction: Transaction, caller: Caller) -> Sequence[Extract]:
    """Those that the caller ordered, the last first."""
    query = select(Extract).where(Extract.requested_by == caller.principal.actor)
    rows = (await transaction.session.scalars(query.order_by(Extract.requested_at.desc()).limit(100))).all()
    shown = [row for row in rows if caller.may(resource_of(row))]
    for row in shown:
        caller.require(transaction, resource_of(row), what=f"extract:{row.extract_id}")
    return shown


# --- in the background -------------------------------------------------------------------------------------------


async def make_extracts(
    database: Database, clock: Callable[[], datetime], settings: CompanionSettings, front: FrontSource | None = None
) -> int:
    """Expire old ones, and make one that waits; how many were made. Who dies in between is followed by another.

    ``front``: is asked for what only it keeps. When it does not answer the extract waits; in the end it says so.
    """
    async with database.transaction(clock()) as transaction:
        gone = {"state": "expired", "json": None, "pdf": None}
        old = update(Extract).where(Extract.state == "ready", Extract.expires_at <= transaction.now).values(gone)
        await transaction.session.execute(old)
        row = await _claim(transaction)
    if row is None:
        return 0
    try:
        content = await _gather(database, clock, row, front)
        text = json.dumps(content, ensure_ascii=True, default=_plain)
        pdf = render(json.loads(text), "sv" if row.language == "sv" else "en")
    except Exception as error:
        _log.error("extract_failed", error=place_of(error), attempts=row.attempts)
        async with database.transaction(clock()) as transaction:
            state = "failed" if row.attempts >= MAX_ATTEMPTS else "queued"
            await _set(transaction, row, state=state)
        return 0
    async with database.transaction(clock()) as transaction:
        expires_at = transaction.now + timedelta(days=settings.extract_kept_days)
        done = {"state": "ready", "json": text, "pdf": pdf, "ready_at": transaction.now, "expires_at": expires_at}
        if await _set(transaction, row, **done) and row.provider_hsa_id is None:  # else staff have ordered it, and ask
            transaction.publish("extract.ready", f"extract:{row.extract_id}", patient=row.patient_person_id)
    return 1


async def _claim(transaction: Transaction) -> Extract | None:
    is_left = (Extract.state == "working") & (Extract.claimed_until <= transaction.now)
    query = select(Extract).where((Extract.state == "queued") | is_left).order_by(Extract.requested_at).limit(1)
    row = (await transaction.session.scalars(query.with_for_update(skip_locked=True))).one_or_none()
    if row is None:
        return None
    row.state, row.claimed_until, row.parts_done = "working", transaction.now + LEASE, 0
    row.attempts += 1
    return row


async def _set(transaction: Transaction, row: Extract, **values: Any) -> bool:
    """Only while it is still ours: whoever took too long has been followed by another attempt."""
    mine = update(Extract).where(
        Extract.extract_id == row.extract_id, Extract.state == "working", Extract.attempts == row.attempts
    )
    result = await transaction.session.execute(mine.values(values).returning(Extract.extract_id))
    return result.first() is not None


async def _gather(
    database: Database, clock: Callable[[], datetime], row: Extract, front: FrontSource | None
) -> dict[str, Any]:
    """All parts, each read in a transaction of its own."""
    told = await _told(front, row)
    content: dict[str, Any] = {"made_at": clock(), "care_provider": row.provider_hsa_id, "names": {}, "parts": {}}
    for number, (name, load) in enumerate(PARTS.items(), 1):
        async with database.reading(clock()) as transaction:
            content["parts"][name] = await load(transaction, row.patient_person_id, row.provider_hsa_id)
        async with database.transaction(clock()) as transaction:
            await _set(transaction, row, parts_done=number, claimed_until=transaction.now + LEASE)
    content["parts"]["contacts"] = extract_front.contacts(told, row.provider_hsa_id)
    content["parts"]["open_messages"] = extract_front.open_messages(told, row.provider_hsa_id)
    content["is_complete"] = "is_missing" not in told
    if row.provider_hsa_id is None:  # said whether there are any or not: that too is the unit's to tell
        content["left_out"] = dict(NOTES_LEFT_OUT)
    async with database.reading(clock()) as transaction:
        content["names"] = await _names(transaction, content)
    return content


async def _told(front: FrontSource | None, row: Extract) -> Mapping[str, Any]:
    """What the front keeps. Without one nothing is kept there."""
    if front is None:
        return {"cases": []}
    try:
        return await front.of_person(row.patient_person_id)
    except FrontUnavailableError:
        if row.attempts < MAX_ATTEMPTS:
            raise
        return {"cases": [], "is_missing": True}


async def _names(transaction: Transaction, content: Mapping[str, Any]) -> dict[str, str]:
    """What the units and care providers are called whose HSA-ids stand in it."""
    fields = [item for items in content["parts"].values() for item in items]
    ids = {one for item in fields for name, one in item.items() if name.endswith("hsa_id")} | {content["care_provider"]}
    found: dict[str, str] = {}
    for model in (Unit, CareProvider):
        query = select(model.hsa_id, model.name).where(model.hsa_id.in_(sorted(ids - {None})))
        found |= {one.hsa_id: one.name for one in (await transaction.session.execute(query)).all()}
    return found


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
