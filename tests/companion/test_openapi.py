"""The OpenAPI document: valid, and complete for every route. What is answered is held against it in test_schema.py."""

import json
import re
from typing import Any

import pytest
from fastapi import FastAPI
from openapi_spec_validator import validate

from companion.errors import CATALOGUE, PROBLEM_JSON
from tests.companion.people import Api
from tests.companion.test_permission_walk import code_of, filled

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    found = app.openapi()["paths"]
    return [(method, path, one) for path, item in found.items() for method, one in item.items()]


async def test_the_document_is_valid(app: FastAPI) -> None:
    document = app.openapi()
    assert document["openapi"].startswith("3.1.")
    validate(document)
    assert json.loads(json.dumps(document)) == document


async def test_every_operation_is_described_in_full(app: FastAPI) -> None:
    found = _operations(app)
    assert len({one["operationId"] for _, _, one in found}) == len(found) > 190
    schemes = set(app.openapi()["components"]["securitySchemes"])
    for method, path, one in found:
        where = f"{method} {path}"
        assert one["summary"], where
        assert one["description"], where
        assert len(one["tags"]) == 1, where
        assert "security" in one, where
        for requirement in one["security"]:
            assert set(requirement) <= schemes, where
        assert ("x-action" in one) == bool(one["security"]), where
        statuses = set(one["responses"])
        assert {"503"} <= statuses, where
        assert any(status.startswith("2") for status in statuses), where
        if one["security"]:
            assert {"401", "403"} <= statuses, where
        if "{" in path:
            assert {"404", "422"} <= statuses, where
        if "requestBody" in one:
            assert {"400", "413", "422"} <= statuses, where
        for status, response in one["responses"].items():
            if status >= "400":
                kind = "Outcome" if path.startswith("/fhir/") else "Problem"
                assert response == {"$ref": f"#/components/responses/{kind}{status}"}, where
            elif status != "204":
                assert response["content"], where


async def test_every_refusal_names_its_codes(app: FastAPI) -> None:
    answers = app.openapi()["components"]["responses"]
    told = {code for answer in answers.values() for code in _codes(answer)}
    assert told == {code for code, kind in CATALOGUE.items() if kind.status not in (405, 500)}


def _codes(answer: dict[str, Any]) -> list[str]:
    ((media_type, content),) = answer["content"].items()
    properties = content["schema"]["allOf"][1]["properties"]
    if media_type == PROBLEM_JSON:
        return list(properties["code"]["enum"])
    coding = properties["issue"]["items"]["properties"]["details"]["properties"]["coding"]
    return list(coding["items"]["properties"]["code"]["enum"])


async def test_a_method_that_an_address_has_not_is_told_which_it_has(app: FastAPI, api: Api) -> None:
    items = app.openapi()["paths"]
    for path in map(filled, items):
        alike = [template for template in items if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)]
        has = {method.upper() for template in alike for method in items[template]}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"} - has:
            answer = await api.http.request(method, path)
            assert (method, path, answer.status_code) == (method, path, 405)
            assert set(answer.headers["Allow"].split(", ")) == has, path
            if method != "HEAD":
                assert code_of(answer.json()) == "method_not_allowed"
