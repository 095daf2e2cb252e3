"""The hot lane: most messages go from their frame to the store, and back as an acknowledgement, without a task.

``SocketGate`` hands over what it knows to be a well-formed ``chat_send`` to a meeting's chat. What is asked here is
what ``ChatEvents`` and ``ChatService.send`` ask, in the same order. Whoever is not simply let through goes the long
way, which knows all answers: so does the first message of each second to a conversation, which looks it up anew.
"""

from collections.abc import Callable
from typing import Final, cast

from chat.appends import pack_message
from chat.events import message_head
from chat.service import ChatService, role_of
from chat.store import REFUSALS
from signalling.chat_protocol import ChatCode
from signalling.chat_settings import ChatSettings
from signalling.chat_sockets import ChatSocket
from signalling.limits import TokenBucket
from signalling.socket_gate import Send, SocketGate

_MAX_WRITERS: Final = 50_000


class ChatSends:
    """The hot lane of one front. ``counted``: called with each message that it takes."""

    def __init__(
        self,
        limits: ChatSettings,
        service: ChatService,
        *,
        monotonic: Callable[[], float],
        counted: Callable[[], None],
        refuse: Callable[[SocketGate, int, ChatCode, str | None], None],
    ) -> None:
        self._limits = limits
        self._service = service
        self._monotonic = monotonic
        self._counted = counted
        self._refuse = refuse
        self._writers: dict[str, TokenBucket] = {}

    def writer(self, actor: str) -> TokenBucket:
        """How often a person may write, over all their sockets at this front."""
        bucket = self._writers.get(actor)
        if bucket is None:
            if len(self._writers) >= _MAX_WRITERS:
                self._writers.clear()
            limits = self._limits
            bucket = TokenBucket(limits.messages_per_s, limits.messages_burst, self._monotonic())
            self._writers[actor] = bucket
        return bucket

    def take(self, socket: ChatSocket, conversation_id: str, client_id: bytes, text: bytes, message_id: int) -> bool:
        """Send a message on its way; False when it has to go the long way."""
        now = self._monotonic()
        principal = socket.principal
        if not self._service.is_direct(principal, conversation_id, now):
            return False
        connection = socket.connection
        gate = connection.gate
        if gate is None:
            return False
        if not connection.take_frame(now):
            return True
        self._counted()
        if not socket.events.take(now) or not self.writer(principal.actor).take(now):
            self._refuse(gate, message_id, "rate_limited", None)
            return True
        socket.was_used = True
        as_author = socket.author
        if as_author is None or as_author[0] is not principal:
            head = message_head(principal.actor, principal.display_name, role_of(principal))
            as_author = socket.author = (principal, principal.actor.encode(), head)
        _, author, head = as_author
        committer = self._service.store.committer
        committer.submit(
            Send(
                gate,
                message_id,
                self._refused,
                conversation_id,
                b"%b\0%b" % (author, client_id),
                pack_message(head, client_id, text),
                author,
                committer.deadline(),
            )
        )
        return True

    def _refused(self, gate: SocketGate, message_id: int, status: bytes) -> None:
        """The store did not take it."""
        code, field = REFUSALS.get(status.decode(), ("chat_unavailable", None))
        self._refuse(gate, message_id, cast("ChatCode", code), field)
