"""Where the bytes of attachments are kept: on disk, or in any store that speaks S3.

A blob's key is made of digests alone (``BlobKey``): nothing that a person typed is part of a path or an address. The
first part is the conversation's, so that everything of one conversation can be erased; the second is the digest of
the attachment's id and content. Attachments share nothing even when their bytes are the same: one can be erased without
a look at the others, and nobody learns, by how long an upload takes, that somebody else has the file too.
"""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Literal, Protocol

CHUNK_BYTES: Final = 64 * 1024
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

BlobErrorCode = Literal["unknown_blob", "store_full", "store_unavailable"]


class BlobError(Exception):
    """``unknown_blob``: nothing is kept under the key. ``store_full``: no room. ``store_unavailable``: try again."""

    def __init__(self, code: BlobErrorCode) -> None:
        super().__init__(code)
        self.code: BlobErrorCode = code


@dataclass(frozen=True)
class BlobKey:
    """Two SHA-256 digests in lowercase hexadecimal."""

    conversation: str
    content: str

    def __post_init__(self) -> None:
        """No other form ever reaches a store."""
        if not _DIGEST.fullmatch(self.conversation) or not _DIGEST.fullmatch(self.content):
            raise ValueError("not two digests")

    @classmethod
    def of(cls, conversation_id: str, attachment_id: str, data: bytes) -> "BlobKey":
        """The key of an attachment's bytes."""
        content = hashlib.sha256(attachment_id.encode() + b"\0" + data).hexdigest()
        return cls(conversation_digest(conversation_id), content)

    def __str__(self) -> str:
        return f"{self.conversation}/{self.content}"

    @classmethod
    def parse(cls, text: str) -> "BlobKey":
        """The opposite of ``str``."""
        conversation, _, content = text.partition("/")
        return cls(conversation, content)


def conversation_digest(conversation_id: str) -> str:
    """The part of a conversation's keys that they share."""
    return hashlib.sha256(conversation_id.encode()).hexdigest()


class BlobStore(Protocol):
    """What a store can do. All methods raise ``BlobError``."""

    async def put(self, key: BlobKey, data: bytes) -> None:
        """Keep the bytes, durably when this returns; nothing is half there. Doing it again changes nothing."""

    def read(self, key: BlobKey) -> AsyncIterator[bytes]:
        """The bytes in chunks; the error comes with the first."""

    async def delete_conversation(self, conversation_id: str) -> None:
        """Forget everything of a conversation; fine when there is nothing."""

    async def delete(self, key: BlobKey) -> None:
        """Forget one; fine when it is not there."""

    async def close(self) -> None:
        """Give connections back."""
