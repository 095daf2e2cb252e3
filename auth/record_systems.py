"""The record systems (journalsystem) that may send clinicians here: who they are, their keys, their units.

A record system is trusted for who sits at its screen and in which commission; it asked its own directory. What it is
not trusted for stands in the configuration: only the units named there, each with its care provider, and never another
role than clinician. The configuration is a JSON document, a list of objects:

=============  ===================================================================================================
``issuer``     its name in tokens (``iss``): an ``https`` URL, or ``http`` on this machine
``name``       shown to staff
``jwks_url``   where its public keys are; or ``jwks_file``: a file with them
``units``      object: HSA-id of a unit -> HSA-id of its care provider
``smart``      optional, for SMART App Launch: ``fhir_base``, ``client_id``, ``client_secret`` or ``client_secret_file``
=============  ===================================================================================================
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from auth import hsa
from auth.oidc import is_endpoint

MAX_NAME_CHARACTERS: Final = 128
_FIELDS: Final = frozenset({"issuer", "name", "jwks_url", "jwks_file", "units", "smart"})
_SMART_FIELDS: Final = frozenset({"fhir_base", "client_id", "client_secret", "client_secret_file"})


class RecordSystemsError(ValueError):
    """A configuration that cannot be used. The message names the place, never a secret."""


@dataclass(frozen=True)
class SmartClient:
    """What we are to a record system in SMART App Launch."""

    fhir_base: str
    """``iss`` of a launch: the address of its FHIR service, without a slash at its end."""
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class RecordSystem:
    """One record system."""

    issuer: str
    name: str
    jwks_url: str | None
    jwks_file: Path | None
    units: Mapping[str, str]
    """HSA-id of a unit -> HSA-id of its care provider."""
    smart: SmartClient | None


def parse(text: str) -> Mapping[str, RecordSystem]:
    """The record systems by issuer; ``RecordSystemsError`` for anything that is not exactly as described."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise RecordSystemsError("not JSON") from None
    if not isinstance(document, list):
        raise RecordSystemsError("not a list")
    systems: dict[str, RecordSystem] = {}
    for index, item in enumerate(document):
        system = _system(item, f"record system number {index + 1}")
        if system.issuer in systems:
            raise RecordSystemsError(f"record system number {index + 1}: issuer twice")
        systems[system.issuer] = system
    return MappingProxyType(systems)


def _system(item: Any, place: str) -> RecordSystem:
    values = _object(item, place, _FIELDS)
    issuer, name = _text(values, "issuer", place), _text(values, "name", place)
    jwks_url, jwks_file = values.get("jwks_url"), values.get("jwks_file")
    if not is_endpoint(issuer):
        raise RecordSystemsError(f"{place}: issuer is no https URL")
    if (jwks_url is None) == (jwks_file is None):
        raise RecordSystemsError(f"{place}: either jwks_url or jwks_file")
    if jwks_url is not None and not is_endpoint(jwks_url):
        raise RecordSystemsError(f"{place}: jwks_url is no https URL")
    return RecordSystem(
        issuer=issuer,
        name=name,
        jwks_url=jwks_url,
        jwks_file=None if jwks_file is None else Path(_text(values, "jwks_file", place)),
        units=_units(values.get("units"), place),
        smart=None if values.get("smart") is None else _smart(values["smart"], f"{place}, smart"),
    )


def _units(item: Any, place: str) -> Mapping[str, str]:
    if not isinstance(item, dict) or not item:
        raise RecordSystemsError(f"{place}: units is an object, unit -> care provider")
    try:
        return MappingProxyType({hsa.parse(unit): hsa.parse(str(provider)) for unit, provider in item.items()})
    except hsa.HsaIdError:
        raise RecordSystemsError(f"{place}: units has something that is no HSA-id") from None


def _smart(item: Any, place: str) -> SmartClient:
    values = _object(item, place, _SMART_FIELDS)
    base = _text(values, "fhir_base", place).rstrip("/")
    if not is_endpoint(base):
        raise RecordSystemsError(f"{place}: fhir_base is no https URL")
    if ("client_secret" in values) == ("client_secret_file" in values):
        raise RecordSystemsError(f"{place}: either client_secret or client_secret_file")
    if "client_secret_file" in values:
        try:
            secret = Path(_text(values, "client_secret_file", place)).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise RecordSystemsError(f"{place}: client_secret_file cannot be read") from None
    else:
        secret = _text(values, "client_secret", place)
    return SmartClient(base, _text(values, "client_id", place), secret)


def _object(item: Any, place: str, known: frozenset[str]) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise RecordSystemsError(f"{place}: not an object")
    unknown = item.keys() - known
    if unknown:
        raise RecordSystemsError(f"{place}: unknown field")
    return item


def _text(values: Mapping[str, Any], name: str, place: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > 2048:
        raise RecordSystemsError(f"{place}: {name} is missing")
    return value.strip()
