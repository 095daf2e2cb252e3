"""The configuration of record systems: exactly as described, or refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from auth.record_systems import RecordSystemsError, parse

GOOD: dict[str, Any] = {
    "issuer": "https://journal.example",
    "name": "Journal",
    "jwks_url": "https://journal.example/jwks",
    "units": {"SE5555555555-1001": "SE5555555555-0001"},
}
SMART = {"fhir_base": "https://journal.example/fhir/", "client_id": "us", "client_secret": "s"}


def read(**changes: Any) -> Any:
    item = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return parse(json.dumps([item]))[changes.get("issuer", GOOD["issuer"])]


def test_a_record_system_is_read() -> None:
    system = read(smart=SMART)
    assert (system.name, system.jwks_url, system.jwks_file) == ("Journal", "https://journal.example/jwks", None)
    assert system.units == {"SE5555555555-1001": "SE5555555555-0001"}
    assert system.smart.fhir_base == "https://journal.example/fhir"
    assert "client_secret" not in repr(system)


def test_keys_may_be_in_a_file_and_the_secret_too(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    smart = {"fhir_base": "https://x.example", "client_id": "us", "client_secret_file": str(tmp_path / "secret")}
    system = read(jwks_url=None, jwks_file="/keys.json", smart=smart)
    assert system.jwks_file == Path("/keys.json")
    assert system.smart.client_secret == "from a file"


def test_plain_http_is_for_this_machine_only() -> None:
    assert read(issuer="http://localhost:8091", jwks_url="http://127.0.0.1:8091/jwks")
    with pytest.raises(RecordSystemsError, match="issuer"):
        read(issuer="http://journal.example")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"jwks_url": None}, "either"),
        ({"jwks_file": "/keys.json"}, "either"),
        ({"jwks_url": "http://journal.example/jwks"}, "jwks_url"),
        ({"jwks_url": 1}, "jwks_url"),
        ({"units": None}, "units"),
        ({"units": {}}, "units"),
        ({"units": {"here": "there"}}, "HSA-id"),
        ({"units": {"SE5555555555-1001": None}}, "HSA-id"),
        ({"smart": "yes"}, "not an object"),
        ({"smart": SMART | {"fhir_base": "http://journal.example"}}, "fhir_base"),
        ({"smart": SMART | {"client_secret_file": "x"}}, "either"),
        ({"smart": {"fhir_base": "https://x.example", "client_id": "us", "client_secret_file": "/nowhere"}}, "read"),
        ({"role": "region_admin"}, "unknown"),
    ],
)
def test_anything_else_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordSystemsError, match=message):
        read(**changes)


@pytest.mark.parametrize("text", ["", "{}", "[" * 100_000, "[1]", json.dumps([GOOD, GOOD])])
def test_what_is_no_list_of_different_systems_is_refused(text: str) -> None:
    with pytest.raises(RecordSystemsError):
        parse(text)
