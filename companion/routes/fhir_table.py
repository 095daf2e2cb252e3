"""The table of what ``/fhir`` serves: each kind of resource registers its routes here, and the CapabilityStatement, the
check of search parameters and the OpenAPI document are made of the same entries.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from companion.errors import MALFORMED, Problem
from companion.fhir.capability import Interaction, Served
from companion.fhir.elements import FHIR_JSON, Resource, searchset
from companion.fhir.outcome import NOT_ACCEPTABLE, UNSUPPORTED_MEDIA_TYPE
from companion.fhir.search import MAX_COUNT, PARAMETER_VALUE, Asked, Parameter, asked
from companion.identity import Caller

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

JSON_PATCH: Final = "application/json-patch+json"
_FORM: Final = "application/x-www-form-urlencoded"
_JSON_FORMATS: Final = frozenset({"json", "application/json", FHIR_JSON, "text/json"})
_ACCEPTED: Final = _JSON_FORMATS | {"*/*", "application/*"}


class Kind:
    """A kind of resource: ``read``, ``search`` and so on register an endpoint for an interaction with it."""

    def __init__(self, name: str, documentation: str, *search: Parameter, max_count: int = MAX_COUNT) -> None:
        self.name = name
        self._documentation = documentation
        self._parameters: Sequence[Parameter] = search
        self._max_count = max_count
        self._routes: list[tuple[Interaction, str, str, Callable[..., Any]]] = []

    @property
    def served(self) -> Served:
        """What the CapabilityStatement says of it."""
        codes = dict.fromkeys(code for code, _, _, _ in self._routes)
        return Served(self.name, tuple(codes), self._parameters, self._documentation)

    def add_to(self, router: APIRouter) -> None:
        """Its routes."""
        for code, method, path, endpoint in self._routes:
            documented = {"parameters": self._openapi()} if code == "search-type" and method == "GET" else None
            status = 201 if code == "create" else 200
            router.add_api_route(
                f"/{self.name}{path}", endpoint, methods=[method], status_code=status, openapi_extra=documented
            )

    def read(self, id_name: str) -> Callable[[Endpoint], Endpoint]:
        """``GET [kind]/[id]``."""
        return self._register("read", "GET", f"/{{{id_name}}}")

    def search(self, *, is_public: bool = False) -> Callable[[Endpoint], Endpoint]:
        """``GET [kind]?...``, and unless anybody may ask, ``POST [kind]/_search`` with the same in its body."""

        def register(endpoint: Endpoint) -> Endpoint:
            self._register("search-type", "GET", "")(endpoint)
            if not is_public:
                self._register("search-type", "POST", "/_search")(endpoint)
            return endpoint

        return register

    def create(self) -> Callable[[Endpoint], Endpoint]:
        """``POST [kind]``."""
        return self._register("create", "POST", "")

    def update(self, id_name: str) -> Callable[[Endpoint], Endpoint]:
        """``PUT [kind]/[id]``."""
        return self._register("update", "PUT", f"/{{{id_name}}}")

    def patch(self, id_name: str) -> Callable[[Endpoint], Endpoint]:
        """``PATCH [kind]/[id]``."""
        return self._register("patch", "PATCH", f"/{{{id_name}}}")

    def _register(self, code: Interaction, method: str, path: str) -> Callable[[Endpoint], Endpoint]:
        def register(endpoint: Endpoint) -> Endpoint:
            self._routes.append((code, method, path, endpoint))
            return endpoint

        return register

    def _openapi(self) -> list[dict[str, Any]]:
        return [
            {"name": one.name, "in": "query", "description": one.documentation, "schema": {"type": "string"}}
            for one in self._parameters
            if not one.is_private
        ]

    # --- while a request is answered ---------------------------------------------------------------------------------

    async def asked(self, request: Request) -> Asked:
        """What the request searches for."""
        pairs = list(request.query_params.multi_items())
        is_lenient = "handling=lenient" in request.headers.get("prefer", "").replace(" ", "").split(",")
        found = asked(self._parameters, pairs, is_lenient=is_lenient, max_count=self._max_count)
        if request.method != "POST":
            return found
        _check_type(request, _FORM)
        body = (await request.body()).decode("ascii", "replace")
        try:
            pairs += parse_qsl(body, keep_blank_values=True, errors="strict", max_num_fields=50)
        except ValueError:
            raise Problem(MALFORMED) from None
        return asked(self._parameters, pairs, is_lenient=is_lenient, in_address=False, max_count=self._max_count)

    def page(self, request: Request, question: Asked, matches: Sequence[Resource], *, is_all: bool = True) -> Response:
        """One page of what was found; ``is_all``: nothing else can be found, so that there is a total."""
        end = question.offset + question.count
        following = question.next_page if end < len(matches) else None
        return self.part(
            request, question, matches[question.offset : end], following, total=len(matches) if is_all else None
        )

    def part(
        self,
        request: Request,
        question: Asked,
        page: Sequence[Resource],
        following: Asked | None,
        *,
        total: int | None = None,
    ) -> Response:
        """A page, and which question gives the one after it; ``total``: of all pages, when that is known."""
        base = base_of(request)
        links = [f"{base}/{self.name}?{one.link}" if one else None for one in (question, following)]
        return answer(searchset(base, str(links[0]), page, total=total, next_url=links[1]))


def answer(resource: Resource, status: int = 200, **headers: str) -> Response:
    """A resource as an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(json.dumps(resource, ensure_ascii=False), status, named, FHIR_JSON)


def whose(caller: Caller, question: Asked) -> str:
    """The patient whom ``patient`` names; else who asks or whom they act for."""
    named = question.reference("patient", "Patient")
    person_id = caller.principal.subject if named is None else named[1]
    if person_id is None:
        raise Problem(PARAMETER_VALUE, "patient", "missing")
    return person_id


def base_of(request: Request) -> str:
    """The address of ``/fhir``."""
    return f"{request.base_url}fhir"


async def body_of(request: Request, *media_types: str) -> Any:
    """The request's JSON."""
    _check_type(request, *(media_types or (FHIR_JSON, "application/json")))
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Problem(MALFORMED) from None


def _check_type(request: Request, *media_types: str) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in media_types:
        raise Problem(UNSUPPORTED_MEDIA_TYPE, "Content-Type", " or ".join(media_types))


async def check_format(request: Request) -> None:
    """Whether the client reads what we answer: ``_format`` if it is given, else ``Accept`` (http.html, 3.1.0.1.9)."""
    asked_format = request.query_params.get("_format")
    if asked_format is not None:
        # A plus that was not encoded is a blank.
        wanted = [asked_format.replace(" ", "+")]
    else:
        wanted = (request.headers.get("accept") or "*/*").split(",")
    if not any(_is_ours(one) for one in wanted):
        raise Problem(NOT_ACCEPTABLE, "_format" if asked_format is not None else "Accept")


def _is_ours(media_range: str) -> bool:
    name, _, parameters = media_range.lower().partition(";")
    version = re.search(r"fhirversion\s*=\s*\"?([0-9.]+)", parameters)
    is_refused = re.search(r"(?:^|;)\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)", parameters) is not None
    return name.strip() in _ACCEPTED and not is_refused and (version is None or version[1] in ("4.0", "4.0.1"))
