"""The archive: written by the front, read by patients and units."""

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, Field, StringConstraints

from auth.permissions import Action
from companion.archive_files import ArchiveDirectory
from companion.each_request import answer_of
from companion.errors import INVALID_REQUEST, NOT_FOUND, Problem
from companion.identity import Caller, asks
from companion.models.archive import ArchivedConversation
from companion.routes.answers import file_of, file_part_of, refusals
from companion.routes.shapes import NOT_UNICODE, AttachmentId, ConversationId, HsaId, Input, Output, PersonId
from companion.rules.archive import kept
from companion.rules.byte_ranges import range_of
from companion.store import archive as store
from companion.store.corrections import of_entry

router = APIRouter(tags=["archive"])

Writer = Annotated[Caller, asks(Action.ARCHIVE_WRITE)]
Checker = Annotated[Caller, asks(Action.ARCHIVE_CHECK)]
Lister = Annotated[Caller, asks(Action.CASE_LIST)]
Reader = Annotated[Caller, asks(Action.CASE_READ)]
FileReader = Annotated[Caller, asks(Action.CASE_FILE)]

FirstSeq = Annotated[int, Path(ge=1, le=2**31 - 1)]
Digest = Annotated[str | None, Header(alias="Content-Digest", max_length=256)]
After = Annotated[int, Query(ge=0, le=2**31 - 1)]
Limit = Annotated[int, Query(ge=1, le=store.PAGE)]
_SHA256: Final = re.compile(r"(?:^|,\s*)sha-256=:([A-Za-z0-9+/=]{44}):")
_OCTETS: Final = "application/octet-stream"
_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {_OCTETS: {"schema": {"type": "string", "format": "binary"}}}}
}


def _plain_json(body: dict[str, Any]) -> dict[str, Any]:
    """What can be read again: no lone surrogates, no NaN."""
    json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    return body


def _without_nul(title: str) -> str:
    """A title stands in a column of its own, and no archiving fails for it."""
    return title.replace("\x00", "\N{REPLACEMENT CHARACTER}")


class EventIn(Input):
    """An event of a conversation, as the front's stream has it."""

    refused_text = NOT_UNICODE

    seq: Annotated[int, Field(ge=1, le=2**31 - 1)]
    at_ms: Annotated[int, Field(ge=0, le=2**42)]
    kind: Literal["message", "edit", "withdrawal", "system"]
    author: Annotated[str, StringConstraints(max_length=256)]
    author_name: Annotated[str, StringConstraints(max_length=256)]
    author_role: Literal["patient", "proxy", "staff", "guest", "interpreter", "system"]
    client_id: Annotated[str, StringConstraints(max_length=128)]
    target: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    body: Annotated[dict[str, Any], AfterValidator(_plain_json)] = Field(default_factory=dict)


class TranscriptIn(Input):
    """Events of a conversation from the number in the address through the last one, without a hole."""

    refused_text = NOT_UNICODE
    provider_hsa_id: HsaId
    unit_hsa_id: HsaId
    patient_person_id: PersonId
    title: Annotated[str, StringConstraints(max_length=256), AfterValidator(_without_nul)]
    through_seq: Annotated[int, Field(ge=1, le=2**31 - 1)]
    events: Annotated[list[EventIn], Field(min_length=1, max_length=1000)]


class KeptOut(Output):
    """What the archive has of a conversation."""

    events: int
    last_seq: int
    attachment_ids: list[str]


class KeptFileOut(Output):
    """A file that is kept."""

    sha256: str
    size_bytes: int
    archived_at: datetime


class ArchivedCaseOut(Output):
    """A closed case in the archive."""

    conversation_id: str
    case_id: str
    kind: Literal["case", "notes"]
    provider_hsa_id: str
    unit_hsa_id: str
    patient_person_id: str
    title: str
    first_at: datetime
    last_at: datetime
    archived_at: datetime


class ArchivedCasesOut(Output):
    """The last written in first."""

    cases: list[ArchivedCaseOut]
    next_offset: int | None


class ArchivedEventOut(Output):
    """A message, or what happened to the case. A withdrawn message has no body."""

    seq: int
    at_ms: int
    kind: str
    author_name: str
    author_role: str
    is_own: bool
    target: int
    body: dict[str, Any]
    is_withdrawn: bool


class ArchivedFileOut(Output):
    """A file; its name and type stand in the message that carries it."""

    attachment_id: str
    size_bytes: int


class HeldCorrectionOut(Output):
    """What holds instead of a message (`corrected`), or stands beside it (`noted`)."""

    entry_part: int | None
    state: Literal["corrected", "noted"]
    text: str
    decided_at: datetime


class ArchivedEventsOut(Output):
    """A page of a case, the oldest first."""

    case: ArchivedCaseOut
    events: list[ArchivedEventOut]
    files: list[ArchivedFileOut]
    corrections: list[HeldCorrectionOut]
    next_after: int | None


def directory_of(caller: Caller) -> ArchiveDirectory:
    """Where the files are."""
    return ArchiveDirectory(caller.services.settings.companion_archive_dir)


# --- the front ---------------------------------------------------------------------------------------------------


@router.put("/archive/conversations/{conversation_id}/transcripts/{first_seq}", status_code=204)
async def keep_transcript(
    conversation_id: ConversationId, first_seq: FirstSeq, body: TranscriptIn, caller: Writer
) -> None:
    """Keep a part of a closed conversation; durable before the answer, the same again changes nothing."""
    transcript = store.Transcript(
        conversation_id=conversation_id,
        provider_hsa_id=body.provider_hsa_id,
        unit_hsa_id=body.unit_hsa_id,
        patient_person_id=body.patient_person_id,
        title=body.title,
        first_seq=first_seq,
        through_seq=body.through_seq,
        events=[kept(event.model_dump()) for event in body.events],
    )
    async with caller.transaction() as transaction:
        await store.keep_transcript(transaction, caller, transcript)


@router.get("/archive/conversations/{conversation_id}")
async def what_is_kept(conversation_id: ConversationId, caller: Checker) -> KeptOut:
    """What is kept of a conversation; nothing at all is an answer too."""
    async with caller.reading() as transaction:
        found = await store.what_is_kept(transaction, caller, conversation_id)
    return KeptOut(events=found.events, last_seq=found.last_seq, attachment_ids=list(found.attachment_ids))


@router.put(
    "/archive/conversations/{conversation_id}/files/{attachment_id}",
    status_code=204,
    openapi_extra=_BODY,
    responses=refusals(507),
)
async def keep_file(
    conversation_id: ConversationId,
    attachment_id: AttachmentId,
    caller: Writer,
    request: Request,
    content_digest: Digest = None,
) -> None:
    """Keep a file, checked against its `Content-Digest` (RFC 9530, sha-256); durable before the answer."""
    sha256 = _sha256_of(content_digest)
    directory = directory_of(caller)
    await store.keep_file(caller, directory, conversation_id, attachment_id, sha256, request.stream())


@router.get("/archive/conversations/{conversation_id}/files/{attachment_id}")
async def what_file_is_kept(
    conversation_id: ConversationId, attachment_id: AttachmentId, caller: Checker
) -> KeptFileOut:
    """Whether a file is kept, and which bytes; 404: it is not."""
    async with caller.reading() as transaction:
        found = await store.kept_file(transaction, caller, conversation_id, attachment_id)
    if found is None:
        raise Problem(NOT_FOUND)
    return KeptFileOut.model_validate(found)


# --- people ------------------------------------------------------------------------------------------------------


@router.get("/cases/archived")
async def list_archived(caller: Lister, offset: Annotated[int, Query(ge=0, le=100_000)] = 0) -> ArchivedCasesOut:
    """One's own archived cases, or the unit's."""
    async with caller.transaction() as transaction:
        rows = await store.listed(transaction, caller, offset=offset)
    return ArchivedCasesOut(
        cases=[_case(row) for row in rows], next_offset=offset + len(rows) if len(rows) == store.PAGE else None
    )


@router.get("/cases/archived/{conversation_id}")
async def read_archived(
    conversation_id: ConversationId, caller: Reader, after: After = 0, limit: Limit = 100
) -> ArchivedEventsOut:
    """A page of an archived case (`case-...`), or for the unit's staff of its notes (`notes-...`)."""
    async with caller.transaction() as transaction:
        row = await store.readable(transaction, caller, conversation_id)
        events = await store.events_of(transaction, conversation_id, after=after, limit=limit)
        files = await store.files_of(transaction, conversation_id)
        corrections = await of_entry(transaction, "case", conversation_id)
    actor = caller.principal.actor
    return ArchivedEventsOut(
        case=_case(row),
        events=[ArchivedEventOut.model_validate(event | {"is_own": event["author"] == actor}) for event in events],
        files=[ArchivedFileOut.model_validate(file) for file in files],
        corrections=[HeldCorrectionOut.model_validate(row) for row in corrections],
        next_after=events[-1]["seq"] if len(events) == limit else None,
    )


@router.get(
    "/cases/archived/{conversation_id}/files/{attachment_id}",
    response_class=Response,
    responses=file_of(_OCTETS) | file_part_of(_OCTETS) | refusals(416),
)
async def read_file(
    request: Request,
    conversation_id: ConversationId,
    attachment_id: AttachmentId,
    caller: FileReader,
    wanted: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
    if_range: Annotated[str | None, Header(alias="If-Range", max_length=200)] = None,
) -> Response:
    """A file of an archived case, to be saved; with `Range` a part of it (RFC 9110), as after a broken download."""
    async with caller.transaction() as transaction:
        file, view = await store.file_of(transaction, caller, conversation_id, attachment_id)
    tag = f'"{file.sha256}"'
    try:
        part = range_of(wanted, file.size_bytes) if if_range in (None, tag) else None
    except Problem as problem:
        answer = answer_of(request, problem)
        answer.headers["Content-Range"] = f"bytes */{file.size_bytes}"
        return answer
    first, length = (0, file.size_bytes) if part is None else (part.first, part.length)
    chunks = await _begun(directory_of(caller).read(file.stored_name, first, length))
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Content-Length": str(length),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(str(view.get('name', 'file')), safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {part.first}-{part.last}/{file.size_bytes}"
    return StreamingResponse(chunks, 200 if part is None else 206, headers=headers, media_type=_OCTETS)


async def _begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks, after the first has been read: a file that is missing is told before the answer begins."""
    try:
        first = await anext(chunks, b"")
    except OSError:
        raise Problem(NOT_FOUND) from None

    async def rest() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return rest()


def _case(row: ArchivedConversation) -> ArchivedCaseOut:
    return ArchivedCaseOut.model_validate(row)


def _sha256_of(header: str | None) -> str:
    found = _SHA256.search(header or "")
    try:
        digest = base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise Problem(INVALID_REQUEST, "Content-Digest", "sha-256 is needed (RFC 9530)")
    return digest.hex()
