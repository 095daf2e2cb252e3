"""What a search asks for (FHIR R4, search.html): parameters that are known, dates with prefixes, tokens, references.

A parameter that its kind of resource does not know is refused, unless the client prefers lenient handling; then it does
not appear in the answer's ``self`` link either. Repeated parameters and commas mean what FHIR says where that is
supported, and are refused where it is not: no search finds more than was asked for.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlencode

from companion.errors import Problem, define
from companion.rules.local_time import midnight

SearchType = Literal["token", "date", "reference", "string", "uri"]

UNKNOWN_PARAMETER: Final = define(
    "unknown_parameter",
    400,
    sv="Sökningen har ett villkor som inte finns här.",
    en="The search has a parameter that is not known here.",
)
PARAMETER_VALUE: Final = define(
    "parameter_value", 400, sv="Ett villkor i sökningen kan inte användas.", en="A search parameter cannot be used."
)

DEFAULT_COUNT: Final = 50
MAX_COUNT: Final = 200
"""More than this is never in one page, whatever is asked for: FHIR lets a server give fewer."""
MAX_OFFSET: Final = 10_000
_EVERYWHERE: Final = frozenset({"_format", "_pretty"})
_VALUE_MAX: Final = 256
_DATE: Final = re.compile(
    r"(eq|gt|lt|ge|le|sa|eb)?([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(T[0-9:.]{5,15}(?:Z|[+-][0-9]{2}:[0-9]{2}))?)?)?"
)


@dataclass(frozen=True)
class Parameter:
    """A search parameter of a kind of resource."""

    name: str
    kind: SearchType
    documentation: str = ""
    is_private: bool = False
    """Its value is personal, so it may not stand in an address, which programs on the way write down; ``POST
    _search`` carries it.
    """


@dataclass(frozen=True)
class Token:
    """``system|code``; None: whatever it is."""

    system: str | None
    code: str | None = field(repr=False)


@dataclass(frozen=True)
class Span:
    """Instants from ``begins`` to before ``ends``; None: open."""

    begins: datetime | None = None
    ends: datetime | None = None

    def __contains__(self, at: datetime) -> bool:
        return (self.begins is None or self.begins <= at) and (self.ends is None or at < self.ends)

    def within(self, other: "Span") -> "Span":
        """What both allow."""
        begins = [one for one in (self.begins, other.begins) if one is not None]
        ends = [one for one in (self.ends, other.ends) if one is not None]
        return Span(max(begins, default=None), min(ends, default=None))


@dataclass(frozen=True)
class Asked:
    """A search. ``repr`` shows no values."""

    values: Mapping[str, tuple[str, ...]] = field(repr=False)
    private: frozenset[str] = frozenset()
    count: int = DEFAULT_COUNT
    offset: int = 0

    def one(self, name: str) -> str | None:
        """The value of a parameter that is given once."""
        given = self.values.get(name, ())
        if len(given) > 1:
            raise Problem(PARAMETER_VALUE, name, "repeated")
        return given[0] if given else None

    def tokens(self, name: str) -> list[Token]:
        """Any of these; empty: not asked for."""
        text = self.one(name)
        if text is None:
            return []
        found = []
        for part in text.split(","):
            system, bar, code = part.rpartition("|")
            if not code and not system:
                raise Problem(PARAMETER_VALUE, name)
            found.append(Token(system or ("" if bar else None), code or None))
        return found

    def codes(self, name: str, system: str | None, known: Iterable[str]) -> frozenset[str]:
        """Any of these codes of one system; empty: not asked for. A code that is not known is refused."""
        allowed = frozenset(known)
        found = set()
        for token in self.tokens(name):
            if token.system not in (None, system) or token.code not in allowed:
                raise Problem(PARAMETER_VALUE, name, "not a known code")
            found.add(token.code)
        return frozenset(found)

    def ids(self, name: str = "_id") -> frozenset[str]:
        """Any of these ids; empty: not asked for."""
        text = self.one(name)
        return frozenset() if text is None else frozenset(text.split(","))

    def reference(self, name: str, *kinds: str) -> tuple[str, str] | None:
        """Kind and id of what is referred to; a bare id is of the first kind."""
        text = self.one(name)
        if text is None:
            return None
        kind, slash, reference_id = text.partition("/")
        if not slash:
            kind, reference_id = kinds[0], text
        if kind not in kinds or not re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", reference_id):
            raise Problem(PARAMETER_VALUE, name)
        return kind, reference_id

    def span(self, name: str) -> Span:
        """When; several values narrow it. Days are those of Stockholm."""
        found = Span()
        for text in self.values.get(name, ()):
            found = found.within(_span(name, text))
        return found

    @property
    def next_page(self) -> "Asked":
        """The same, from where this page ends."""
        return replace(self, offset=self.offset + self.count)

    @property
    def link(self) -> str:
        """The question as an address says it; without what is private."""
        pairs = [(name, value) for name, given in self.values.items() for value in given if name not in self.private]
        pairs.append(("_count", str(self.count)))
        return urlencode(pairs + ([("_offset", str(self.offset))] if self.offset else []), safe="|/:,")


def asked(
    parameters: Iterable[Parameter],
    given: Iterable[tuple[str, str]],
    *,
    is_lenient: bool = False,
    in_address: bool = True,
    max_count: int = MAX_COUNT,
) -> Asked:
    """The search that those names and values make; ``Problem`` for what is not known (400)."""
    known = {one.name: one for one in parameters}
    values: dict[str, tuple[str, ...]] = {}
    numbers = {"_count": DEFAULT_COUNT, "_offset": 0}
    for name, value in given:
        base, colon, _ = name.partition(":")
        if value == "" or name in _EVERYWHERE:  # an empty parameter was not given (search.html)
            continue
        if name in numbers:
            numbers[name] = _number(name, value)
        elif name in known:
            if known[name].is_private and in_address:
                raise Problem(PARAMETER_VALUE, name, "only in the body of POST _search")
            if len(value) > _VALUE_MAX or "\0" in value:
                raise Problem(PARAMETER_VALUE, name)
            values[name] = (*values.get(name, ()), value)
        elif colon and base in known:  # a modifier is never ignored: it changes what is found
            raise Problem(UNKNOWN_PARAMETER, base, "modifiers are not supported")
        elif not is_lenient:
            raise Problem(UNKNOWN_PARAMETER, name if re.fullmatch(r"[A-Za-z_.:-]{1,40}", name) else None)
    private = frozenset(one.name for one in known.values() if one.is_private)
    return Asked(values, private, min(numbers["_count"], max_count), numbers["_offset"])


def _number(name: str, text: str) -> int:
    least = 1 if name == "_count" else 0
    if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) or (not least and int(text) > MAX_OFFSET):
        raise Problem(PARAMETER_VALUE, name)
    return int(text)


def _span(name: str, text: str) -> Span:
    """One value: with a year, a month, a day or an instant, the prefix says before, in or after it."""
    match = _DATE.fullmatch(text.replace(" ", "+"))  # a plus that was not encoded
    if match is None:
        raise Problem(PARAMETER_VALUE, name)
    try:
        begins, ends = _bounds(*match.groups()[1:])
    except (ValueError, OverflowError):
        raise Problem(PARAMETER_VALUE, name) from None
    match match[1]:
        case "gt" | "sa":
            return Span(ends, None)
        case "ge":
            return Span(begins, None)
        case "lt" | "eb":
            return Span(None, begins)
        case "le":
            return Span(None, ends)
        case _:
            return Span(begins, ends)


def _bounds(year: str, month: str | None, day: str | None, time: str | None) -> tuple[datetime, datetime]:
    first = date(int(year), int(month or 1), int(day or 1))
    if not 1900 <= first.year <= 2199:
        raise ValueError("far from where calendars are kept")
    if time is not None:
        at = datetime.fromisoformat(f"{first.isoformat()}{time}").astimezone(UTC)
        has_seconds = time.count(":") - (1 if time[-6] in "+-" else 0) > 1
        return at, at + (timedelta(seconds=1) if has_seconds else timedelta(minutes=1))
    if day is not None:
        following = first + timedelta(days=1)
    elif month is not None:
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    else:
        following = date(first.year + 1, 1, 1)
    return midnight(first), midnight(following)
