"""docs/companion.md: settings, routes and problems of the companion, made of the code so that it cannot drift.

``python -m companion.documents`` writes it, docs/fhir.md (``companion/fhir_document.py``) and
``signalling/care_table.py`` (``companion/page_routes.py``), ``--check`` only tells whether they are out of date.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fastapi.routing import APIRoute

from companion import fhir_document, page_routes, rules, store
from companion.errors import CATALOGUE, TYPE_PREFIX
from companion.event_kinds import EVENT_KINDS
from companion.identity import Guard, guards_of
from companion.metrics import Metrics
from companion.routes import ROUTERS
from companion.rules.retention import FRONT_TABLE, TABLE
from companion.settings import CompanionSettings

PATH: Final = Path(__file__).resolve().parent.parent / "docs" / "companion.md"

_INTRODUCTION: Final = """\
# The companion

Bookings and records: `python -m companion`, a REST service of its own process. The front asks it on behalf of people;
record systems ask it themselves. `/docs` of a running companion has every field of every request and answer (OpenAPI).

Generated from the code by `make docs`.

Who asks is said by `Authorization: Bearer <token>`: a JWT of one minute with the audience `alltid-oppet:companion`,
signed with the token keys, which carries the whole principal (`auth/principal_tokens.py`). There are no cookies. What a
role may do is in [permissions.md](permissions.md). Things of other patients and other care providers are not found
(404), whatever they are.

A POST may carry `Idempotency-Key`. The same key with the same request gets the same answer again, marked with
`Idempotency-Replayed: true`, and nothing happens twice.

Below `/fhir` the same things are FHIR R4: [fhir.md](fhir.md).

Instants are UTC in requests and answers. Days and the times of templates are local (Europe/Stockholm).
"""

_PROBLEMS: Final = f"""\
Every error is `application/problem+json` (RFC 9457): `type` (`{TYPE_PREFIX}` and the code),
`title` in the language of `Accept-Language` (Swedish or English), `status`, the stable `code`, and where it applies the
`field` at fault and a `detail` for programmers. `slot_taken` has `alternatives`: the three nearest free slots.
"""


_EVENTS: Final = """\
What the outbox tells the front (`ALLTID_COMPANION_EVENTS_URL`): at least once, with a key by which it acts once.
"""

_METRICS: Final = """\
For Prometheus, at `/metrics` of a port of its own (`ALLTID_COMPANION_METRICS_PORT`).
"""

_RETENTION: Final = """\
How long data are kept, as `GET /retention` publishes it. A job does it once an hour in small transactions
(`companion/store/retention.py`, areas in `companion/retention/`). What was a patient's stands in the audit log. A legal
hold keeps what it names whatever the table says. The last rows are of the front, which erases by itself; no hold
reaches them, and their times are its settings. Years and days end at midnight in Stockholm.
"""


def routes() -> Iterator[tuple[str, APIRoute]]:
    """All routes, each method apart."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                for method in sorted(route.methods or ()):
                    yield method, route


def _summary(route: APIRoute) -> str:
    return (route.description or "").split("\n\n")[0].replace("\n", " ")


def _route_lines() -> Iterator[str]:
    yield "| Route | Action | What it does |"
    yield "|---|---|---|"
    for method, route in routes():
        guard = guards_of(route)[0]
        action = f"`{guard.action}`" if isinstance(guard, Guard) else "public"
        yield f"| `{method} {route.path}` | {action} | {_summary(route)} |"


def _know_all_problems() -> None:
    """Each kind of problem is defined beside its rule: so import every rule, those without a route yet included."""
    for module in pkgutil.iter_modules(rules.__path__, f"{rules.__name__}."):
        importlib.import_module(module.name)
    for module in pkgutil.iter_modules(store.__path__, f"{store.__name__}."):
        importlib.import_module(module.name)


def _problem_lines() -> Iterator[str]:
    _know_all_problems()
    yield "| Code | Status | Svenska | English |"
    yield "|---|---|---|---|"
    for kind in sorted(CATALOGUE.values(), key=lambda one: (one.status, one.code)):
        yield f"| `{kind.code}` | {kind.status} | {kind.sv} | {kind.en} |"


def _retention_lines() -> Iterator[str]:
    yield "| Data | Kept | Counted from | Then | Why |"
    yield "|---|---|---|---|---|"
    for kind, row in (*TABLE.items(), *FRONT_TABLE.items()):
        parts = ((row.keep.years, "year"), (row.keep.days, "day"), (row.keep.hours, "hour"))
        time = ", ".join(f"{number} {unit}{'s' * (number > 1)}" for number, unit in parts if number)
        yield f"| `{kind}` | {time} | {row.counted_from} | {row.fate} | {row.reason} |"


def _event_lines() -> Iterator[str]:
    yield "| Event | What has happened |"
    yield "|---|---|"
    for kind, meaning in EVENT_KINDS.items():
        yield f"| `{kind}` | {meaning} |"


def _metric_lines() -> Iterator[str]:
    yield "| Metric | Type | Meaning |"
    yield "|---|---|---|"
    for metric in sorted(Metrics().registry.collect(), key=lambda metric: metric.name):
        suffix = "_total" if metric.type == "counter" else ""
        yield f"| `{metric.name}{suffix}` | {metric.type} | {metric.documentation} |"


def _setting_lines() -> Iterator[str]:
    yield "| Variable | Default | What it is |"
    yield "|---|---|---|"
    for name, field in CompanionSettings.model_fields.items():
        default: Any = field.default
        shown = "" if default in (None, "") else f"`{default}`"
        yield f"| `ALLTID_{name.upper()}` | {shown} | {field.description} |"


def document() -> str:
    """The whole text."""
    parts = [
        _INTRODUCTION,
        "## Routes\n",
        "\n".join(_route_lines()) + "\n",
        "## Problems\n",
        _PROBLEMS,
        "\n".join(_problem_lines()) + "\n",
        "## Events\n",
        _EVENTS,
        "\n".join(_event_lines()) + "\n",
        "## Retention\n",
        _RETENTION,
        "\n".join(_retention_lines()) + "\n",
        "## Metrics\n",
        _METRICS,
        "\n".join(_metric_lines()) + "\n",
        "## Settings\n",
        "\n".join(_setting_lines()) + "\n",
    ]
    return "\n".join(parts)


def main() -> int:
    """The command line; 1 when ``--check`` found drift."""
    texts = {
        PATH: document(),
        fhir_document.PATH: fhir_document.document(),
        page_routes.PATH: page_routes.module(),
    }
    old = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        return 1 if old else 0
    for path in old:
        path.write_text(texts[path], encoding="utf-8")
        sys.stdout.write(f"written: {path.parent.name}/{path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
