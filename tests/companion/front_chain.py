"""The front's audit chain, as a test makes one and hands it over."""

from typing import Any

from auth.audit import GENESIS, AuditEntry, AuditKeys, Head, LinkedEntry, link
from tests.companion.conftest import AUDIT_KEYS
from tests.companion.people import ANNA, PROVIDER, UNIT, Api, service

FRONT = service("audit:write", name="front")


def entry(number: int, **changes: Any) -> AuditEntry:
    """A clinician admits Anna to a meeting."""
    fields: dict[str, Any] = {
        "at_ms": 1_803_884_400_000 + number,
        "actor": "SE5555555555-K1",
        "on_behalf_of": None,
        "commission": "SE5555555555-C1",
        "unit": UNIT,
        "provider": PROVIDER,
        "patient": ANNA,
        "action": "meeting_admit",
        "outcome": "allowed",
        "resource": f"meeting:{number}",
        "address": "192.0.2.1",
        "request_id": "r",
    }
    return AuditEntry(**(fields | changes))


def chain(count: int, *, after: Head = GENESIS, keys: AuditKeys = AUDIT_KEYS, **changes: Any) -> list[LinkedEntry]:
    """So many entries, linked."""
    made: list[LinkedEntry] = []
    for number in range(after.number + 1, after.number + 1 + count):
        made.append(link(made[-1].head if made else after, entry(number, **changes), keys))
    return made


def shown(entries: list[LinkedEntry]) -> dict[str, Any]:
    """As the front sends them."""
    return {"entries": [{"number": one.number, "body": one.body.decode(), "hash": one.hash.hex()} for one in entries]}


async def hand_over(api: Api, entries: list[LinkedEntry]) -> Any:
    """What the companion answers."""
    return await api.post("/front-audit/entries", FRONT, shown(entries))
