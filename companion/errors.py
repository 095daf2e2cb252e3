"""What goes wrong, as ``application/problem+json`` (RFC 9457) with a stable code, in Swedish and English.

Each kind of problem is defined once, beside the rule that it belongs to, by ``define``. The catalogue is in
docs/companion.md, which is made of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

PROBLEM_JSON: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:alltid-oppet:problem:"
"""Before the code it makes the problem's ``type``, a URI that tells and leads nowhere."""
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{2,40}")

Language = Literal["sv", "en"]


@dataclass(frozen=True)
class ProblemKind:
    """One way to go wrong: its code, HTTP status, and text for people."""

    code: str
    status: int
    sv: str
    en: str

    def title(self, language: Language) -> str:
        """The text in that language."""
        return self.sv if language == "sv" else self.en


_CATALOGUE: Final[dict[str, ProblemKind]] = {}
CATALOGUE: Final[Mapping[str, ProblemKind]] = MappingProxyType(_CATALOGUE)
"""All kinds by code, in the order of their definition."""


def define(code: str, status: int, *, sv: str, en: str) -> ProblemKind:
    """A new kind of problem. A code is defined once."""
    if not _CODE.fullmatch(code) or code in _CATALOGUE or not 400 <= status < 600:
        raise ValueError(f"problem {code} cannot be defined")
    return _CATALOGUE.setdefault(code, ProblemKind(code, status, sv, en))


@dataclass
class Problem(Exception):  # noqa: N818  # the word of RFC 9457
    """Raised wherever something goes wrong that a caller should be told. Carries no personal data."""

    kind: ProblemKind
    field_name: str | None = None
    """Which field of the request is at fault, dotted (``patient.birth_date``)."""
    detail: str | None = None
    """For programmers: what exactly. Quotes nothing that was sent."""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """More members of the answer (``alternatives``)."""

    def __post_init__(self) -> None:
        super().__init__(self.kind.code)

    @property
    def code(self) -> str:
        """The stable code."""
        return self.kind.code

    def body(self, language: Language) -> dict[str, Any]:
        """The answer's members."""
        body: dict[str, Any] = {
            "type": TYPE_PREFIX + self.kind.code,
            "title": self.kind.title(language),
            "status": self.kind.status,
            "code": self.kind.code,
        }
        if self.field_name is not None:
            body["field"] = self.field_name
        if self.detail is not None:
            body["detail"] = self.detail
        return {**self.extra, **body}


def language_of(accept_language: str) -> Language:
    """Swedish unless English is preferred (``Accept-Language``, RFC 9110 section 12.5.4)."""
    best: dict[Language, float] = {"sv": 0.0, "en": 0.0}
    for part in accept_language[:200].split(","):
        tag, _, parameter = part.partition(";")
        language = tag.strip().lower()[:2]
        match = re.fullmatch(r"q=([01](?:\.\d{0,3})?)", parameter.strip())
        quality = float(match[1]) if match else 1.0
        if language == "sv":
            best["sv"] = max(best["sv"], quality)
        elif language == "en":
            best["en"] = max(best["en"], quality)
    return "en" if best["en"] > best["sv"] else "sv"


INVALID_REQUEST: Final = define(
    "invalid_request", 422, sv="Uppgifterna kan inte användas.", en="The request cannot be used."
)
MALFORMED: Final = define("malformed", 400, sv="Förfrågan kan inte läsas.", en="The request cannot be read.")
NOT_LOGGED_IN: Final = define("not_logged_in", 401, sv="Du är inte inloggad.", en="You are not logged in.")
FORBIDDEN: Final = define("forbidden", 403, sv="Du får inte göra det här.", en="You may not do this.")
NOT_FOUND: Final = define("not_found", 404, sv="Det finns inte.", en="There is no such thing.")
METHOD_NOT_ALLOWED: Final = define(
    "method_not_allowed", 405, sv="Det går inte att göra så med den här adressen.", en="Not possible at this address."
)
TOO_LARGE: Final = define("too_large", 413, sv="Förfrågan är för stor.", en="The request is too large.")
CONFLICT: Final = define(
    "conflict", 409, sv="Uppgifterna har ändrats under tiden.", en="It has been changed in the meantime."
)
IDEMPOTENCY_KEY_REUSED: Final = define(
    "idempotency_key_reused",
    422,
    sv="Samma nyckel har använts för något annat.",
    en="The same idempotency key was used for something else.",
)
BUSY: Final = define(
    "busy", 503, sv="Tjänsten är upptagen. Försök igen om en stund.", en="The service is busy. Try again in a while."
)
INTERNAL: Final = define("internal", 500, sv="Något gick fel hos oss.", en="Something went wrong here.")
