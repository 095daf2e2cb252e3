"""Attachments of conversations: from the signed address to the safe download.

Upload: an address is asked for (quota), the bytes are sent to it (size), looked at (type, scanner), drawn anew when
they are a picture, kept, and only then recorded. Download: an address is asked for, then used. Who may ask is decided
by the HTTP layer on the conversation; here an attachment is only ever found through its conversation.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from chat.archive import ArchiveError
from chat.archive_files import FileArchive
from chat.attachment_addresses import AddressSigner, Claim
from chat.attachment_records import AttachmentRecord, AttachmentRecords, Quota
from chat.attachment_types import (
    SNIFF_BYTES,
    FileType,
    FileTypeError,
    check_body,
    check_type,
    clean_name,
    name_for,
    type_named,
)
from chat.blobs import BlobError, BlobKey, BlobStore
from chat.clamd import ScanError, Scanner
from chat.errors import ChatError, Limit
from chat.pictures import Picture, PictureError, PictureStudio

MAX_PER_MESSAGE: Final = 10
_INLINE: Final = frozenset({"image/jpeg", "image/png"})
"""What ``PictureStudio`` makes: the only types that a page may show itself."""

AttachmentErrorCode = Literal[
    "unknown_attachment",
    "too_large",
    "quota_exceeded",
    "too_many_pending",
    "size_mismatch",
    "already_uploaded",
    "file_type_refused",
    "picture_refused",
    "infected",
    "store_full",
    "attachments_unavailable",
]
"""``quota_exceeded``: the conversation is full. ``too_many_pending``: send the last ones first. ``size_mismatch``: not
the size that was announced. ``file_type_refused``: of no accepted type, or not what name or type say."""

ATTACHMENT_ERROR_CODES: Final[tuple[AttachmentErrorCode, ...]] = get_args(AttachmentErrorCode)


class AttachmentError(Exception):
    """An attachment that is refused; ``code`` and ``limit`` go to the client, ``cause`` is for counters and tests."""

    def __init__(self, code: AttachmentErrorCode, cause: str = "", *, limit: Limit | None = None) -> None:
        super().__init__(code)
        self.code: AttachmentErrorCode = code
        self.cause = cause or code
        self.limit = limit


@dataclass(frozen=True)
class AttachmentLimits:
    """How much, how many, how long."""

    max_file_bytes: int = 20 * 1024 * 1024
    max_conversation_bytes: int = 200 * 1024 * 1024
    max_conversation_files: int = 200
    max_pending_per_person: int = 10
    max_day_bytes_per_person: int = 500 * 1024 * 1024
    """Reserved by one person in a day, in all conversations; used or not."""
    upload_lifetime_s: int = 600
    upload_takes_s: int = 300
    """An upload that was begun in time may take so long: its place is kept for it."""
    download_lifetime_s: int = 120
    unused_lifetime_s: int = 24 * 3600
    """A file that no message carries is forgotten after this."""


@dataclass(frozen=True)
class Address:
    """What somebody got who asked for an address."""

    attachment_id: str
    address: str
    expires_at_s: int


class Attachments:
    """All attachments of one service."""

    def __init__(
        self,
        records: AttachmentRecords,
        blobs: BlobStore,
        signer: AddressSigner,
        scanner: Scanner,
        studio: PictureStudio,
        limits: AttachmentLimits | None = None,
    ) -> None:
        self.limits = limits or AttachmentLimits()
        self.signer = signer
        self._records = records
        self._blobs = blobs
        self._scanner = scanner
        self._studio = studio

    # --- up ----------------------------------------------------------------------------------------------------

    async def reserve(self, conversation_id: str, person: str, *, size_bytes: int, now_s: float) -> Address:
        """An address to which this person may send one file of just this size."""
        limits, now = self.limits, int(now_s)
        if not 0 < size_bytes <= limits.max_file_bytes:
            raise AttachmentError("too_large", limit=Limit("file_bytes", limits.max_file_bytes))
        attachment_id = f"att-{secrets.token_hex(16)}"
        expires_at_s = now + limits.upload_lifetime_s
        if not await self._records.charge(person, size_bytes, now_s=now, max_day_bytes=limits.max_day_bytes_per_person):
            limit = Limit("person_day_bytes", limits.max_day_bytes_per_person)
            raise AttachmentError("quota_exceeded", "person_day", limit=limit)
        status, removed = await self._records.reserve(
            conversation_id,
            attachment_id,
            person,
            size_bytes=size_bytes,
            quota=Quota(limits.max_conversation_bytes, limits.max_conversation_files, limits.max_pending_per_person),
            now_s=now,
            expires_at_s=expires_at_s + limits.upload_takes_s,
        )
        await self._delete_blobs(removed)
        if status != "ok":
            await self._records.refund(person, size_bytes, now_s=now)
        if status == "pending":
            raise AttachmentError("too_many_pending", limit=Limit("pending_files", limits.max_pending_per_person))
        if status == "files":
            limit = Limit("conversation_files", limits.max_conversation_files)
            raise AttachmentError("quota_exceeded", status, limit=limit)
        if status == "bytes":
            limit = Limit("conversation_bytes", limits.max_conversation_bytes)
            raise AttachmentError("quota_exceeded", status, limit=limit)
        claim = Claim("upload", attachment_id, conversation_id, person, size_bytes, expires_at_s)
        return Address(attachment_id, self.signer.sign(claim), expires_at_s)

    async def receive(
        self, claim: Claim, body: AsyncIterator[bytes], *, name: str, stated_type: str, now_s: float
    ) -> dict[str, Any]:
        """Take the file that an upload address was signed for; its view. Nothing is kept of what is refused."""
        if not await self._records.is_reserved(claim.conversation_id, claim.attachment_id, now_s=int(now_s)):
            raise AttachmentError("already_uploaded")
        data = await _exactly(body, claim.size_bytes)
        shown = clean_name(name)
        try:
            file_type, picture = await self._examine(data, shown, stated_type)
        except AttachmentError as error:
            if error.code != "attachments_unavailable":  # this file will never pass: its place is free again
                await self._records.release(claim.conversation_id, claim.attachment_id, claim.person)
            raise
        if picture is not None:
            data = picture.data
        key = BlobKey.of(claim.conversation_id, claim.attachment_id, data)
        record = AttachmentRecord(
            attachment_id=claim.attachment_id,
            owner=claim.person,
            name=name_for(shown, file_type),
            media_type=file_type.media_type,
            size_bytes=len(data),
            width=picture.width if picture else 0,
            height=picture.height if picture else 0,
            blob=str(key),
            created_at_s=int(now_s),
        )
        await self._keep(claim.conversation_id, record, key, data, int(now_s))
        return view(record)

    async def _examine(self, data: bytes, name: str, stated_type: str) -> tuple[FileType, Picture | None]:
        """The type of what is to be kept, and the new picture if it is one; ``AttachmentError`` when it is refused."""
        try:
            head, is_whole = data[:SNIFF_BYTES], len(data) <= SNIFF_BYTES
            file_type = check_type(head, is_whole=is_whole, name=name, stated_type=stated_type)
            check_body(file_type, data)
            await self._scanner.scan(data)
            if not file_type.is_picture:
                return file_type, None
            picture = await self._studio.redraw(data)
        except FileTypeError as error:
            raise AttachmentError("file_type_refused", error.code) from None
        except PictureError as error:
            raise AttachmentError("picture_refused", error.code) from None
        except ScanError as error:
            is_infected = error.code == "infected"
            raise AttachmentError("infected" if is_infected else "attachments_unavailable", error.code) from None
        if len(picture.data) > self.limits.max_file_bytes:
            raise AttachmentError("too_large", "redrawn", limit=Limit("file_bytes", self.limits.max_file_bytes))
        return type_named(picture.media_type), picture

    async def _keep(
        self, conversation_id: str, record: AttachmentRecord, key: BlobKey, data: bytes, now_s: int
    ) -> None:
        """First the bytes, then the record: what is recorded can be read."""
        try:
            await self._blobs.put(key, data)
        except BlobError as error:
            raise AttachmentError("store_full" if error.code == "store_full" else "attachments_unavailable") from None
        keep_until_s = now_s + self.limits.unused_lifetime_s
        status = await self._records.settle(conversation_id, record, keep_until_s=keep_until_s)
        if status == "ok":
            return
        # Somebody sent the same file to the same address meanwhile (their blob is this one), or other bytes.
        first = (await self._records.get(conversation_id, [record.attachment_id]))[0]
        if first is None or first.blob != record.blob:
            await self._delete_blobs([record])
        raise AttachmentError("already_uploaded")

    # --- in messages -------------------------------------------------------------------------------------------

    async def check_usable(
        self,
        conversation_id: str,
        author: str,
        attachment_ids: Sequence[str],
        *,
        client_id: str = "",
        now_s: float = 0,
    ) -> list[dict[str, Any]]:
        """The views of files that this author may put into a message; ``ChatError`` (unknown_attachment) otherwise.

        From now on the files stay; with the ``client_id`` of a message that is still to be stored until it is known
        whether it is (``carried``, ``give_back``). A message that is sent again finds them usable again.
        """
        if len(set(attachment_ids)) != len(attachment_ids) or len(attachment_ids) > MAX_PER_MESSAGE:
            raise ChatError("unknown_attachment", "attachments")
        if not attachment_ids:
            return []
        found = [record for record in await self._records.get(conversation_id, attachment_ids) if record is not None]
        if len(found) != len(attachment_ids) or any(record.owner != author for record in found):
            raise ChatError("unknown_attachment", "attachments")
        if not await self._records.use(conversation_id, attachment_ids, client_id=client_id, now_s=int(now_s)):
            raise ChatError("unknown_attachment", "attachments")
        return [view(record) for record in found]

    async def carried(self, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """The message that took these is stored."""
        if attachment_ids:
            await self._records.carried(conversation_id, attachment_ids)

    async def give_back(
        self, conversation_id: str, attachment_ids: Sequence[str], *, client_id: str, now_s: float
    ) -> None:
        """The message that took these was refused: they are as if it had never named them."""
        if attachment_ids:
            keep_until_s = int(now_s) + self.limits.unused_lifetime_s
            await self._records.give_back(
                conversation_id, attachment_ids, client_id=client_id, keep_until_s=keep_until_s
            )

    # --- down --------------------------------------------------------------------------------------------------

    async def download_address(self, conversation_id: str, attachment_id: str, person: str, *, now_s: float) -> Address:
        """An address from which this person can fetch a file: their own, or one that a message carries."""
        record = await self._readable(conversation_id, attachment_id, person)
        expires_at_s = int(now_s) + self.limits.download_lifetime_s
        claim = Claim("download", attachment_id, conversation_id, person, record.size_bytes, expires_at_s)
        return Address(attachment_id, self.signer.sign(claim), expires_at_s)

    async def open(self, claim: Claim) -> tuple[AttachmentRecord, AsyncIterator[bytes]]:
        """What a download address was signed for. It may have been withdrawn or erased since."""
        record = await self._readable(claim.conversation_id, claim.attachment_id, claim.person)
        return record, self._chunks(record)

    async def _readable(self, conversation_id: str, attachment_id: str, person: str) -> AttachmentRecord:
        record = (await self._records.get(conversation_id, [attachment_id]))[0]
        if record is None:
            raise AttachmentError("unknown_attachment")
        if record.owner != person and not await self._records.is_used(conversation_id, attachment_id):
            raise AttachmentError("unknown_attachment", "unused")
        return record

    async def _chunks(self, record: AttachmentRecord) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._blobs.read(BlobKey.parse(record.blob)):
                yield chunk
        except BlobError as error:
            code: AttachmentErrorCode = (
                "unknown_attachment" if error.code == "unknown_blob" else "attachments_unavailable"
            )
            raise AttachmentError(code) from None

    async def archive(self, conversation_id: str, archive: FileArchive) -> None:
        """Give the archive what it lacks of a conversation's files; ``ArchiveError`` when that cannot be done now."""
        for record in await self._records.used(conversation_id):
            if not await archive.has(conversation_id, record.attachment_id):
                try:
                    await archive.store(conversation_id, record.attachment_id, self._chunks(record))
                except AttachmentError as error:
                    raise ArchiveError(error.code) from None

    # --- away --------------------------------------------------------------------------------------------------

    async def hide_with(self, conversation_id: str, attachment_ids: Sequence[str], target: int) -> None:
        """The message with this number, which carries these, is about to be withdrawn."""
        if attachment_ids:
            await self._records.hide_with(conversation_id, attachment_ids, target)

    async def hide(self, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """The message that carries these was withdrawn: nobody but who sent them can fetch them any more."""
        if attachment_ids:
            await self._records.hide(conversation_id, attachment_ids)

    async def forget(self, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """Erase files at once."""
        if attachment_ids:
            await self._delete_blobs(await self._records.remove(conversation_id, attachment_ids))

    async def discard(self, conversation_id: str, attachment_id: str, person: str) -> None:
        """Somebody takes their own file back before a message carries it."""
        removed = await self._records.discard(conversation_id, attachment_id, person)
        if removed is None:
            raise AttachmentError("unknown_attachment")
        await self._delete_blobs(removed)

    async def sweep(self, now_s: float) -> int:
        """Erase what no message used in time; how many files."""
        erased = 0
        for conversation_id in await self._records.due(int(now_s)):
            keep_until_s = int(now_s) + self.limits.unused_lifetime_s
            removed = await self._records.sweep(conversation_id, now_s=int(now_s), keep_until_s=keep_until_s)
            await self._delete_blobs(removed)
            erased += len(removed)
        return erased

    async def erase_conversation(self, conversation_id: str) -> None:
        """Erase everything of a conversation (retention); first the records, so that nothing points nowhere."""
        await self._records.erase(conversation_id)
        await self._blobs.delete_conversation(conversation_id)

    async def close(self) -> None:
        """Give the store's connections back."""
        await self._blobs.close()

    async def _delete_blobs(self, records: Sequence[AttachmentRecord]) -> None:
        for record in records:
            try:
                await self._blobs.delete(BlobKey.parse(record.blob))
            except (BlobError, OSError):
                continue  # it goes with its conversation


def view(record: AttachmentRecord) -> dict[str, Any]:
    """What readers of a message are told of a file, as the wire protocol's ``ChatAttachment``."""
    return {
        "attachment_id": record.attachment_id,
        "name": record.name,
        "media_type": record.media_type,
        "size_bytes": record.size_bytes,
        "is_inline": is_inline(record.media_type),
        "width": record.width,
        "height": record.height,
    }


def is_inline(media_type: str) -> bool:
    """May a page show it, rather than only save it?"""
    return media_type in _INLINE


async def _exactly(body: AsyncIterator[bytes], size_bytes: int) -> bytes:
    """The body when it has just this size; it is never read much further."""
    data = bytearray()
    async for chunk in body:
        data += chunk
        if len(data) > size_bytes:
            raise AttachmentError("size_mismatch", "longer")
    if len(data) != size_bytes:
        raise AttachmentError("size_mismatch", "shorter")
    return bytes(data)
