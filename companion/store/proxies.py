"""Use cases of ombud: guardianships and what the custody register says of them, grants, and what the front is told.

The register speaks to ``told_custody``; until it has spoken of a child, a request waits. Every change of who may act
for whom publishes ``proxies.changed`` with the id of the one who acts; the front then asks for ``relations_of``.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select

from auth.audit import AuditEntry
from auth.permissions import Decision, Resource
from companion.errors import NOT_FOUND, Problem, ProblemKind
from companion.identity import Caller, RefusedError
from companion.models.bookings import CalendarFeed
from companion.models.people import Person
from companion.models.proxies import Custody, CustodyAnswer, Guardianship, ProxyGrant
from companion.rules.custody import (
    GRANT_NOT_POSSIBLE,
    GUARDIANSHIP_NOT_POSSIBLE,
    EndCause,
    Family,
    GuardianState,
    after,
    check_grant,
    end_cause,
    ends_at,
    is_in_force,
)
from companion.services import new_id
from companion.store.people import by_number, locked
from companion.transaction import Transaction

_ALLOWED = Decision(True, "allowed")


class NotPossibleError(RefusedError):
    """A refusal that does not say why. The attempt stays in the audit log although its transaction is undone."""

    def __init__(self, kind: ProblemKind, entry: AuditEntry) -> None:
        super().__init__(Decision(False, "relation"), entry)
        self.kind = kind


def _entry(
    transaction: Transaction, caller: Caller, patient: str | None, what: str, decision: Decision = _ALLOWED
) -> AuditEntry:
    return caller.entry(transaction, decision, Resource(patient_person_id=patient), what)


# --- guardians ---------------------------------------------------------------------------------------------------


async def request_guardianship(transaction: Transaction, caller: Caller, child_number: str) -> Guardianship:
    """Ask to act for one's child. Active at once when the register has told of the child."""
    me = caller.principal.actor
    caller.require(transaction, Resource(patient_person_id=me), what="guardianship")
    child, guardian = await by_number(transaction, caller, child_number, "child_number"), await _get(transaction, me)
    refused = Decision(False, "relation")
    if child is None or guardian is None or child is guardian:
        entry = _entry(transaction, caller, child.person_id if child else None, "guardianship", refused)
        raise NotPossibleError(GUARDIANSHIP_NOT_POSSIBLE, entry)
    await locked(transaction, child.person_id)
    for known in await _open_ones(transaction, Guardianship.child_person_id == child.person_id):
        if known.guardian_person_id == me and known.valid_until > transaction.now:
            return known
    family = await _family(transaction, child, guardian)
    is_told = await transaction.session.get(CustodyAnswer, child.person_id) is not None
    cause = end_cause(family, transaction.now)
    if cause is not None and (is_told or cause != "custody"):
        entry = _entry(transaction, caller, child.person_id, "guardianship", refused)
        raise NotPossibleError(GUARDIANSHIP_NOT_POSSIBLE, entry)
    assert child.birth_date is not None  # else there is a cause
    row = Guardianship(
        guardianship_id=new_id("gu"),
        child_person_id=child.person_id,
        guardian_person_id=me,
        state=GuardianState.REQUESTED,
        requested_at=transaction.now,
        valid_until=ends_at(child.birth_date),
        ended_at=None,
    )
    transaction.session.add(row)
    transaction.audit.append(_entry(transaction, caller, child.person_id, f"guardianship:{row.guardianship_id}"))
    if cause is None:
        _activate(transaction, row)
    else:
        transaction.publish("custody.asked", f"custody.asked:{row.guardianship_id}", child=child.person_id)
    return row


async def end_guardianship(transaction: Transaction, caller: Caller, guardianship_id: str) -> None:
    """The guardian gives it up."""
    row = await transaction.session.get(Guardianship, guardianship_id, with_for_update=True)
    if row is None or not is_in_force(valid_until=row.valid_until, ended_at=row.ended_at, now=transaction.now):
        raise Problem(NOT_FOUND)
    what = f"guardianship:{guardianship_id}"
    caller.require(transaction, Resource(patient_person_id=row.guardian_person_id), what=what)
    transaction.audit.append(_entry(transaction, caller, row.child_person_id, what))
    await _end(transaction, row, "revoked")


async def told_custody(
    transaction: Transaction, caller: Caller, child_person_id: str, guardians: Iterable[str]
) -> Sequence[Guardianship]:
    """The register tells who a child's guardians are now: requests are decided, lost custody ends at once."""
    child = await locked(transaction, child_person_id)
    resource = None if child is None else Resource(patient_person_id=child_person_id)
    caller.require(transaction, resource, what=f"custody:{child_person_id}")
    return await keep_custody(transaction, child_person_id, guardians)


async def children_to_ask_about(transaction: Transaction, again: timedelta, limit: int) -> Sequence[Person]:
    """Children for whom somebody asks to act and of whom the register has told nothing; then those for whom somebody
    acts and of whom it told long ago.
    """
    is_untold = CustodyAnswer.told_at.is_(None)
    query = (
        select(Person, CustodyAnswer.told_at)
        .join(Guardianship, Guardianship.child_person_id == Person.person_id)
        .outerjoin(CustodyAnswer, CustodyAnswer.child_person_id == Person.person_id)
        .where(Guardianship.ended_at.is_(None), Guardianship.valid_until > transaction.now)
        .where(or_(is_untold, CustodyAnswer.told_at <= transaction.now - again))
        .distinct()
        .order_by(CustodyAnswer.told_at.asc().nulls_first(), Person.person_id)
        .limit(limit)
    )
    return [person for person, _ in (await transaction.session.execute(query)).all()]


async def keep_custody(
    transaction: Transaction, child_person_id: str, guardians: Iterable[str]
) -> Sequence[Guardianship]:
    """Keep what the register says of a child, and do what follows from it."""
    await locked(transaction, child_person_id)
    session = transaction.session
    await session.execute(delete(Custody).where(Custody.child_person_id == child_person_id))
    session.add_all(Custody(child_person_id=child_person_id, guardian_person_id=one) for one in sorted(set(guardians)))
    answer = await session.get(CustodyAnswer, child_person_id)
    if answer is None:
        session.add(CustodyAnswer(child_person_id=child_person_id, told_at=transaction.now))
    else:
        answer.told_at = transaction.now
    await session.flush()
    return await review(transaction, child_person_id)


async def review(transaction: Transaction, person_id: str) -> Sequence[Guardianship]:
    """Hold a person's guardianships, of either side, against what is known now. Returns those that were open."""
    condition = or_(Guardianship.child_person_id == person_id, Guardianship.guardian_person_id == person_id)
    rows = await _open_ones(transaction, condition)
    for row in rows:
        child, guardian = await _get(transaction, row.child_person_id), await _get(transaction, row.guardian_person_id)
        assert child is not None
        assert guardian is not None
        cause = end_cause(await _family(transaction, child, guardian), transaction.now)
        is_waiting = row.state == GuardianState.REQUESTED
        is_told = await transaction.session.get(CustodyAnswer, row.child_person_id) is not None
        if cause is None and is_waiting:
            _activate(transaction, row)
        elif cause is not None and (is_told or cause != "custody"):
            await _end(transaction, row, "refused" if is_waiting and cause == "custody" else cause)
        elif child.birth_date is not None and row.valid_until != ends_at(child.birth_date):
            row.valid_until = ends_at(child.birth_date)
            _changed(transaction, row.guardian_person_id, f"{row.guardianship_id}:{row.valid_until.isoformat()}")
    return rows


async def sweep_guardianships(transaction: Transaction) -> int:
    """End those whose child turned 13. They count no more from the instant on, whenever this runs."""
    rows = await _open_ones(transaction, Guardianship.valid_until <= transaction.now)
    for row in rows:
        await _end(transaction, row, "birthday")
    return len(rows)


async def _open_ones(transaction: Transaction, condition: object) -> Sequence[Guardianship]:
    query = (
        select(Guardianship)
        .where(condition, Guardianship.ended_at.is_(None))  # type: ignore[arg-type]  # any column condition
        .order_by(Guardianship.guardianship_id)
        .with_for_update()
    )
    return (await transaction.session.scalars(query.execution_options(populate_existing=True))).all()


async def _family(transaction: Transaction, child: Person, guardian: Person) -> Family:
    named = await transaction.session.get(Custody, (child.person_id, guardian.person_id)) is not None
    return Family(child.birth_date, named, child.is_protected or guardian.is_protected)


async def _get(transaction: Transaction, person_id: str) -> Person | None:
    return await transaction.session.get(Person, person_id)


def _activate(transaction: Transaction, row: Guardianship) -> None:
    row.state = after(after(GuardianState(row.state), "verify"), "activate")
    row.verified_at = transaction.now
    _changed(transaction, row.guardian_person_id, f"{row.guardianship_id}:active")


async def _end(transaction: Transaction, row: Guardianship, cause: EndCause) -> None:
    row.state = after(GuardianState(row.state), "end")
    row.ended_at, row.end_cause = transaction.now, cause
    await end_feeds(transaction, row.child_person_id, row.guardian_person_id)
    _changed(transaction, row.guardian_person_id, f"{row.guardianship_id}:ended")


def _changed(transaction: Transaction, person_id: str, key: str) -> None:
    transaction.publish("proxies.changed", f"proxies.changed:{key}", person=person_id)


# --- grants ------------------------------------------------------------------------------------------------------


async def give_grant(
    transaction: Transaction, caller: Caller, proxy_number: str, scopes: Sequence[str], valid_until: datetime
) -> ProxyGrant:
    """Let another adult act for oneself. A new grant to the same person takes the place of the old one."""
    me = caller.principal.actor
    caller.require(transaction, Resource(patient_person_id=me), what="grant")
    patient = await locked(transaction, me)
    proxy = await by_number(transaction, caller, proxy_number, "proxy_number")
    known = check_grant(
        scopes=scopes,
        now=transaction.now,
        valid_until=valid_until,
        max_days=caller.services.settings.grant_max_days,
        patient_birth_date=None if patient is None else patient.birth_date,
        proxy_birth_date=None if proxy is None else proxy.birth_date,
        is_self=proxy is patient,
    )
    if patient is None or proxy is None:
        raise Problem(GRANT_NOT_POSSIBLE)
    feed_lasts = False
    for old in await _grants(transaction, ProxyGrant.patient_person_id == me):
        if old.proxy_person_id == proxy.person_id:
            old.ended_at, old.ended_by = transaction.now, me
            feed_lasts = "book" in old.scopes and "book" in known
    if not feed_lasts:  # what an earlier grant let them make does not come to life again
        await end_feeds(transaction, me, proxy.person_id)
    row = ProxyGrant(
        grant_id=new_id("gr"),
        patient_person_id=me,
        proxy_person_id=proxy.person_id,
        scopes=sorted(known),
        granted_at=transaction.now,
        valid_until=valid_until,
        ended_at=None,
    )
    transaction.session.add(row)
    _changed(transaction, proxy.person_id, f"{row.grant_id}:given")
    return row


async def end_grant(transaction: Transaction, caller: Caller, grant_id: str) -> None:
    """The patient takes it back, or the proxy gives it up."""
    row = await transaction.session.get(ProxyGrant, grant_id, with_for_update=True)
    if row is None or not is_in_force(valid_until=row.valid_until, ended_at=row.ended_at, now=transaction.now):
        raise Problem(NOT_FOUND)
    is_proxys = caller.principal.actor == row.proxy_person_id
    whose, what = row.proxy_person_id if is_proxys else row.patient_person_id, f"grant:{grant_id}"
    caller.require(transaction, Resource(patient_person_id=whose), what=what)
    if is_proxys:
        transaction.audit.append(_entry(transaction, caller, row.patient_person_id, what))
    row.ended_at, row.ended_by = transaction.now, caller.principal.actor
    await end_feeds(transaction, row.patient_person_id, row.proxy_person_id)
    _changed(transaction, row.proxy_person_id, f"{grant_id}:ended")


async def _grants(transaction: Transaction, condition: object) -> Sequence[ProxyGrant]:
    query = (
        select(ProxyGrant)
        .where(
            condition,  # type: ignore[arg-type]  # any column condition
            ProxyGrant.ended_at.is_(None),
            ProxyGrant.valid_until > transaction.now,
        )
        .order_by(ProxyGrant.grant_id)
    )
    return (await transaction.session.scalars(query)).all()


# --- who acts for whom -------------------------------------------------------------------------------------------


async def relations_of(
    transaction: Transaction, person_id: str
) -> tuple[list[tuple[Guardianship, Person]], list[tuple[ProxyGrant, Person]]]:
    """For whom somebody may act now: what is over is not there, nor anything of what it once showed."""
    guardianships = [
        row
        for row in await _open_ones(transaction, Guardianship.guardian_person_id == person_id)
        if row.valid_until > transaction.now
    ]
    grants = await _grants(transaction, ProxyGrant.proxy_person_id == person_id)
    children = [(row, await transaction.session.get_one(Person, row.child_person_id)) for row in guardianships]
    adults = [(row, await transaction.session.get_one(Person, row.patient_person_id)) for row in grants]
    return children, adults


async def guardians_of(transaction: Transaction, child_person_id: str) -> list[str]:
    """Who acts for a child now."""
    rows = await _open_ones(transaction, Guardianship.child_person_id == child_person_id)
    active = [row for row in rows if row.state == GuardianState.ACTIVE and row.valid_until > transaction.now]
    return sorted(row.guardian_person_id for row in active)


async def acts_for(transaction: Transaction, person_id: str, patient_person_id: str, *, scope: str) -> bool:
    """Whether somebody may act for a patient at this instant: as the guardian of a child, or by a grant of a scope."""
    guardian = select(Guardianship.guardianship_id).where(
        Guardianship.guardian_person_id == person_id,
        Guardianship.child_person_id == patient_person_id,
        Guardianship.state == GuardianState.ACTIVE.value,
        Guardianship.ended_at.is_(None),
        Guardianship.valid_until > transaction.now,
    )
    if await transaction.session.scalar(guardian.limit(1)) is not None:
        return True
    grants = await _grants(
        transaction, (ProxyGrant.proxy_person_id == person_id) & (ProxyGrant.patient_person_id == patient_person_id)
    )
    return any(scope in row.scopes for row in grants)


async def end_feeds(transaction: Transaction, person_id: str, made_by: str) -> None:
    """The address under which somebody reads a patient's bookings is good no more."""
    statement = delete(CalendarFeed).where(CalendarFeed.person_id == person_id, CalendarFeed.made_by == made_by)
    await transaction.session.execute(statement)


async def proxies_of(transaction: Transaction, person_id: str) -> list[tuple[ProxyGrant, Person]]:
    """Who may act for an adult now."""
    grants = await _grants(transaction, ProxyGrant.patient_person_id == person_id)
    return [(row, await transaction.session.get_one(Person, row.proxy_person_id)) for row in grants]
