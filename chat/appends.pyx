"""What each message costs on its way to the store is spent here: it is packed, and made a part of a command.

The commands are those of ``hiredis.pack_command`` and the packed messages those of ``chat.events.pack``
(``tests/reference/appends.py``), without an object for each of their parts.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy


cdef class Append:
    """A draft as the store is sent it. Who waits for it (a subclass) is told by ``settle`` or ``refuse``."""

    def __init__(
        self,
        str conversation_id,
        bytes draft_id,
        bytes packed,
        bytes author,
        double deadline,
        str kind="message",
        long long target=0,
        long long edit_window_ms=0,
    ):
        self.conversation_id = conversation_id
        self.draft_id = draft_id
        self.packed = packed
        self.author = author
        self.deadline = deadline
        self.kind = kind
        self.target = target
        self.edit_window_ms = edit_window_ms

    def settle(self, status, seq, at_ms):
        """It is stored (``ok``, ``repeat``), or is refused by the store: the status of append.lua."""
        raise NotImplementedError

    def refuse(self):
        """It is not known whether it is stored."""
        raise NotImplementedError

    def is_awaited(self):
        """Whether anybody still wants to know."""
        return True


def pack_message(bytes head not None, bytes client_id not None, bytes text not None):
    """A message as ``chat.events.pack`` packs it. ``head``: what ``message_head`` made for its author."""
    cdef Py_ssize_t client_length = PyBytes_GET_SIZE(client_id), text_length = PyBytes_GET_SIZE(text)
    cdef Py_ssize_t head_length = PyBytes_GET_SIZE(head)
    if client_length > 255 or text_length > 65535:
        raise ValueError("too long")
    cdef Py_ssize_t length = (
        head_length + _text_head(NULL, client_length) + client_length + 7 + _text_head(NULL, text_length) + text_length
    )
    cdef bytes packed = PyBytes_FromStringAndSize(NULL, length)
    cdef char* to = PyBytes_AS_STRING(packed)
    memcpy(to, PyBytes_AS_STRING(head), head_length)
    to += head_length
    to += _text_head(to, client_length)
    memcpy(to, PyBytes_AS_STRING(client_id), client_length)
    to += client_length
    memcpy(to, b"\x00\x81\xa4text", 7)  # target 0, and a map of one pair
    to += 7
    to += _text_head(to, text_length)
    memcpy(to, PyBytes_AS_STRING(text), text_length)
    return packed


def say_command(bytes head not None, list appends not None):
    """EVALSHA of say.lua with these drafts of one conversation; None when one of them is no message.

    ``head``: the command from its first word to its first argument, the limit.
    """
    cdef Py_ssize_t length = 16 + PyBytes_GET_SIZE(head)
    cdef Append append
    for append in appends:
        if append.kind != "message":
            return None
        length += 3 * 16 + PyBytes_GET_SIZE(append.draft_id) + PyBytes_GET_SIZE(append.packed)
        length += PyBytes_GET_SIZE(append.author)
    cdef bytes command = PyBytes_FromStringAndSize(NULL, length)
    cdef char* begin = PyBytes_AS_STRING(command)
    cdef char* to = begin
    # EVALSHA, the script's name, how many keys, the keys, the limit, and three for each message.
    to += _number(to, b"*"[0], 3 + 4 + 1 + 3 * len(appends))
    memcpy(to, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head))
    to += PyBytes_GET_SIZE(head)
    for append in appends:
        to += _bulk(to, append.draft_id)
        to += _bulk(to, append.packed)
        to += _bulk(to, append.author)
    return PyBytes_FromStringAndSize(begin, to - begin)


cdef Py_ssize_t _bulk(char* to, bytes value) noexcept:
    """A bulk string: ``$length``, the bytes, each with the end of a line."""
    cdef Py_ssize_t length = PyBytes_GET_SIZE(value)
    cdef Py_ssize_t head = _number(to, b"$"[0], length)
    memcpy(to + head, PyBytes_AS_STRING(value), length)
    memcpy(to + head + length, b"\r\n", 2)
    return head + length + 2


cdef Py_ssize_t _number(char* to, char mark, Py_ssize_t value) noexcept nogil:
    """A mark, a number in decimal digits and the end of a line: 13 bytes at most below ten thousand millions."""
    cdef char digits[20]
    cdef Py_ssize_t count = 0, place
    while True:
        digits[count] = <char>(48 + value % 10)
        count += 1
        value //= 10
        if value == 0:
            break
    to[0] = mark
    for place in range(count):
        to[1 + place] = digits[count - 1 - place]
    to[1 + count] = 13
    to[2 + count] = 10
    return count + 3


cdef Py_ssize_t _text_head(char* to, Py_ssize_t length) noexcept nogil:
    """The head of a MessagePack string, as short as it can be; its length. NULL: only that."""
    if length < 32:
        if to != NULL:
            to[0] = <char>(0xA0 | length)
        return 1
    if length < 256:
        if to != NULL:
            to[0] = <char>0xD9
            to[1] = <char>length
        return 2
    if to != NULL:
        to[0] = <char>0xDA
        to[1] = <char>(length >> 8)
        to[2] = <char>length
    return 3
