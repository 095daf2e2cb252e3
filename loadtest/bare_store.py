"""What the store alone gives: bare appends, and appends that it delivers to the readers itself.

Both with the chat's own stored message, as many senders with one message on their way each, and the same syncing. For
the second, XADD and SPUBLISH go to the store in one write: both are done in one turn of its loop, and what they answer
and deliver leaves after the sync of that turn. MULTI and EXEC around them would promise nothing more and cost the
store two more commands.
"""

import itertools
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from loadtest.chat_load import ChatCell, Times
from loadtest.storebank import StoreBank

_ANSWER_S: Final = 30.0


@dataclass(frozen=True)
class StoredMessage:
    """How the chat stored a message of a conversation."""

    key: bytes
    conversation: str
    fields: tuple[bytes, ...]

    @classmethod
    def find(cls, store: Path, conversation: str) -> "StoredMessage":
        """The last message of a conversation that has one: in whatever stream bears its name."""
        with redis.Redis(unix_socket_path=str(store)) as client:
            key = next(client.scan_iter(match=f"*{conversation}[^0-9]*", count=10_000, _type="stream"))
            (_, fields), *_ = client.xrevrange(key, count=1)
        return cls(key, conversation, tuple(itertools.chain.from_iterable(fields.items())))

    @property
    def body(self) -> bytes:
        """The last field: the message itself, and who wrote it."""
        return self.fields[-1]

    def key_of(self, conversation: str) -> bytes:
        """The key of another conversation's messages."""
        return self.key.replace(self.conversation.encode(), conversation.encode())


class BareStore:
    """The connections of a cell. ``is_delivering``: with the cell's readers, each subscribed to its conversation."""

    def __init__(self, store: Path, cell: ChatCell, message: StoredMessage, *, is_delivering: bool) -> None:
        self._sockets: list[socket.socket] = []
        keys = [message.key_of(f"meeting-bench{number}") for number in range(cell.conversations)]
        senders, readers, sizes = [], [], []
        for channel, key in enumerate(keys):
            sizes.append(len(_packed(b"smessage", key, message.body)))
            for _ in range(cell.readers if is_delivering else 0):
                reader = self._connect(store)
                reader.sendall(_packed(b"SSUBSCRIBE", key))
                self._receive(reader, _packed(b"ssubscribe", key) + b":1\r\n")
                readers.append((reader.fileno(), channel))
        for number in range(cell.senders):
            channel = number % cell.conversations
            command = _packed(b"XADD", keys[channel], b"*", *message.fields)
            if is_delivering:
                command += _packed(b"SPUBLISH", keys[channel], message.body)
            senders.append((self._connect(store).fileno(), command, channel))
        self._bank = StoreBank(senders, readers, sizes)

    def close(self) -> None:
        """Disconnect."""
        for each in self._sockets:
            each.close()

    def closed_loop(self, seconds: float) -> Times:
        """Each sender sends its next message when the last one was answered. Nothing else runs meanwhile."""
        return Times(*self._bank.closed_loop(seconds))

    def _connect(self, store: Path) -> socket.socket:
        each = socket.socket(socket.AF_UNIX)
        self._sockets.append(each)
        each.settimeout(_ANSWER_S)
        each.connect(str(store))
        return each

    @staticmethod
    def _receive(reader: socket.socket, expected: bytes) -> None:
        # A confirmation is an array of three, whose last is no bulk string as the first two are.
        expected = b"*3" + expected[2:]
        if reader.recv(len(expected), socket.MSG_WAITALL) != expected:
            raise RuntimeError("the store did not subscribe a reader")


def _packed(*parts: bytes) -> bytes:
    """An array of bulk strings: how a command is sent, and how a delivery arrives."""
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
