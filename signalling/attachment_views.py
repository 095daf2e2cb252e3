"""What attachment routes take and answer."""

from typing import Annotated

from pydantic import Field

from signalling.protocol import Message


class ReserveAttachment(Message):
    """Reserve room for a file."""

    size_bytes: Annotated[int, Field(ge=1, le=2**40)] = Field(description="Its exact size.")


class AttachmentAddress(Message):
    """A signed address, for one person and one file."""

    attachment_id: str
    url: str = Field(description="Path at this service. It works for whoever asked, until `expires_at`.")
    expires_at: int = Field(description="Seconds since the epoch.")
