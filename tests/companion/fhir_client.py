"""Asking ``/fhir`` in tests; whatever comes back is held against the specification."""

from typing import Any

from auth.principal import Principal
from auth.principal_tokens import sign_principal
from companion.fhir.elements import FHIR_JSON
from tests.companion.fhir_checker import check
from tests.companion.people import Api

Who = Principal | None


def code_of(answer: Any) -> tuple[int, str]:
    """Status and our own code of an answer that is an OperationOutcome."""
    assert answer.headers["content-type"] == FHIR_JSON
    outcome = check(answer.json())
    assert outcome["resourceType"] == "OperationOutcome", outcome
    return answer.status_code, outcome["issue"][0]["details"]["coding"][0]["code"]


async def read(api: Api, path: str, who: Who = None) -> dict[str, Any]:
    """A resource."""
    answer = await api.get(f"/fhir/{path}", who)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FHIR_JSON
    return check(answer.json())


async def refused(api: Api, path: str, who: Who = None, **headers: str) -> tuple[int, str]:
    """How a GET is refused."""
    return code_of(await api.get(f"/fhir/{path}", who, **headers))


async def search(api: Api, path: str, who: Who = None) -> list[dict[str, Any]]:
    """What a search finds."""
    bundle = await read(api, path, who)
    return [entry["resource"] for entry in bundle.get("entry", [])]


async def ids(api: Api, path: str, who: Who = None) -> list[str]:
    """The ids of what a search finds."""
    return [one["id"] for one in await search(api, path, who)]


async def search_in_body(api: Api, kind: str, who: Principal, body: bytes, query: str = "") -> Any:
    """``POST _search``: the answer."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": f"Bearer {sign_principal(api.keys, who, now=api.clock.now.timestamp())}",
    }
    return await api.http.post(f"/fhir/{kind}/_search{query}", content=body, headers=headers)
