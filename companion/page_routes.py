"""signalling/care_table.py: which routes pages reach through the front, made of the routes so that it cannot drift.

A page reaches what some role of a person may do, and what is public. What only programs do (registers, the front
itself) is not among it, nor is ``/fhir``, which record systems ask directly.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fastapi.routing import APIRoute

from auth.permissions import TABLE
from companion.each_request import MAX_BODY_BYTES
from companion.identity import Guard, guards_of
from companion.routes import ROUTERS

PATH: Final = Path(__file__).resolve().parent.parent / "signalling" / "care_table.py"
JSON: Final = "application/json"
NOT_FOR_PAGES: Final = ("/fhir/", "/healthz")
"""Beginnings of paths."""
_NOT_PEOPLE: Final = frozenset({"service", "guest", "interpreter"})
"""Roles that come with no login: guests and interpreters have a meeting, and nothing else."""

_HEAD: Final = '''\
"""The routes of the companion that pages reach below ``/api/care``: method, path, action (None: public); and those that
take something else than JSON.

Generated from the companion's routes by ``python -m companion.documents``: do not edit. After a conflict take either
side and generate it anew.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from auth.permissions import Action

'''


def page_routes() -> Iterator[tuple[str, str, str | None]]:
    """Method, path and action's name of each, sorted by path."""
    found = []
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and not route.path.startswith(NOT_FOR_PAGES):
                guard = guards_of(route)[0]
                action = guard.action if isinstance(guard, Guard) else None
                if action is None or {role for role, _ in TABLE[action].allowed} - _NOT_PEOPLE:
                    name = None if action is None else action.name
                    found += [(route.path, method, name) for method in sorted(route.methods or ())]
    for path, method, name in sorted(found, key=lambda one: one[:2]):
        yield method, path, name


def body_types() -> Iterator[tuple[str, str, str, int]]:
    """Method, path, type and size (bytes, at most) of the bodies that are no JSON, sorted by path."""
    reached = {(method, path) for method, path, _ in page_routes()}
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                for field in route.dependant.body_params:
                    media_type = getattr(field.field_info, "media_type", JSON)
                    places = sorted((method, route.path) for method in route.methods or ())
                    if media_type != JSON:
                        yield from ((*place, media_type, MAX_BODY_BYTES) for place in places if place in reached)


def module() -> str:
    """The text of the file."""
    lines = [
        f'    ("{method}", "{path}", {"None" if name is None else f"Action.{name}"}),'
        for method, path, name in page_routes()
    ]
    rows = "\n".join(lines)
    bodies = "\n".join(
        f'        ("{method}", "{path}"): ("{media_type}", {size}),' for method, path, media_type, size in body_types()
    )
    return (
        f"{_HEAD}CARE_ROUTES: Final[tuple[tuple[str, str, Action | None], ...]] = (\n{rows}\n)\n\n"
        "CARE_BODIES: Final[Mapping[tuple[str, str], tuple[str, int]]] = MappingProxyType(\n"
        f"    {{\n{bodies}\n    }}\n)\n"
        '"""Routes whose body is no JSON: its type, and its size in bytes at most."""\n'
    )
