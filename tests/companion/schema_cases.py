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

BODIES: Final[tuple[tuple[bytes, str], ...]] = (
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
    """``count`` requests: of each three one that fits the document, one that does not, one with something hostile."""
    chance = random.Random(f"{seed} {operation.method} {operation.path}")
    fitting = _cases(operation, GenerationMode.POSITIVE, count - count // 4, seed)
    wrong = _cases(operation, GenerationMode.NEGATIVE, count // 4, seed)
    found = []
    for place, case in enumerate(fitting):
        drawn = _drawn(operation, case, chance.getrandbits(32))
        if place % 3 == 2:
            _spoil(drawn, chance)
        found.append(drawn)
    found += [_drawn(operation, case, chance.getrandbits(32), is_wild=True) for case in wrong]
    return found


def draw_bodies(operation: Any, count: int, seed: int) -> list[Drawn]:
    """The bodies of ``BODIES`` (as many as asked for, other ones for each operation) on fitting addresses."""
    if operation.method.upper() not in ("POST", "PUT", "PATCH"):
        return []
    chance = random.Random(f"bodies {seed} {operation.method} {operation.path}")
    (case, *_) = _cases(operation, GenerationMode.POSITIVE, 1, seed)
    found = []
    for body, content_type in chance.sample(BODIES, min(count, len(BODIES))):
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
        places = [*_leaves(drawn.path_parameters), *_leaves(drawn.query)]
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
    "week": "week", "before": "before", "next_before": "before", "secret": "secret",
}  # fmt: skip
_LED: Final = 0.8
"""So often an id that exists stands in the place of one that was drawn."""


def kind_of(name: str) -> str | None:
    """Which ids fit a field or parameter of that name."""
    if name in _ALIASES:
        return _ALIASES[name]
    if name.endswith("person_id"):
        return "person"
    return name if name.endswith(("_id", "_ids")) else None


class Pool:
    """The ids that there are, by kind: what the database was filled with, and what answers tell of."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, None]] = {}

    def add(self, kind: str, value: str) -> None:
        """One more."""
        self._ids.setdefault(kind, {})[value] = None

    def learn(self, answer: Any) -> None:
        """All ids in an answer."""
        if isinstance(answer, dict):
            for name, value in answer.items():
                kind = kind_of(name)
                if kind is not None and isinstance(value, str):
                    self.add(kind, value)
                elif name == "path" and isinstance(value, str) and value.startswith("/calendar/"):
                    self.add("secret", value.rpartition("/")[2])
                self.learn(value)
        elif isinstance(answer, list):
            for one in answer:
                self.learn(one)

    def some(self, kind: str, chance: random.Random) -> str | None:
        """One of a kind: the first and the last ones more often, for much else stands with them."""
        known = list(self._ids.get(kind, ()))
        if not known:
            return None
        if len(known) > 12 and chance.random() < 0.7:
            known = known[:6] + known[-6:]
        return chance.choice(known)

    def lead(self, drawn: Drawn, now: datetime) -> Drawn:
        """The same request with ids that exist, and times near the present, in most places of their kind."""
        chance = random.Random(drawn.number)
        led = deepcopy_of(drawn)
        led.path_parameters = self._led(drawn.path_parameters, None, chance, now)
        led.query = self._led(drawn.query, None, chance, now)
        if not isinstance(drawn.body, bytes) and drawn.body is not NOT_SET:
            led.body = self._led(drawn.body, None, chance, now)
        return led

    def _led(self, value: Any, name: str | None, chance: random.Random, now: datetime) -> Any:
        if isinstance(value, dict):
            return {key: self._led(one, str(key), chance, now) for key, one in value.items()}
        if isinstance(value, list):
            return [self._led(one, name, chance, now) for one in value]
        if isinstance(value, str) and value not in HOSTILE and chance.random() < _LED:
            kind = kind_of(name or "")
            known = self.some(kind, chance) if kind else None
            if known is not None:
                return known
            if INSTANT.match(value):
                return (now + timedelta(minutes=30 * chance.randrange(-500, 3_000))).isoformat()
            if DAY.fullmatch(value):
                return (now.date() + timedelta(days=chance.randrange(-30, 60))).isoformat()
        return value


def deepcopy_of(drawn: Drawn) -> Drawn:
    """A copy that shares nothing but the operation."""
    return Drawn(
        drawn.operation, drawn.case, drawn.number, dict(drawn.path_parameters), dict(drawn.query), dict(drawn.headers),
        drawn.body, drawn.content_type, drawn.is_wild,
    )  # fmt: skip
