"""Protected identity: what of a person is shown where.

Somebody with sekretessmarkering or skyddad folkbokföring hides from somebody. Where they are, and that they are
somewhere, must not be read off a screen in passing. So what shows people shows a ``ShownPerson``, made here for the
surface that it is for; only staff who have opened that very patient see the name, marked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

Language = Literal["sv", "en"]


class Surface(StrEnum):
    """Where people are shown."""

    OWN = "own"
    """To themselves."""
    RECORD = "record"
    """To staff who have opened this patient: one person, each look in the audit log."""
    QUEUE = "queue"
    """To staff in lists: queues, day lists, waiting rooms, search results."""
    PROXY = "proxy"
    """To somebody who acts for them."""
    GUEST = "guest"
    """To guests, interpreters and other participants."""
    FEED = "feed"
    """In calendars and their feeds, in notices and on letters' windows."""
    STATISTICS = "statistics"
    """In counts and exports for follow-up."""


class Part(StrEnum):
    """What can be shown of a person."""

    NAME = "name"
    NUMBER = "number"
    BIRTH_DATE = "birth_date"
    BIRTH_YEAR = "birth_year"
    SEX = "sex"
    AREA = "area"


_P = Part
PARTS: Final[Mapping[Surface, tuple[frozenset[Part], frozenset[Part]]]] = MappingProxyType(
    {
        Surface.OWN: (frozenset(Part), frozenset(Part) - {_P.AREA}),
        Surface.RECORD: (frozenset(Part), frozenset(Part) - {_P.AREA}),
        Surface.QUEUE: (frozenset({_P.NAME, _P.NUMBER, _P.BIRTH_DATE, _P.BIRTH_YEAR, _P.SEX}), frozenset()),
        Surface.PROXY: (frozenset({_P.NAME, _P.BIRTH_YEAR}), frozenset()),
        Surface.GUEST: (frozenset({_P.NAME}), frozenset()),
        Surface.FEED: (frozenset(), frozenset()),
        Surface.STATISTICS: (frozenset({_P.BIRTH_YEAR, _P.SEX, _P.AREA}), frozenset()),
    }
)
"""For each surface: the parts of people in general, and of people with a protected identity."""

MASKED_NAME: Final[Mapping[Language, str]] = MappingProxyType({"sv": "Skyddad identitet", "en": "Protected identity"})
"""To staff: they must know that care is needed."""
NEUTRAL_NAME: Final[Mapping[Language, str]] = MappingProxyType({"sv": "Deltagare", "en": "Participant"})
"""To everybody else: not even that the identity is protected."""
_TELLS_PROTECTION: Final = frozenset({Surface.OWN, Surface.RECORD, Surface.QUEUE})


@dataclass(frozen=True)
class Identity:
    """What is known of a person. ``repr`` shows nothing."""

    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    number: str = field(repr=False)
    birth_date: date | None = field(repr=False)
    sex: str = field(repr=False)
    area: str | None = field(repr=False)
    is_protected: bool = field(repr=False)


@dataclass(frozen=True)
class ShownPerson:
    """What of it a surface shows; None: nothing is said."""

    name: str = field(repr=False)
    number: str | None = field(default=None, repr=False)
    birth_date: date | None = field(default=None, repr=False)
    birth_year: int | None = field(default=None, repr=False)
    sex: str | None = field(default=None, repr=False)
    area: str | None = field(default=None, repr=False)
    is_marked: bool = False
    """Staff are told that the identity is protected."""


def shown(person: Identity, surface: Surface, language: Language = "sv") -> ShownPerson:
    """The person as that surface shows one."""
    parts = PARTS[surface][person.is_protected]
    tells = surface in _TELLS_PROTECTION
    is_masked_openly = person.is_protected and tells
    stand_in = MASKED_NAME[language] if is_masked_openly else NEUTRAL_NAME[language]
    born = person.birth_date
    return ShownPerson(
        name=f"{person.given_name} {person.family_name}".strip() if Part.NAME in parts else stand_in,
        number=person.number if Part.NUMBER in parts else None,
        birth_date=born if Part.BIRTH_DATE in parts else None,
        birth_year=born.year if born is not None and Part.BIRTH_YEAR in parts else None,
        sex=person.sex if Part.SEX in parts else None,
        area=person.area if Part.AREA in parts else None,
        is_marked=is_masked_openly,
    )


def may_be_notified(*, is_protected: bool, channel: Literal["sms", "email", "push", "letter", "calendar"]) -> bool:
    """No SMS, e-mail or calendar of somebody protected lies about on a telephone: a letter, by the tax agency's
    forwarding (Skatteverkets förmedlingsuppdrag), tells nobody where they are.
    """
    return not is_protected or channel == "letter"
