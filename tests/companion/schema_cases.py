"""Requests for every operation of the OpenAPI document: drawn by schemathesis, led to what exists, or made hostile.

A request is drawn once, without the ids of a database, and asked of both. Everything follows from the seed.
"""

import random
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from urllib.parse import quote

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.companion.schema_bodies import BODIES

HEX: Final = "0123456789abcdef"
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")
DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
DEEP: Final = 120


def _deep() -> Any:
    value: Any = 1
    for _ in range(DEEP):
        value = [value]
    return value


HOSTILE: Final[tuple[Any, ...]] = (
    "\x00", "a\x00b", "\ud800", "\udfff tail", "\u202e\ufeff", "\U0001f9d1\u200d⚕️" * 20, "", " ", "x" * 9_999,
    "x" * 200_000, "'; DROP TABLE bookings; --", "%00", "../../etc/passwd", "null", "true", "[]", "NaN",
    0, -1, 1, 2**31, 2**31 - 1, -(2**31) - 1, 2**63, 2**63 - 1, -(2**63) - 1, 10**30, 10**400, 0.5, -0.0, 1e308, 1e-320,
    float("nan"), float("inf"), float("-inf"), True, False, None, [], {}, [[]], [None], {"": None}, {"\x00": "\x00"},
    "0001-01-01", "9999-12-31", "1900-01-01", "2199-12-31", "2027-02-29", "2028-02-29", "0000-00-00", "-1", "1e3",
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999-14:00",
    "2027-03-08T08:00:00", "2027-03-28T02:30:00", "2027-10-31T02:30:00+01:00", "1969-12-31T23:59:59Z", "23:59:60",
    "24:00", "00:00", "23:59", "2027-W53", "2027-W00", "9999-W52", "0001-W01", "2026-W53", "٣", "１２", "9" * 30,
    "p-" + "a" * 26, "p-" + "a" * 26 + "\n", "xx-" + "a" * 26, "SE5555555555-1001\n", "SE5555555555-",
    [1] * 5_000, ["a"] * 300, _deep(), {"a": _deep()},
)  # fmt: skip
"""What has broken services before: ends of ranges, what a database or a calendar cannot hold, what is not text."""

RAW_BODIES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"", "application/json"),
    (b"{}", "application/json"),
    (b"[]", "application/json"),
    (b"null", "application/json"),
    (b"{", "application/json"),
    (b'"\\ud800"', "application/json"),
    (b'{"\\ud800": "\\udfff"}', "application/json"),
    (b"\xff\xfe{}", "application/json"),
    (b'{"name": "\xff"}', "application/json"),
    (b"1" * 5_000, "application/json"),
    (b"[" * 50_000, "application/json"),
    (b'{"a":' * 20_000, "application/json"),
    (b"{}", "text/plain"),
    (b"{}", "application/xml"),
    (b"a=1&b=2", "application/x-www-form-urlencoded"),
    (b"{}", "application/json; charset=utf-16"),
    (b"{}", "application/json; charset=no-such"),
    (b"{}", "/;;"),
    (b"{}", ""),
    (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
    (b"\x00" * 64, "application/pdf"),
    (b"%PDF-1.7\n", "application/pdf"),
    (b"x", "application/octet-stream"),
    (b" " * (1024 * 1024 + 1), "application/json"),
)  # fmt: skip
"""Bodies as bytes, with their types."""


@dataclass
class Drawn:
    """A request whose ids are still to be put in."""

    operation: Any
    """Schemathesis' own."""
    case: Any
    """The one that it was made of, for schemathesis' checks."""
    number: int
    """Seeds what is chosen for it at a database."""
    path_parameters: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = NOT_SET
    content_type: str | None = None
    is_wild: bool = False
    """Somebody without the right role may send it too."""
    is_right: bool = False
    """The body is one of ``BODIES``: its places are filled in whenever there is something to fill them."""

    @property
    def method(self) -> str:
        """In capitals."""
        return str(self.operation.method).upper()

    @property
    def path(self) -> str:
        """With the parameters in their places."""
        return re.sub(r"\{([^}]+)\}", lambda match: _in_path(self.path_parameters[match[1]]), self.operation.path)


def _in_path(value: Any) -> str:
    text = quote(_plain(value)[:1_000].encode("utf-8", "surrogatepass"), safe="")
    return text.replace(".", "%2E") if text in (".", "..") else text or "%20"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


@schemathesis.serializer("application/pdf")
def as_it_is(_context: Any, value: Any) -> Any:
    """PDFs are bytes already."""
    return value


def load(document: Mapping[str, Any]) -> OpenApiSchema:
    """The document as schemathesis sees it."""
    schema = schemathesis.openapi.from_dict(dict(document))
    schema.config.generation.update(with_security_parameters=False)
    return schema


def operations(schema: OpenApiSchema) -> Iterator[Any]:
    """All of them; one that schemathesis cannot read is an error."""
    for found in schema.get_all_operations():
        yield found.ok()


def tags(document: Mapping[str, Any]) -> list[str]:
    """The areas of the document, in its order."""
    found = [one["tags"][0] for item in document["paths"].values() for one in item.values()]
    return list(dict.fromkeys(found))


def draw(operation: Any, count: int, seed: int) -> list[Drawn]:
    """``count`` requests that fit the document or do not, and as many that are right where ``BODIES`` has such.

    Every third of what fits, and half of what is right, gets something hostile in one place or two.
    """
    chance = random.Random(f"{seed} {operation.method} {operation.path}")
    fitting = _cases(operation, GenerationMode.POSITIVE, count - count // 4, seed)
    wrong = _cases(operation, GenerationMode.NEGATIVE, count // 4, seed)
    found = [_drawn(operation, case, chance.getrandbits(32)) for case in fitting]
    found += found[: 1 + count // 3 - len(found)]  # operations that take nothing: different people
    right = BODIES.get(f"{operation.method.upper()} {operation.path}")
    if right is not None:
        media_type = next(iter(operation.definition.raw["requestBody"]["content"]))
        for place in range(count):
            drawn = _drawn(operation, fitting[place % len(fitting)], chance.getrandbits(32))
            drawn.body, drawn.content_type, drawn.is_right = deepcopy(right), media_type, True
            drawn.headers, drawn.query = {}, {}
            found.append(drawn)
    for place, drawn in enumerate(found):
        drawn.number = chance.getrandbits(32)
        if place % (2 if drawn.is_right else 3) == 1:
            _spoil(drawn, chance)
    return found + [_drawn(operation, case, chance.getrandbits(32), is_wild=True) for case in wrong]


def draw_bodies(operation: Any, count: int, seed: int) -> list[Drawn]:
    """The bodies of ``RAW_BODIES`` (as many as asked for, other ones for each operation) on fitting addresses."""
    if operation.method.upper() not in ("POST", "PUT", "PATCH"):
        return []
    chance = random.Random(f"bodies {seed} {operation.method} {operation.path}")
    (case, *_) = _cases(operation, GenerationMode.POSITIVE, 1, seed)
    found = []
    for body, content_type in chance.sample(RAW_BODIES, min(count, len(RAW_BODIES))):
        drawn = _drawn(operation, case, chance.getrandbits(32))
        drawn.body, drawn.content_type = body, content_type
        found.append(drawn)
    return found


@cache
def _settings(count: int) -> settings:
    return settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def _cases(operation: Any, mode: GenerationMode, count: int, seed: int) -> list[Any]:
    found: list[Any] = []

    @seeded(seed)
    @_settings(max(count, 1))
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        found.append(case)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the generators, about patterns that they widen
        try:
            collect()
        except Exception as error:
            if type(error).__name__ not in ("Unsatisfiable", "SkipTest", "Skipped"):
                raise
    return found[:count]


def _drawn(operation: Any, case: Any, number: int, *, is_wild: bool = False) -> Drawn:
    body = case.body if isinstance(case.body, bytes) or case.body is NOT_SET else deepcopy(case.body)
    headers = {str(name): _plain(value) for name, value in case.headers.items()}
    return Drawn(
        operation=operation,
        case=case,
        number=number,
        path_parameters=dict(case.path_parameters or {}),
        query=dict(case.query or {}),
        headers={name: value for name, value in headers.items() if name.lower() not in ("authorization", "cookie")},
        body=body,
        content_type=case.media_type,
        is_wild=is_wild or number % 8 == 0,
    )


# --- hostile values --------------------------------------------------------------------------------------------------


def _spoil(drawn: Drawn, chance: random.Random) -> None:
    """Put something hostile into one place, or two."""
    for _ in range(chance.choice((1, 1, 1, 2))):
        places = [] if drawn.is_right else [*_leaves(drawn.path_parameters), *_leaves(drawn.query)]
        if isinstance(drawn.body, dict | list):
            places += [*_leaves(drawn.body)] * 3
        if not places:
            return
        put = chance.choice(places)
        put(deepcopy(chance.choice(HOSTILE)))


def _leaves(container: Any) -> list[Callable[[Any], None]]:
    """A setter for each place in it, containers too."""

    def setter(inside: Any, key: Any) -> Callable[[Any], None]:
        def put(value: Any) -> None:
            inside[key] = value

        return put

    found = []
    pairs = list(container.items() if isinstance(container, dict) else enumerate(container))
    for key, value in pairs:
        found.append(setter(container, key))
        if isinstance(value, dict | list):
            found += _leaves(value)
    return found


# --- what exists -----------------------------------------------------------------------------------------------------

_ALIASES: Final = {
    "unit": "unit", "unit_hsa_id": "unit", "hsa_id": "unit", "clinic_hsa_id": "unit", "schedule.actor": "unit",
    "choices": "unit", "clinics": "unit", "provider_hsa_id": "provider", "data_provider_hsa_id": "provider",
    "provider": "provider", "staff_hsa_id": "staff", "actor": "staff", "guardians": "person", "patient": "person",
    "service-type": "time_type_id", "first_dose_type_id": "time_type_id", "target_id": "conversation_id",
    "week": "week", "number": "number", "proxy_number": "number", "child_number": "child_number", "area": "area",
    "before": "before", "next_before": "before", "secret": "secret",
}  # fmt: skip
MARK: Final = re.compile(r"@([a-z_]*2?)")
SHIFT: Final = re.compile(r"([+-]\d+)([dhD])")
_NUMBERS: Final = {"version": (1, 1, 1, 2), "number": tuple(range(1, 40)), "first_seq": (3, 3, 1)}
_WORDS: Final = {"chain": ("companion",), "side": ("patient", "staff")}
_OWNERS: Final = {"providers": "provider", "staff": "staff"}
_LED: Final = 0.9
"""So often an id that exists stands in the place of one that was drawn."""


def kind_of(name: str) -> str | None:
    """Which ids fit a field or parameter of that name."""
    if name in _ALIASES:
        return _ALIASES[name]
    if name.endswith("person_id"):
        return "person"
    return name if name.endswith(("_id", "_ids")) else None


@dataclass(frozen=True)
class Asker:
    """Who asks, for the choice of ids."""

    name: str
    """The unit, the patient or the program: what one of a unit knows, the others know too."""
    subject: str | None
    """The patient, when they are one or act for one."""


class Pool:
    """The ids that there are, by kind, and who knows them: from the filling of the database and from answers."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, set[str]]] = {}

    def add(self, kind: str, value: str, knower: str = "") -> None:
        """One more, and who knows it."""
        self._ids.setdefault(kind, {}).setdefault(value, set()).add(knower)

    def learn(self, answer: Any, knower: str) -> None:
        """All ids in an answer."""
        if isinstance(answer, dict):
            for name, value in answer.items():
                kind = kind_of(name)
                if kind is not None and isinstance(value, str):
                    self.add(kind, value, knower)
                elif name == "path" and isinstance(value, str) and value.startswith("/calendar/"):
                    self.add("secret", value.rpartition("/")[2], knower)
                self.learn(value, knower)
        elif isinstance(answer, list):
            for one in answer:
                self.learn(one, knower)

    def knows(self, knower: str, drawn: Drawn) -> bool:
        """Whether somebody knows an id for each place of the address."""
        kinds = [kind_of(name) for name in drawn.path_parameters]
        return all(any(knower in each for each in self._ids.get(kind, {}).values()) for kind in kinds if kind)

    def some(self, kind: str, chance: random.Random, knower: str) -> str | None:
        """One of a kind, mostly one that they know: the first and the last more often, for much else stands there."""
        ids = self._ids.get(kind, {})
        known = [value for value, knowers in ids.items() if knower in knowers]
        if not known or chance.random() < 0.1:
            known = list(ids)
        if not known:
            return None
        if len(known) > 12 and chance.random() < 0.7:
            known = known[:6] + known[-6:]
        return chance.choice(known)

    def lead(self, drawn: Drawn, now: datetime, asker: Asker) -> Drawn:
        """The same request with ids that exist, and times near the present, in most places of their kind."""
        leading = _Leading(self, random.Random(drawn.number), now, asker, 1.0 if drawn.is_right else _LED)
        led = deepcopy_of(drawn)
        led.path_parameters = leading.through(drawn.path_parameters)
        owner = _OWNERS.get(str(drawn.operation.path).split("/")[1])
        if owner is not None and "hsa_id" in led.path_parameters:
            led.path_parameters["hsa_id"] = self.some(owner, leading.chance, asker.name)
        led.query = leading.through({k: v for k, v in drawn.query.items() if leading.chance.random() < 0.6})
        if not isinstance(drawn.body, bytes) and drawn.body is not NOT_SET:
            led.body = leading.through(drawn.body)
        return led


@dataclass
class _Leading:
    pool: Pool
    chance: random.Random
    now: datetime
    asker: Asker
    share: float

    def through(self, value: Any, name: str = "") -> Any:
        """The value with everything in it led."""
        if isinstance(value, dict):
            return {key: self.through(one, str(key)) for key, one in value.items()}
        if isinstance(value, list):
            return [self.through(one, name) for one in value]
        if isinstance(value, str) and value not in HOSTILE:
            return self._text(value, name)
        if name in _NUMBERS and type(value) is int and value not in HOSTILE:
            return self.chance.choice(_NUMBERS[name])
        return value

    def _text(self, value: str, name: str) -> str:
        if "@" in value:
            return MARK.sub(lambda match: self._marked(match, name), value)
        shift = SHIFT.fullmatch(value)
        if shift is not None:
            unit = "hours" if shift[2] == "h" else "days"
            at = self.now + timedelta(**{unit: int(shift[1])})
            return (at.date() if shift[2] == "D" else at).isoformat()
        if self.chance.random() > self.share:
            return value
        if name in _WORDS:
            return self.chance.choice(_WORDS[name])
        kind = kind_of(name)
        known = self.pool.some(kind, self.chance, self.asker.name) if kind else None
        if known is not None:
            return known
        if INSTANT.match(value):
            return (self.now + timedelta(minutes=30 * self.chance.randrange(-500, 3_000))).isoformat()
        if DAY.fullmatch(value):
            days = self.chance.choice((0, 1, 2, 3, self.chance.randrange(-30, 60)))
            return (self.now.date() + timedelta(days=days)).isoformat()
        return value

    def _marked(self, match: re.Match[str], name: str) -> str:
        kind = match[1]
        if kind == "me" and self.asker.subject is not None:
            return self.asker.subject
        kind = "person" if kind == "me" else kind or kind_of(name) or name
        return self.pool.some(kind, self.chance, self.asker.name) or match[0]


def deepcopy_of(drawn: Drawn) -> Drawn:
    """A copy that shares nothing but the operation."""
    return Drawn(
        drawn.operation, drawn.case, drawn.number, dict(drawn.path_parameters), dict(drawn.query), dict(drawn.headers),
        drawn.body, drawn.content_type, drawn.is_wild, drawn.is_right,
    )  # fmt: skip
