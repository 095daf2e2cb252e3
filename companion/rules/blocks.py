"""Spärr, consent, emergency access: who in health care may read what another unit or provider has written.

What the reader's own unit has written is open to it; permissions (``auth.permissions``) come first and are not repeated
here. Beyond that, somebody who treats the patient (a care relation) reads what other units of the own care provider
have written, and with the patient's consent what other providers have (lag 2022:913 om sammanhållen vård- och
omsorgsdokumentation). A block (spärr, patientdatalagen 2008:355, chapter 4 section 4) stands before
both. Emergency access (nödöppning) passes all three for one person and a short time, with a reason, and is reviewed by
somebody else.

That something is blocked may be told, where and what may not: ``sift`` counts it only.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, TypeVar

from companion.errors import Problem, ProblemKind, define

BLOCKED: Final = define(
    "blocked", 403, sv="Patienten har spärrat uppgifterna.", en="The patient has blocked this information."
)
NO_CONSENT: Final = define(
    "no_consent", 403, sv="Patientens samtycke saknas.", en="The patient has not consented to this."
)
NO_CARE_RELATION: Final = define(
    "no_care_relation",
    403,
    sv="Det finns ingen vårdrelation till patienten.",
    en="There is no care relation with the patient.",
)
BLOCK_STATE: Final = define("block_state", 409, sv="Spärren är redan hävd.", en="The block has been lifted already.")
CONSENT_PERIOD: Final = define(
    "consent_period", 422, sv="Ange en tid inom den längsta.", en="Give a period within the longest one."
)
EMERGENCY_REASON: Final = define(
    "emergency_reason", 422, sv="Ange skälet till nödöppningen.", en="Give the reason for the emergency access."
)
EMERGENCY_STATE: Final = define(
    "emergency_state", 409, sv="Nödöppningen kan inte ändras så.", en="The emergency access cannot be changed so."
)
REVIEW_BY_ANOTHER: Final = define(
    "review_by_another", 403, sv="Någon annan måste granska.", en="Somebody else must review it."
)
GUARDIAN_CANNOT_BLOCK: Final = define(
    "guardian_cannot_block",
    403,
    sv="En vårdnadshavare kan inte spärra ett barns uppgifter.",
    en="A guardian cannot block a child's information.",
)
REASON_MISSING: Final = define(
    "reason_missing", 422, sv="Ange skälet med egna ord.", en="Give the reason in words of your own."
)
ACCESS_PERIOD: Final = define(
    "access_period", 422, sv="Ange en tid inom den längsta.", en="Give a time within the longest one."
)
ACCESS_STATE: Final = define("access_state", 409, sv="Det har redan upphört.", en="It has ended already.")

MIN_REASON_CHARACTERS: Final = 10
MAX_REASON_CHARACTERS: Final = 1000


@dataclass(frozen=True)
class Place:
    """A unit and the care provider that it belongs to."""

    provider_hsa_id: str
    unit_hsa_id: str


@dataclass(frozen=True)
class Block:
    """The patient lets nobody outside read what a provider, or one unit of it, has written."""

    provider_hsa_id: str
    unit_hsa_id: str | None
    """None: the whole provider, against other providers. A unit: against everybody outside the unit."""
    since: datetime
    lifted_at: datetime | None = None

    def hides(self, data: Place, reader: Place, now: datetime) -> bool:
        """Whether it stands between them."""
        if now < self.since or (self.lifted_at is not None and now >= self.lifted_at):
            return False
        if self.provider_hsa_id != data.provider_hsa_id:
            return False
        if self.unit_hsa_id is None:
            return reader.provider_hsa_id != data.provider_hsa_id
        return self.unit_hsa_id == data.unit_hsa_id and reader != data


@dataclass(frozen=True)
class Period:
    """From the first instant, until before the second."""

    begins_at: datetime
    ends_at: datetime

    def contains(self, now: datetime) -> bool:
        """Whether ``now`` is in it."""
        return self.begins_at <= now < self.ends_at


@dataclass(frozen=True)
class Consent:
    """The patient lets a care provider read what others have written."""

    reader_provider_hsa_id: str
    period: Period
    withdrawn_at: datetime | None = None

    def is_in_force(self, now: datetime) -> bool:
        """Whether it counts at ``now``."""
        return self.period.contains(now) and (self.withdrawn_at is None or now < self.withdrawn_at)


@dataclass(frozen=True)
class Lifting:
    """The patient lets one unit read what is blocked, for a time (tillfällig hävning); the blocks stand on."""

    reader: Place
    period: Period
    ended_at: datetime | None = None

    def is_in_force(self, reader: Place, now: datetime) -> bool:
        """Whether it counts for that reader at ``now``."""
        is_over = self.ended_at is not None and now >= self.ended_at
        return self.reader == reader and self.period.contains(now) and not is_over


@dataclass(frozen=True)
class CareRelation:
    """The patient is treated by a unit (a booking, a case, a referral) during a time."""

    unit: Place
    period: Period


EmergencyReason = Literal["life_or_health", "cannot_consent"]


@dataclass(frozen=True)
class EmergencyAccess:
    """Somebody has opened what is closed to them, for a reason and until an instant."""

    staff_hsa_id: str
    opened_from: Place
    """The commission in which it was done; it counts in no other."""
    data_provider_hsa_id: str | None
    """Whose data were opened; None: everybody's, since nobody is told beforehand where something is blocked."""
    period: Period
    closed_at: datetime | None = None

    def opens(self, reader_hsa_id: str, reader: Place, data: Place, now: datetime) -> bool:
        """Whether it lets that reader read those data now."""
        return (
            self.staff_hsa_id == reader_hsa_id
            and self.opened_from == reader
            and self.data_provider_hsa_id in (None, data.provider_hsa_id)
            and self.period.contains(now)
            and (self.closed_at is None or now < self.closed_at)
        )


@dataclass(frozen=True)
class Reader:
    """Who wants to read: a staff member in a commission."""

    hsa_id: str
    place: Place


@dataclass(frozen=True)
class Situation:
    """All that is stored about one patient's wishes and care."""

    blocks: tuple[Block, ...] = ()
    consents: tuple[Consent, ...] = ()
    relations: tuple[CareRelation, ...] = ()
    emergencies: tuple[EmergencyAccess, ...] = ()
    liftings: tuple[Lifting, ...] = ()


Basis = Literal["own_unit", "own_provider", "consent", "emergency"]
Hindrance = Literal["no_care_relation", "no_consent", "blocked"]


@dataclass(frozen=True)
class Access:
    """May they, and on what ground or for what hindrance. Just one of the two is set."""

    basis: Basis | None = None
    hindrance: Hindrance | None = None

    def __bool__(self) -> bool:
        return self.basis is not None


def access(reader: Reader, data: Place, situation: Situation, now: datetime) -> Access:
    """Whether ``reader`` may read what ``data`` has written about the patient of ``situation``."""
    if reader.place == data:
        return Access(basis="own_unit")
    hindrance = _hindrance(reader, data, situation, now)
    if hindrance is None:
        is_own = reader.place.provider_hsa_id == data.provider_hsa_id
        return Access(basis="own_provider" if is_own else "consent")
    if any(one.opens(reader.hsa_id, reader.place, data, now) for one in situation.emergencies):
        return Access(basis="emergency")
    return Access(hindrance=hindrance)


def _hindrance(reader: Reader, data: Place, situation: Situation, now: datetime) -> Hindrance | None:
    """What stands between them. Without a care relation nothing else is told, not even that there is a block."""
    if not is_treating(reader.place, situation, now):
        return "no_care_relation"
    is_lifted = any(one.is_in_force(reader.place, now) for one in situation.liftings)
    if not is_lifted and any(block.hides(data, reader.place, now) for block in situation.blocks):
        return "blocked"
    if reader.place.provider_hsa_id == data.provider_hsa_id:
        return None
    is_agreed = any(
        one.reader_provider_hsa_id == reader.place.provider_hsa_id and one.is_in_force(now)
        for one in situation.consents
    )
    return None if is_agreed else "no_consent"


def is_treating(unit: Place, situation: Situation, now: datetime) -> bool:
    """Whether the unit has a care relation with the patient now."""
    return any(one.unit == unit and one.period.contains(now) for one in situation.relations)


PROBLEMS: Final[Mapping[Hindrance, ProblemKind]] = MappingProxyType(
    {"no_care_relation": NO_CARE_RELATION, "no_consent": NO_CONSENT, "blocked": BLOCKED}
)


def check_access(reader: Reader, data: Place, situation: Situation, now: datetime) -> Basis:
    """On what ground they may; ``Problem`` when they may not."""
    decided = access(reader, data, situation, now)
    if decided.hindrance is not None:
        raise Problem(PROBLEMS[decided.hindrance])
    assert decided.basis is not None
    return decided.basis


Item = TypeVar("Item")


def sift(
    items: Iterable[Item], place_of: Callable[[Item], Place], reader: Reader, situation: Situation, now: datetime
) -> tuple[list[tuple[Item, Basis]], bool]:
    """What the reader may see and on what ground; and whether something more is there, blocked."""
    seen: list[tuple[Item, Basis]] = []
    is_something_blocked = False
    for item in items:
        decided = access(reader, place_of(item), situation, now)
        if decided.basis is not None:
            seen.append((item, decided.basis))
        is_something_blocked = is_something_blocked or decided.hindrance == "blocked"
    return seen, is_something_blocked


# --- what is asked for -------------------------------------------------------------------------------------------


def check_consent_period(period: Period, now: datetime, max_days: int) -> None:
    """A consent begins now or later, ends after that, and is not for ever."""
    if not now <= period.begins_at < period.ends_at <= now + timedelta(days=max_days):
        raise Problem(CONSENT_PERIOD, "ends_at", extra={"max_days": max_days})


def check_lift(lifted_at: datetime | None) -> None:
    """A block is lifted once; a new one is a new row, so that it can be seen when there was one."""
    if lifted_at is not None:
        raise Problem(BLOCK_STATE)


WishOf = Literal["patient", "guardian"]


def check_block_wish(wish_of: WishOf) -> None:
    """Whose wish staff write down. The child's own counts more and more as it grows; a guardian's never does
    (patientdatalagen, chapter 4 section 4).
    """
    if wish_of == "guardian":
        raise Problem(GUARDIAN_CANNOT_BLOCK, "wish_of")


def check_reason(text: str) -> None:
    """Staff who act on a patient's behalf, or say that they treat one, say why."""
    if not MIN_REASON_CHARACTERS <= len(text.strip()) <= MAX_REASON_CHARACTERS:
        raise Problem(REASON_MISSING, "reason_text", extra={"min_characters": MIN_REASON_CHARACTERS})


def check_until(ends_at: datetime, now: datetime, longest: timedelta) -> None:
    """What begins now ends later, and not too late."""
    if not now < ends_at <= now + longest:
        raise Problem(ACCESS_PERIOD, "ends_at", extra={"max_hours": int(longest.total_seconds()) // 3600})


def check_not_ended(ended_at: datetime | None) -> None:
    """What has ended is not ended again."""
    if ended_at is not None:
        raise Problem(ACCESS_STATE)


def emergency_period(reason_text: str, now: datetime, hours: int) -> Period:
    """How long an emergency access counts; ``Problem`` without a reason in words."""
    if not MIN_REASON_CHARACTERS <= len(reason_text.strip()) <= MAX_REASON_CHARACTERS:
        raise Problem(EMERGENCY_REASON, "reason_text", extra={"min_characters": MIN_REASON_CHARACTERS})
    return Period(now, now + timedelta(hours=hours))


Verdict = Literal["justified", "unjustified"]


def check_close(period: Period, closed_at: datetime | None, now: datetime) -> None:
    """Whoever opened it may end it before its time."""
    if closed_at is not None or not period.contains(now):
        raise Problem(EMERGENCY_STATE, detail="it is over")


def check_review(*, opened_by: str, reviewer: str, verdict: Verdict | None) -> None:
    """Each is reviewed once, by somebody else than who opened it. ``verdict``: the one there is."""
    if verdict is not None:
        raise Problem(EMERGENCY_STATE, detail="it has been reviewed")
    if opened_by == reviewer:
        raise Problem(REVIEW_BY_ANOTHER)


def review_due_at(period: Period, days: int) -> datetime:
    """Until when somebody must have looked at it."""
    return period.begins_at + timedelta(days=days)
