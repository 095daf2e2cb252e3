"""The companion as the archive of closed conversations and their files."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from auth.permissions import ACR_TOKEN
from auth.principal import Principal
from chat.archive import ArchiveError, Transcript
from chat.archive_files import check_attachment_id
from chat.conversation import kind_of
from signalling.companion_answers import CompanionError, CompanionRefusedError
from signalling.companion_client import CompanionClient

MAX_EVENTS: Final = 500
MAX_BYTES: Final = 600 * 1024
"""Of one request; the companion reads a megabyte."""

FRONT: Final = Principal(
    kind="service",
    roles=frozenset({"service"}),
    actor="front",
    subject=None,
    display_name="front",
    proxy_scopes=frozenset(),
    commission=None,
    meeting_id=None,
    acr=ACR_TOKEN,
    authenticated_at=0,
    grant_id="front",
    service_scopes=frozenset({"archive:write"}),
)
"""The front itself, when it hands over records."""


class CompanionArchive:
    """An ``Archive``: a long transcript goes in several requests, and each of them may come again."""

    def __init__(self, client: CompanionClient) -> None:
        self._client = client

    async def store(self, transcript: Transcript) -> str:
        """Keep it; the companion answers when it is on the disk."""
        conversation = transcript.conversation
        head = {
            "provider_hsa_id": conversation.provider_hsa_id,
            "unit_hsa_id": conversation.unit_hsa_id,
            "patient_person_id": conversation.patient_person_id,
            "title": conversation.title,
        }
        path = f"/archive/conversations/{conversation.conversation_id}/transcripts"
        for events in parts(transcript):
            body = head | {"through_seq": events[-1]["seq"], "events": events}
            try:
                await self._client.send("PUT", f"{path}/{events[0]['seq']}", FRONT, body=body)
            except CompanionError as error:
                raise ArchiveError(str(error)) from None
        return f"companion:{transcript.first_seq}-{transcript.through_seq}"

    async def has_through(self, conversation_id: str) -> int:
        """The archive has every event from the first through this number."""
        kept = await _kept(self._client, conversation_id)
        return int(kept["last_seq"]) if kept["events"] == kept["last_seq"] else 0


class CompanionFileArchive:
    """A ``FileArchive``."""

    def __init__(self, client: CompanionClient, *, max_bytes: int) -> None:
        self._client = client
        self._max_bytes = max_bytes

    async def has(self, conversation_id: str, attachment_id: str) -> bool:
        """Is it kept already?"""
        check_attachment_id(attachment_id)
        try:
            await self._client.get(_file_path(conversation_id, attachment_id), FRONT)
        except CompanionRefusedError as error:
            if error.status == 404:
                return False
            raise ArchiveError(str(error)) from None
        except CompanionError as error:
            raise ArchiveError(str(error)) from None
        return True

    async def store(self, conversation_id: str, attachment_id: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep it. Gathered first: its digest goes before it, and it may have to be sent again."""
        check_attachment_id(attachment_id)
        data = bytearray()
        async for chunk in chunks:
            data += chunk
            if len(data) > self._max_bytes:
                raise ArchiveError("too_large")
        try:
            await self._client.put_file(_file_path(conversation_id, attachment_id), FRONT, bytes(data))
        except CompanionError as error:
            raise ArchiveError(str(error)) from None


def parts(transcript: Transcript) -> Iterator[list[dict[str, Any]]]:
    """The events in pieces that fit into a request each."""
    part: list[dict[str, Any]] = []
    size = 0
    for event in transcript.events:
        fields = {**asdict(event), "body": dict(event.body)}
        del fields["is_withdrawn"]  # the archive has every text, and finds out by itself what was withdrawn
        event_bytes = len(json.dumps(fields))
        if part and (len(part) >= MAX_EVENTS or size + event_bytes > MAX_BYTES):
            yield part
            part, size = [], 0
        part.append(fields)
        size += event_bytes
    if part:
        yield part


async def _kept(client: CompanionClient, conversation_id: str) -> Mapping[str, Any]:
    kind_of(conversation_id)
    try:
        answer = await client.get(f"/archive/conversations/{conversation_id}", FRONT)
    except CompanionError as error:
        raise ArchiveError(str(error)) from None
    return answer.body  # type: ignore[no-any-return]


def _file_path(conversation_id: str, attachment_id: str) -> str:
    kind_of(conversation_id)  # ids become parts of an address
    return f"/archive/conversations/{conversation_id}/files/{attachment_id}"
