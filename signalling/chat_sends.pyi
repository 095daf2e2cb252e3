from collections.abc import Callable

from chat.service import ChatService
from signalling.chat_protocol import ChatCode
from signalling.chat_settings import ChatSettings
from signalling.socket_gate import SocketGate, Taker
from signalling.token_bucket import TokenBucket

class ChatSends(Taker):
    def __init__(
        self,
        limits: ChatSettings,
        service: ChatService,
        *,
        monotonic: Callable[[], float],
        counted: Callable[[int], None],
        refuse: Callable[[SocketGate, int, ChatCode, str | None], None],
    ) -> None: ...
    def writer(self, actor: str) -> TokenBucket: ...
