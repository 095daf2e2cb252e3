"""Ombud: guardians of children under 13, and grants between adults.

A guardianship (vårdnadshavares ombudskap) is asked for, verified against the custody register, and then active until
something ends it. Whatever ends it ends it wholly: a guardian whose child turned 13 sees nothing of the past either,
for what is seen follows from the relation, and there is none any more. A grant (ombud för vuxen) is made by the patient
alone, for named scopes and a time. Why a guardianship is refused is not told: the reason could be that somebody is
protected from the one who asks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from auth.principal import PROXY_SCOPES, ProxyScope
from auth.proxies import GUARDIAN_UNTIL_AGE, birthday
from companion.errors import Problem, define
from companion.rules.local_time import age_on, local_date, midnight
from companion.rules.transitions import following

ADULT_AGE: Final = 18

PROXY_STATE: Final = define(
    "proxy_state", 409, sv="Ombudskapet kan inte ändras så längre.", en="The relation can no longer be changed so."
)
GUARDIANSHIP_NOT_POSSIBLE: Final = define(
    "guardianship_not_possible",
    409,
    sv="Du kan inte bli ombud för barnet här. Kontakta mottagningen.",
    en="You cannot act for this child here. Contact the unit.",
)
GRANT_NOT_POSSIBLE: Final = define(
    "grant_not_possible",
    409,
    sv="Ombudet kan inte läggas till.",
    en="This person cannot be made a proxy.",
)
GRANT_PERIOD: Final = define(
    "grant_period", 422, sv="Ange ett slutdatum inom den längsta tiden.", en="Give an end within the longest time."
)
GRANT_SCOPES: Final = define("grant_scopes", 422, sv="Välj vad ombudet får göra.", en="Choose what the proxy may do.")
TEENAGER_ONLY: Final = define(
    "teenager_only",
    409,
    sv="En vårdnadshavare bjuds in så bara för den som är 13 till 17 år.",
    en="A guardian is invited like this only for somebody of 13 to 17 years.",
)


class GuardianState(StrEnum):
    """``requested -> verified -> active -> ended``."""

    REQUESTED = "requested"
    VERIFIED = "verified"
    ACTIVE = "active"
    ENDED = "ended"


GuardianEvent = Literal["verify", "activate", "end"]
EndCause = Literal["birthday", "custody", "protected", "revoked", "refused"]
"""``custody``: the register names somebody else now. ``refused``: it never named the one who asked."""

_S = GuardianState
TRANSITIONS: Final[Mapping[tuple[GuardianState, GuardianEvent], GuardianState]] = MappingProxyType(
    {
        (_S.REQUESTED, "verify"): _S.VERIFIED,
        (_S.VERIFIED, "activate"): _S.ACTIVE,
        (_S.REQUESTED, "end"): _S.ENDED,
        (_S.VERIFIED, "end"): _S.ENDED,
        (_S.ACTIVE, "end"): _S.ENDED,
    }
)


def after(state: GuardianState, event: GuardianEvent) -> GuardianState:
    """The next state; ``Problem`` when there is none."""
    return following(TRANSITIONS, state, event, PROXY_STATE)


@dataclass(frozen=True)
class Family:
    """What is known of a child and the one who is or would be its proxy."""

    child_birth_date: date | None
    is_in_register: bool
    """Whether the custody register names the guardian."""
    is_protected: bool
    """Whether the identity of either is protected."""


def ends_at(child_birth_date: date) -> datetime:
    """The instant at which a guardianship is over whatever happens: the 13th birthday at 00:00 in Stockholm."""
    return midnight(birthday(child_birth_date, GUARDIAN_UNTIL_AGE))


def end_cause(family: Family, now: datetime) -> EndCause | None:
    """Why a guardianship cannot stand at ``now``; None when it can. A birth date that is not known lets nobody in."""
    if family.is_protected:
        return "protected"
    if family.child_birth_date is None or now >= ends_at(family.child_birth_date):
        return "birthday"
    return None if family.is_in_register else "custody"


def check_verified(family: Family, now: datetime) -> None:
    """The request can become active. One neutral answer to everything that stands against it."""
    if end_cause(family, now) is not None:
        raise Problem(GUARDIANSHIP_NOT_POSSIBLE)


# --- grants ------------------------------------------------------------------------------------------------------


def check_grant(
    *,
    scopes: Iterable[str],
    now: datetime,
    valid_until: datetime,
    max_days: int,
    patient_birth_date: date | None,
    proxy_birth_date: date | None,
    is_self: bool,
) -> frozenset[ProxyScope]:
    """The scopes of a grant that can be made. Both are adults; nobody is one's own proxy."""
    today, named = local_date(now), frozenset(scopes)
    known: frozenset[ProxyScope] = frozenset(scope for scope in PROXY_SCOPES if scope in named)
    if not named or len(known) != len(named):
        raise Problem(GRANT_SCOPES, "scopes")
    if not now < valid_until <= now + timedelta(days=max_days):
        raise Problem(GRANT_PERIOD, "valid_until", extra={"max_days": max_days})
    if is_self or not (is_adult(patient_birth_date, today) and is_adult(proxy_birth_date, today)):
        raise Problem(GRANT_NOT_POSSIBLE)
    return known


def is_adult(birth_date: date | None, day: date) -> bool:
    """18 or older; an unknown birth date is no adult's."""
    return birth_date is not None and age_on(birth_date, day) >= ADULT_AGE


def is_in_force(*, valid_until: datetime, ended_at: datetime | None, now: datetime) -> bool:
    """Whether a grant or an active guardianship counts at ``now``."""
    return ended_at is None and now < valid_until


# --- 13 to 17 ----------------------------------------------------------------------------------------------------


def check_teenager(birth_date: date | None, now: datetime) -> None:
    """Staff may ask a teenager whether a guardian may come to one meeting; the young have proxies, the old grant."""
    if birth_date is None or not GUARDIAN_UNTIL_AGE <= age_on(birth_date, local_date(now)) < ADULT_AGE:
        raise Problem(TEENAGER_ONLY)
