"""The Redis keys of a conversation. Those of one conversation share a hash tag, hence a slot of Redis Cluster."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Keys:
    """All keys of one conversation."""

    conversation_id: str

    def _key(self, part: str) -> str:
        return f"ao:chat:{{{self.conversation_id}}}:{part}"

    @property
    def log(self) -> str:
        """Stream of events, by their numbers (0-1, 0-2...)."""
        return self._key("events")

    @property
    def ids(self) -> str:
        """Set: author and client id of each."""
        return self._key("drafts")

    @property
    def meta(self) -> str:
        """Hash: ``chat.conversation.to_fields``, and trimmed, archived, full, listener (read.lua)."""
        return self._key("meta")

    @property
    def withdrawn(self) -> str:
        """Set of the numbers of withdrawn messages."""
        return self._key("withdrawn")

    @property
    def receipts(self) -> str:
        """Hash: reader -> "delivered read"."""
        return self._key("receipts")

    @property
    def typing(self) -> str:
        """Sorted set: who types -> until when."""
        return self._key("typing")

    @property
    def present(self) -> str:
        """Sorted set: who is there -> until when."""
        return self._key("present")

    @property
    def channel(self) -> str:
        """Sharded publish/subscribe channel: everything that happens in the conversation."""
        return self._key("news")

    def all(self) -> tuple[str, ...]:
        """Every key that holds data."""
        return (self.log, self.ids, self.meta, self.withdrawn, self.receipts, self.typing, self.present)
