"""Who is there: people with at least one socket in a conversation, at any front. Ephemeral, told as a whole.

Each front notes its own people under its own name, for a while, and again before that is over; what a dead front
noted expires.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from chat.committer import Committer
from chat.conversation import ConversationKind
from chat.keys import Keys

PRESENT_MS: Final = 45_000
RENEW_S: Final = 20.0
PRESENCE_KINDS: Final[frozenset[ConversationKind]] = frozenset({"case", "notes", "staff"})
"""A meeting knows its people by itself."""


class Presence:
    """The people of one front. Call ``renew`` every ``RENEW_S``."""

    def __init__(self, committer: Committer, front_id: str) -> None:
        self._committer = committer
        self._front_id = front_id
        self._sockets: Counter[tuple[str, str]] = Counter()

    def enter(self, conversation_id: str, person: str) -> None:
        """Another socket of a person reads the conversation."""
        self._sockets[conversation_id, person] += 1
        if self._sockets[conversation_id, person] == 1:
            self._note(conversation_id, person, PRESENT_MS)

    def leave(self, conversation_id: str, person: str) -> None:
        """One of them does no more."""
        left = self._sockets[conversation_id, person] - 1
        if left > 0:
            self._sockets[conversation_id, person] = left
            return
        del self._sockets[conversation_id, person]
        if left == 0:
            self._note(conversation_id, person, 0)

    def renew(self) -> None:
        """Note everybody again."""
        for conversation_id, person in self:
            self._note(conversation_id, person, PRESENT_MS)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(list(self._sockets))

    def _note(self, conversation_id: str, person: str, for_ms: int) -> None:
        keys = Keys(conversation_id)
        entry = f"{person}\t{self._front_id}"
        future = self._committer.touch(keys.present, keys.channel, "P", entry, for_ms)
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
