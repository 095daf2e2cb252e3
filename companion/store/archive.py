"""The archive: closed conversations and their files, written by the front, read by the patient and the unit."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from auth.permissions import Action, Resource
from companion.archive_files import ArchiveDirectory
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.archive import ArchivedConversation, ArchivedEvent, ArchivedFile, FileToErase
from companion.rules.archive import (
    ARCHIVE_CONFLICT,
    DIGEST_MISMATCH,
    KeptEvent,
    check_transcript,
    new_events,
    shown,
)
from companion.services import new_id
from companion.store.listing import own_or_units
from companion.transaction import Transaction

WRITE_WITHIN: Final = timedelta(hours=1)
"""A file that was begun and is named by no row after so long belonged to a process that died."""
PAGE: Final = 200


@dataclass(frozen=True)
class Transcript:
    """A part of a conversation, as the front sends it. ``repr`` shows none of it."""

    conversation_id: str
    provider_hsa_id: str
    unit_hsa_id: str
    patient_person_id: str
    title: str = field(repr=False)
    first_seq: int
    through_seq: int
    events: Sequence[KeptEvent] = field(repr=False)


@dataclass(frozen=True)
class Kept:
    """What the archive has of a conversation."""

    conversation: ArchivedConversation | None
    events: int
    last_seq: int
    attachment_ids: Sequence[str]


# --- written by the front ----------------------------------------------------------------------------------------


def case_of(conversation_id: str) -> str:
    """The case that a conversation belongs to: notes have the same ending."""
    return f"case-{conversation_id.partition('-')[2]}"


async def keep_transcript(transaction: Transaction, caller: Caller, transcript: Transcript) -> None:
    """Keep what is new of it. The same again changes nothing; something else under the same number is a conflict."""
    resource = Resource(transcript.provider_hsa_id, transcript.unit_hsa_id, transcript.patient_person_id)
    caller.require(transaction, resource, what=f"archive:{transcript.conversation_id}")
    check_transcript(transcript.first_seq, transcript.through_seq, transcript.events)
    row = await _claim(transaction, transcript)
    if (row.provider_hsa_id, row.patient_person_id) != (transcript.provider_hsa_id, transcript.patient_person_id):
        raise Problem(ARCHIVE_CONFLICT, "patient_person_id")
    query = select(ArchivedEvent.seq, ArchivedEvent.content).where(
        ArchivedEvent.conversation_id == transcript.conversation_id,
        ArchivedEvent.seq.between(transcript.first_seq, transcript.through_seq),
    )
    there = {row.seq: row.content for row in (await transaction.session.execute(query)).all()}
    fresh = new_events(transcript.events, there)
    if not fresh:
        return
    for event in fresh:
        transaction.session.add(
            ArchivedEvent(
                conversation_id=transcript.conversation_id,
                seq=event.seq,
                kind=event.kind,
                target=event.target,
                content=event.content,
            )
        )
    row.first_at = min(row.first_at, fresh[0].at)
    row.last_at = max(row.last_at, *(event.at for event in fresh))
    row.unit_hsa_id, row.title, row.changed_at = transcript.unit_hsa_id, transcript.title, transaction.now


async def _claim(transaction: Transaction, transcript: Transcript) -> ArchivedConversation:
    """The conversation's row, locked; made when this is its first transcript."""
    insert = (postgresql if transaction.is_postgresql else sqlite).insert(ArchivedConversation)
    values = {
        "conversation_id": transcript.conversation_id,
        "case_id": case_of(transcript.conversation_id),
        "kind": transcript.conversation_id.partition("-")[0],
        "provider_hsa_id": transcript.provider_hsa_id,
        "unit_hsa_id": transcript.unit_hsa_id,
        "patient_person_id": transcript.patient_person_id,
        "title": transcript.title,
        "first_at": transcript.events[0].at,
        "last_at": transcript.events[0].at,
        "archived_at": transaction.now,
        "changed_at": transaction.now,
    }
    await transaction.session.execute(insert.values(**values).on_conflict_do_nothing())
    return await transaction.session.get_one(ArchivedConversation, transcript.conversation_id, with_for_update=True)


async def what_is_kept(transaction: Transaction, caller: Caller, conversation_id: str) -> Kept:
    """For the front, before it erases its own copies."""
    caller.require(transaction, Resource())
    session = transaction.session
    conversation = await session.get(ArchivedConversation, conversation_id)
    of_it = ArchivedEvent.conversation_id == conversation_id
    count, last = (await session.execute(select(func.count(), func.max(ArchivedEvent.seq)).where(of_it))).one()
    files = select(ArchivedFile.attachment_id).where(ArchivedFile.conversation_id == conversation_id)
    return Kept(conversation, count, last or 0, sorted((await session.scalars(files)).all()))


async def kept_file(
    transaction: Transaction, caller: Caller, conversation_id: str, attachment_id: str
) -> ArchivedFile | None:
    """A file that is kept."""
    caller.require(transaction, Resource())
    return await transaction.session.get(ArchivedFile, (conversation_id, attachment_id))


async def keep_file(
    caller: Caller,
    directory: ArchiveDirectory,
    conversation_id: str,
    attachment_id: str,
    sha256: str,
    chunks: AsyncIterator[bytes],
) -> None:
    """Keep a file, durably. Three steps, so that whatever dies in between leaves no file that nobody knows of:

    that a file is begun is written first, then the bytes, then the row that makes it the archive's.
    """
    stored_name = new_id("file")
    async with caller.transaction() as transaction:
        caller.require(transaction, Resource(), what=f"archive:{conversation_id}")
        there = await transaction.session.get(ArchivedFile, (conversation_id, attachment_id))
        if there is None:
            transaction.session.add(FileToErase(stored_name=stored_name, due_at=transaction.now + WRITE_WITHIN))
    if there is not None:
        if there.sha256 != sha256:
            raise Problem(ARCHIVE_CONFLICT)
        return
    written = await directory.write(stored_name, chunks, max_bytes=caller.services.settings.archive_file_max_bytes)
    if written.sha256 != sha256:
        await _drop(caller, directory, stored_name)
        raise Problem(DIGEST_MISMATCH)
    async with caller.transaction() as transaction:
        insert = (postgresql if transaction.is_postgresql else sqlite).insert(ArchivedFile)
        values = {
            "conversation_id": conversation_id,
            "attachment_id": attachment_id,
            "stored_name": stored_name,
            "sha256": sha256,
            "size_bytes": written.size_bytes,
            "archived_at": transaction.now,
        }
        # Only while we are known to write it: the sweeper may have given us up for dead.
        begun = delete(FileToErase).where(FileToErase.stored_name == stored_name).returning(FileToErase.stored_name)
        is_ours = await transaction.session.scalar(begun) is not None
        statement = insert.values(**values).on_conflict_do_nothing().returning(ArchivedFile.stored_name)
        is_first = is_ours and await transaction.session.scalar(statement) is not None
        there = await transaction.session.get(ArchivedFile, (conversation_id, attachment_id))
        if is_ours and not is_first:
            transaction.session.add(FileToErase(stored_name=stored_name, due_at=transaction.now))
    if there is None or there.sha256 != sha256:
        raise Problem(ARCHIVE_CONFLICT)


async def _drop(caller: Caller, directory: ArchiveDirectory, stored_name: str) -> None:
    await directory.erase(stored_name)
    async with caller.transaction() as transaction:
        await transaction.session.execute(delete(FileToErase).where(FileToErase.stored_name == stored_name))


# --- read by people ----------------------------------------------------------------------------------------------


def resource_of(row: ArchivedConversation) -> Resource:
    """For permissions: a patient's case at a unit."""
    return Resource(row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id)


async def readable(
    transaction: Transaction, caller: Caller, conversation_id: str, action: Action = Action.CASE_READ
) -> ArchivedConversation:
    """The one place that decides who reads an archived conversation: the patient, and staff of the unit that has it.

    Notes are the unit's alone. Access by other units (block, consent, emergency) belongs here.
    """
    row = await transaction.session.get(ArchivedConversation, conversation_id)
    is_notes = row is not None and row.kind == "notes"
    caller = caller.doing(Action.STAFF_CHAT if is_notes else action)
    if row is None or (is_notes and caller.principal.kind != "staff"):
        raise Problem(NOT_FOUND)
    caller.require(transaction, resource_of(row), what=f"archive:{conversation_id}")
    return row


async def listed(transaction: Transaction, caller: Caller, *, offset: int) -> Sequence[ArchivedConversation]:
    """A page of one's own archived cases, or of those of the unit, each with an entry in the audit log."""
    query = select(ArchivedConversation).where(ArchivedConversation.kind == "case")
    query = query.order_by(ArchivedConversation.last_at.desc(), ArchivedConversation.conversation_id)
    return await own_or_units(
        transaction,
        caller,
        query.offset(offset).limit(PAGE),
        ArchivedConversation,
        what="archived cases",
        resource_of=resource_of,
        name_of=lambda row: f"archive:{row.conversation_id}",
    )


async def events_of(
    transaction: Transaction, conversation_id: str, *, after: int, limit: int, reader: str | None = None
) -> list[dict[str, Any]]:
    """A page of events, as they are shown. ``reader`` sees what they themselves withdrew."""
    of_it = ArchivedEvent.conversation_id == conversation_id
    query = select(ArchivedEvent.content).where(of_it, ArchivedEvent.seq > after)
    contents = (await transaction.session.scalars(query.order_by(ArchivedEvent.seq).limit(limit))).all()
    gone = select(ArchivedEvent.target).where(of_it, ArchivedEvent.kind == "withdrawal")
    withdrawn = frozenset((await transaction.session.scalars(gone)).all())
    found: list[Mapping[str, Any]] = [json.loads(content) for content in contents]
    return [shown(event, withdrawn, reader=reader) for event in found]


async def files_of(transaction: Transaction, conversation_id: str) -> Sequence[ArchivedFile]:
    """The conversation's files."""
    query = select(ArchivedFile).where(ArchivedFile.conversation_id == conversation_id)
    return (await transaction.session.scalars(query.order_by(ArchivedFile.attachment_id))).all()


async def file_of(
    transaction: Transaction, caller: Caller, conversation_id: str, attachment_id: str
) -> tuple[ArchivedFile, dict[str, Any]]:
    """A file, and what the message that carries it says of it. A withdrawn message's file is nobody's to read."""
    await readable(transaction, caller, conversation_id, Action.CASE_FILE)
    found = await transaction.session.get(ArchivedFile, (conversation_id, attachment_id))
    after = 0
    while found is not None and (page := await events_of(transaction, conversation_id, after=after, limit=PAGE)):
        for event in page:
            for view in event["body"].get("attachments", []):
                if view["attachment_id"] == attachment_id:
                    return found, view
        after = page[-1]["seq"]
    raise Problem(NOT_FOUND)


# --- the sweeper -------------------------------------------------------------------------------------------------


async def erase_files(transaction: Transaction, directory: ArchiveDirectory, limit: int = 100) -> int:
    """Erase files that no row names any more; how many.

    The row is locked while its file is erased: whoever wrote the file and comes late finds that it was given up.
    """
    query = select(FileToErase).where(FileToErase.due_at <= transaction.now).order_by(FileToErase.due_at).limit(limit)
    rows = (await transaction.session.scalars(query.with_for_update(skip_locked=True))).all()
    for row in rows:
        await directory.erase(row.stored_name)
        await transaction.session.delete(row)
    return len(rows)
