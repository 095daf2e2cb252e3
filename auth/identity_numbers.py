"""Identity numbers of patients: parse, validate, format. Twelve characters and the system that issued them.

================  ==============  =========================================================================
personnummer      YYYYMMDDNNNC    check digit by Luhn over YYMMDDNNN (folkbokföringslagen 18 §)
samordningsnummer YYYYMMDDNNNC    the day plus 60, else the same (folkbokföringslagen 18 a §)
national reserve  XXYYMMDDNNGC    Inera's nationellt reservnummer: XX is the century of birth plus a multiple of
                                  three (22 for 19, 23 for 20...), NN letters, G a digit or, sex unknown, a letter;
                                  date of birth unknown: XX 00, MM 20-99, DD 40-59. Luhn over all eleven
                                  characters, a letter counting as its ASCII code
Stockholm reserve 99yyyyNNNNNC    Region Stockholm's reservnummer: yyyy a year, check digit by Luhn over
                                  positions 5 to 11
================  ==============  =========================================================================

The clock is an argument (``today``: the date in Europe/Stockholm). Errors never quote what was read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from personnummer import personnummer

COORDINATION_DAY_OFFSET: Final = 60
MAX_INPUT_CHARACTERS: Final = 32
"""More than any way of writing a number; longer texts are refused unread."""

IdentityNumberErrorCode = Literal["format", "date", "check_digit", "system"]


class IdentitySystem(StrEnum):
    """Who issued a number. The value is the one of FHIR's ``Identifier.system``."""

    PERSONNUMMER = "http://electronichealth.se/identifier/personnummer"
    SAMORDNINGSNUMMER = "http://electronichealth.se/identifier/samordningsnummer"
    NATIONAL_RESERVE = "http://electronichealth.se/identifier/nationelltReservnummer"
    STOCKHOLM_RESERVE = "urn:oid:1.2.752.97.3.1.3"


OIDS: Final[Mapping[IdentitySystem, str]] = MappingProxyType(
    {
        IdentitySystem.PERSONNUMMER: "1.2.752.129.2.1.3.1",
        IdentitySystem.SAMORDNINGSNUMMER: "1.2.752.129.2.1.3.3",
        IdentitySystem.NATIONAL_RESERVE: "1.2.752.74.9.1",
        IdentitySystem.STOCKHOLM_RESERVE: "1.2.752.97.3.1.3",
    }
)
"""The same systems as older services name them."""


class IdentityNumberError(ValueError):
    """No identity number. ``code``: ``format`` its shape, ``date`` no such day or one to come, ``check_digit``,
    ``system`` valid, but not in the system that was asked for.
    """

    def __init__(self, code: IdentityNumberErrorCode) -> None:
        super().__init__(code)
        self.code: IdentityNumberErrorCode = code


@dataclass(frozen=True)
class IdentityNumber:
    """A valid number: twelve characters in a system. ``repr`` shows nothing of it."""

    system: IdentitySystem
    value: str
    birth_date: date | None
    """None where the number does not tell (reserve numbers)."""

    @property
    def formatted(self) -> str:
        """With a hyphen after the eighth character; Region Stockholm's reserve numbers are written without."""
        if self.system is IdentitySystem.STOCKHOLM_RESERVE:
            return self.value
        return f"{self.value[:8]}-{self.value[8:]}"

    @property
    def oid(self) -> str:
        """The system as an object identifier."""
        return OIDS[self.system]

    def __repr__(self) -> str:
        return f"IdentityNumber({self.system.name})"


def parse(text: str, *, today: date, system: IdentitySystem | None = None) -> IdentityNumber:
    """Read a number as people and systems write it: with or without hyphen and blanks, 10 digits or 12 characters.

    With ten digits the century is the latest in which the birth is not to come, one earlier after ``+``.
    ``system``: the only one to accept. Raises ``IdentityNumberError``.
    """
    number = _parse_compact(_compact(text, today), today)
    if system is not None and number.system is not system:
        raise IdentityNumberError("system")
    return number


_TEN_DIGITS = re.compile(r"([0-9]{6})([-+]?)([0-9]{4})")
_TWELVE = re.compile(r"([0-9]{8})-?([0-9A-Z]{4})")
_DIGITS = re.compile(r"[0-9]{12}")
_LETTERS = "A-HJ-NPR-UX-Z"  # neither I, O, Q, V nor W
_NATIONAL_RESERVE = re.compile(rf"[0-9]{{8}}[{_LETTERS}]{{2}}[0-9{_LETTERS}][0-9]")
_CENTURY_BY_REMAINDER: Final = MappingProxyType({1: 19, 2: 20})
"""XX modulo 3 -> century of birth: 22, 25... are 19; 23, 26... are 20."""


def _compact(text: str, today: date) -> str:
    """Twelve characters without separators."""
    if len(text) > MAX_INPUT_CHARACTERS:
        raise IdentityNumberError("format")
    trimmed = re.sub(r"[ \t\u00a0]", "", text).replace("\u2013", "-").upper()
    if match := _TWELVE.fullmatch(trimmed):
        return match[1] + match[2]
    if match := _TEN_DIGITS.fullmatch(trimmed):
        return _with_century(match[1] + match[3], is_over_hundred=match[2] == "+", today=today)
    raise IdentityNumberError("format")


def _with_century(digits: str, *, is_over_hundred: bool, today: date) -> str:
    """The sign becomes ``+`` at the beginning of the year in which somebody turns 100, not on the birthday."""
    year = today.year - (today.year - int(digits[:2])) % 100
    day = int(digits[4:6]) % COORDINATION_DAY_OFFSET
    is_to_come = year == today.year and (int(digits[2:4]), day) > (today.month, today.day)
    if is_over_hundred or is_to_come:
        year -= 100
    return f"{year // 100:02}{digits}"


def _parse_compact(value: str, today: date) -> IdentityNumber:
    if value.startswith("99") and _DIGITS.fullmatch(value):
        return _stockholm_reserve(value)
    if _DIGITS.fullmatch(value):
        return _registered(value, today)
    if _NATIONAL_RESERVE.fullmatch(value):
        return _national_reserve(value, today)
    raise IdentityNumberError("format")


def _registered(value: str, today: date) -> IdentityNumber:
    """A personnummer or samordningsnummer; date, check digit and serial are judged by the package personnummer."""
    if value[:2] not in ("18", "19", "20") or value[8:11] == "000":
        raise IdentityNumberError("format")
    offset = COORDINATION_DAY_OFFSET if int(value[6:8]) > COORDINATION_DAY_OFFSET else 0
    birth_date = _date(int(value[:4]), int(value[4:6]), int(value[6:8]) - offset, today)
    try:
        personnummer.Personnummer(value)
    except personnummer.PersonnummerException:
        raise IdentityNumberError("check_digit") from None
    return IdentityNumber(
        IdentitySystem.SAMORDNINGSNUMMER if offset else IdentitySystem.PERSONNUMMER, value, birth_date
    )


def _national_reserve(value: str, today: date) -> IdentityNumber:
    first, month, day = int(value[:2]), int(value[4:6]), int(value[6:8])
    birth_date = None
    if first == 0:
        if month < 20 or not 40 <= day <= 59:
            raise IdentityNumberError("date")
    else:
        century = _CENTURY_BY_REMAINDER.get(first % 3)
        if first < 22 or century is None:
            raise IdentityNumberError("date")
        birth_date = _date(century * 100 + int(value[2:4]), month, day, today)
    if luhn_digit(value[:11]) != value[11]:
        raise IdentityNumberError("check_digit")
    return IdentityNumber(IdentitySystem.NATIONAL_RESERVE, value, birth_date)


def _stockholm_reserve(value: str) -> IdentityNumber:
    if not 1900 <= int(value[2:6]) <= 2299:
        raise IdentityNumberError("date")
    if luhn_digit(value[4:11]) != value[11]:
        raise IdentityNumberError("check_digit")
    return IdentityNumber(IdentitySystem.STOCKHOLM_RESERVE, value, None)


def _date(year: int, month: int, day: int, today: date) -> date:
    try:
        born = date(year, month, day)
    except ValueError:
        raise IdentityNumberError("date") from None
    if born > today:
        raise IdentityNumberError("date")
    return born


def luhn_digit(characters: str) -> str:
    """The check digit after ``characters``: Luhn, modulus 10, the last of them doubled; letters by ASCII code."""
    values = (int(one) if one.isdigit() else ord(one) for one in reversed(characters))
    doubled = (value * (2 - index % 2) for index, value in enumerate(values))
    return str(-sum(int(digit) for number in doubled for digit in str(number)) % 10)
