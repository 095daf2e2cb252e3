"""The parts of an extract that the front keeps: contacts, and messages of cases that are not archived."""

from collections.abc import Mapping
from typing import Any, Final

from companion.store.extract_rows import Items

_NOTES: Final = "notes_"
"""What the kinds of internal notes begin with (``PersonDataApi`` of the front)."""


def contacts(told: Mapping[str, Any], provider: str | None) -> Items:
    """How the person is told; of no care provider."""
    contact = told.get("contact")
    return [dict(contact)] if isinstance(contact, dict) and provider is None else []


def open_messages(told: Mapping[str, Any], provider: str | None) -> Items:
    """What was written in open cases; internal notes only of a named care provider, as ``extract_parts.messages``."""
    return [
        {"case": case["subject"], "unit_hsa_id": case["unit_hsa_id"], "state": case["state"], **message}
        for case in told["cases"]
        if provider in (None, case["provider_hsa_id"])
        for message in case["messages"]
        if provider is not None or not message["kind"].startswith(_NOTES)
    ]
