"""A closed case, as the front hands it over."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import httpx2

from auth.principal import Principal
from auth.principal_tokens import sign_principal
from tests.companion.people import ANNA, PROVIDER, TOKEN_KEYS, UNIT, Api, service

FRONT = service("archive:write", "quality:write", name="front")
CASE, NOTES = "case-abc", "notes-abc"
FILE = "att-" + "0" * 32
NURSE = "SE5555555555-K1"
FIRST_MS = 1_800_000_000_000


def message(seq: int, text: str = "Hej", *, author: str = ANNA, **changes: Any) -> dict[str, Any]:
    """An event."""
    role = "patient" if author.startswith("p-") else "staff"
    name = "Anna" if role == "patient" else "Nina Nurse"
    event = {
        "seq": seq,
        "at_ms": FIRST_MS + seq * 60_000,
        "kind": "message",
        "author": author,
        "author_name": name,
        "author_role": role,
        "client_id": f"c{seq}",
        "target": 0,
        "body": {"text": text},
    }
    return event | changes


def with_file(seq: int, attachment_id: str = FILE) -> dict[str, Any]:
    """A message that carries a file."""
    view = {"attachment_id": attachment_id, "name": "bild å.png", "media_type": "image/png", "size_bytes": 5}
    return message(seq, body={"text": "se bild", "attachments": [view]})


async def put_transcript(
    api: Api,
    events: Sequence[dict[str, Any]],
    conversation_id: str = CASE,
    *,
    who: Principal = FRONT,
    **changes: Any,
) -> httpx2.Response:
    """Hand over events."""
    body = {
        "provider_hsa_id": PROVIDER,
        "unit_hsa_id": UNIT,
        "patient_person_id": ANNA,
        "title": "Fråga",
        "through_seq": events[-1]["seq"],
        "events": list(events),
    } | changes
    path = f"/archive/conversations/{conversation_id}/transcripts/{events[0]['seq']}"
    return await api.ask("PUT", path, who, body)


async def put_file(
    api: Api,
    data: bytes,
    attachment_id: str = FILE,
    conversation_id: str = CASE,
    *,
    digest: str | None = None,
    who: Principal = FRONT,
) -> httpx2.Response:
    """Hand over a file."""
    token = sign_principal(TOKEN_KEYS, who, now=api.clock.now.timestamp())
    sha256 = base64.b64encode(hashlib.sha256(data).digest()).decode()
    headers = {"Authorization": f"Bearer {token}", "Content-Digest": digest or f"sha-256=:{sha256}:"}
    path = f"/archive/conversations/{conversation_id}/files/{attachment_id}"
    return await api.http.put(path, content=data, headers=headers)
