"""What each message costs on its way to the store is spent here: it is packed, and made a part of a command.

The commands are those of ``hiredis.pack_command`` and the packed messages those of ``chat.events.pack``
(``tests/reference/appends.py``), without an object for each of their parts.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from libc.string cimport memcpy


cdef class Append:
    """A draft as the store is sent it. Who waits for it (a subclass) is told by ``settle`` or ``refuse``."""

    def __init__(
        self,
        str conversation_id,
        bytes draft_id,
        bytes packed,
        bytes author,
        str kind="message",
        long long target=0,
        long long edit_window_ms=0,
    ):
        self.conversation_id = conversation_id
        self.draft_id = draft_id
        self.packed = packed
        self.author = author
        self.is_message = kind == "message"
        self.kind = kind
        self.target = target
        self.edit_window_ms = edit_window_ms

    cpdef settle(self, bytes status, long long seq, long long at_ms):
        """It is stored (``ok``, ``repeat``), or is refused by the store: the status of append.lua."""
        raise NotImplementedError

    cpdef refuse(self):
        """It is not known whether it is stored."""
        raise NotImplementedError

    def is_awaited(self):
        """Whether anybody still wants to know."""
        return True


cdef bytes packed_message(
    bytes head, const char* client_id, Py_ssize_t client_length, const char* text, Py_ssize_t text_length
):
    """A message as ``chat.events.pack`` packs it. ``head``: what ``message_head`` made for its author."""
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
    memcpy(to, client_id, client_length)
    to += client_length
    memcpy(to, b"\x00\x81\xa4text", 7)  # target 0, and a map of one pair
    to += 7
    to += _text_head(to, text_length)
    memcpy(to, text, text_length)
    return packed


def pack_message(bytes head not None, bytes client_id not None, bytes text not None):
    """``packed_message`` of whole byte strings."""
    return packed_message(
        head,
        PyBytes_AS_STRING(client_id), PyBytes_GET_SIZE(client_id),
        PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text),
    )


def grouped(list writes not None, bytes head not None, bytes words not None, keys_of, Py_ssize_t most):
    """What a batch of writes is to the store: three lists.

    What is no draft, in its order; (conversation, drafts) of those conversations in which more than messages is
    written, the drafts in their order; and (command, messages) for everybody else's messages, at most ``most`` or one
    conversation's in a call of say.lua (``say_command``; ``keys_of``: a conversation's keys).
    """
    cdef list calls = [], mixed = [], said = [], some = [], messages = []
    cdef dict groups = {}
    cdef _Group group
    cdef Append append
    for write in writes:
        if not isinstance(write, Append):
            calls.append(write)
            continue
        append = write
        known = groups.get(append.conversation_id)
        if known is None:
            group = _Group.__new__(_Group)
            group.conversation_id = append.conversation_id
            group.appends = [append]
            group.are_messages = append.is_message
            groups[append.conversation_id] = group
        else:
            group = known
            group.appends.append(append)
            group.are_messages = group.are_messages and append.is_message
    for known in groups.values():
        group = known
        if not group.are_messages:
            mixed.append((group.conversation_id, group.appends))
            continue
        some.append((keys_of(group.conversation_id), group.appends))
        messages += group.appends
        if PyList_GET_SIZE(messages) >= most:
            said.append((say_command(head, words, some), messages))
            some, messages = [], []
    if some:
        said.append((say_command(head, words, some), messages))
    return calls, mixed, said


cdef class _Group:
    cdef str conversation_id
    cdef list appends
    cdef bint are_messages


def settle_said(list appends not None, list answer not None):
    """Tell messages what say.lua answered; for how many of them it failed."""
    cdef Append append
    cdef Py_ssize_t place, failed = 0
    if PyList_GET_SIZE(answer) != PyList_GET_SIZE(appends) + 1:
        raise ValueError("another number of answers")
    cdef long long at_ms = answer[0]
    for place in range(PyList_GET_SIZE(appends)):
        append = appends[place]
        each = answer[place + 1]
        if type(each) is int:
            append.settle(b"ok", each, at_ms)
        elif each[0] == b"failed":
            failed += 1
            append.refuse()
        else:
            append.settle(each[0], each[1], each[2])
    return failed


cpdef bytes say_command(bytes head, bytes words, list groups):
    """EVALSHA of say.lua. ``groups``: for each conversation its keys, and its drafts, all of them messages.

    ``head``: the command's words before the number of keys; ``words``: the two after the keys. Those and the keys are bulk
    strings.
    """
    cdef Py_ssize_t length = 64 + PyBytes_GET_SIZE(head) + PyBytes_GET_SIZE(words), messages = 0
    cdef Append append
    cdef bytes keys
    cdef list appends
    for keys, appends in groups:
        length += PyBytes_GET_SIZE(keys) + 48
        messages += len(appends)
        for append in appends:
            length += 3 * 16 + PyBytes_GET_SIZE(append.draft_id) + PyBytes_GET_SIZE(append.packed)
            length += PyBytes_GET_SIZE(append.author)
    cdef bytes command = PyBytes_FromStringAndSize(NULL, length)
    cdef char* begin = PyBytes_AS_STRING(command)
    cdef char* to = begin
    # EVALSHA, the script's name, how many keys, the keys, two words; how many messages, and three for each of them.
    to += _number(to, b"*"[0], 3 + 5 * len(groups) + 2 + 3 * messages)
    to = _copy(to, head)
    to += _count(to, 4 * len(groups))
    for keys, _ in groups:
        to = _copy(to, keys)
    to = _copy(to, words)
    for _, appends in groups:
        to += _count(to, len(appends))
        for append in appends:
            to += _bulk(to, append.draft_id)
            to += _bulk(to, append.packed)
            to += _bulk(to, append.author)
    return PyBytes_FromStringAndSize(begin, to - begin)


cdef char* _copy(char* to, bytes value) noexcept:
    memcpy(to, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
    return to + PyBytes_GET_SIZE(value)


cdef Py_ssize_t _count(char* to, Py_ssize_t value) noexcept nogil:
    """A number as a bulk string."""
    cdef char digits[24]
    cdef Py_ssize_t length = _number(digits, 0, value) - 3
    cdef Py_ssize_t head = _number(to, b"$"[0], length)
    memcpy(to + head, digits + 1, length + 2)  # with its end of the line
    return head + length + 2


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
