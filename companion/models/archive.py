"""The archive: closed conversations with their events and files."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaId, ObjectId, PersonId

ConversationId = String(80)
AttachmentId = String(40)


class ArchivedConversation(Base):
    """A closed conversation of a case (ärende): what patient and unit wrote, or the unit's internal notes.

    Nothing here refers to other tables: the archive takes a case also of a unit or a patient that nobody has told the
    companion of.
    """

    __tablename__ = "archived_conversation"

    conversation_id: Mapped[str] = mapped_column(ConversationId, primary_key=True)
    case_id: Mapped[str] = mapped_column(ConversationId, index=True)
    kind: Mapped[str] = mapped_column(String(8))
    """``case`` or ``notes``."""
    provider_hsa_id: Mapped[str] = mapped_column(HsaId)
    unit_hsa_id: Mapped[str] = mapped_column(HsaId)
    patient_person_id: Mapped[str] = mapped_column(PersonId, index=True)
    title: Mapped[str] = mapped_column(String(256))
    first_at: Mapped[datetime]
    last_at: Mapped[datetime] = mapped_column(index=True)
    """Of the last event; retention counts from it."""
    archived_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    __table_args__ = (Index("ix_archived_conversation_unit_hsa_id_last_at", "unit_hsa_id", "last_at"),)


class ArchivedEvent(Base):
    """One event of a conversation, as the front had it. Written once."""

    __tablename__ = "archived_event"

    conversation_id: Mapped[str] = mapped_column(ForeignKey("archived_conversation.conversation_id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    target: Mapped[int] = mapped_column(Integer)
    """The message that an edit or a withdrawal changes; 0: none."""
    content: Mapped[str] = mapped_column(Text)
    """Canonical JSON of the whole event."""


class ArchivedFile(Base):
    """A file of a conversation. Its bytes lie in the archive's directory."""

    __tablename__ = "archived_file"

    conversation_id: Mapped[str] = mapped_column(ConversationId, primary_key=True)
    """No foreign key: files may come before the first transcript."""
    attachment_id: Mapped[str] = mapped_column(AttachmentId, primary_key=True)
    stored_name: Mapped[str] = mapped_column(ObjectId, unique=True)
    """Random, and the only thing that a path is made of."""
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    archived_at: Mapped[datetime]


class FileToErase(Base):
    """A file of the archive's directory that no row names, or will name unless whoever writes it gets to the end."""

    __tablename__ = "file_to_erase"

    stored_name: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    due_at: Mapped[datetime] = mapped_column(index=True)
