"""The two packets that each message costs, made in one step: its acknowledgement, and the event for its readers.

The same bytes as ``acknowledgement_frame`` and ``event_frame`` (``signalling/chat_packets.py``) of the reply and of
``chat.events.to_wire`` make.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
from signalling.packed cimport Cursor, Text, is_ascii, is_text, read_array, read_map, read_text, read_unsigned
from signalling.send_event cimport SendEvent, read_send

import msgpack

from chat.events import AUTHOR_ROLES, MAX_TEXT_CHARACTERS as _MAX_TEXT_CHARACTERS, alias

cdef Py_ssize_t MAX_TEXT_CHARACTERS = _MAX_TEXT_CHARACTERS
cdef frozenset _ROLES = frozenset(role.encode() for role in AUTHOR_ROLES)


cpdef bytes acknowledgement(int64_t message_id, int64_t seq, int64_t at_ms, bint repeated):
    """The frame that says where a message stands."""
    cdef uint8_t frame[96]
    cdef uint8_t* to = frame + 2
    to = _copy(to, b"\x84\xa4type\x03\xa4data\x91\x84\xa2ok\xc3\xa3seq", 22)
    to = _put_unsigned(to, seq)
    to = _copy(to, b"\xa5at_ms", 6)
    to = _put_unsigned(to, at_ms)
    to = _copy(to, b"\xa8repeated", 9)
    to[0] = 0xC3 if repeated else 0xC2
    to = _copy(to + 1, b"\xa3nsp\xa1/\xa2id", 9)
    to = _put_unsigned(to, message_id)
    frame[0] = 0x82
    frame[1] = <uint8_t>(to - frame - 2)
    return PyBytes_FromStringAndSize(<char*>frame, to - frame)


def stored_message_frame(str conversation_id not None, int64_t seq, int64_t at_ms, bytes packed not None, dict aliases not None):
    """``event_frame`` of a stored message with nothing but text (``chat.fanout.EncodeMessage``); None for anything else.

    ``aliases``: who authors are in this conversation, by author, in MessagePack; and by None the conversation's id.
    """
    cdef Cursor cursor
    cdef Text kind, author, name, role, client_id, key, text
    cdef Py_ssize_t length, head, body
    cursor.at = <const uint8_t*>PyBytes_AS_STRING(packed)
    cursor.end = cursor.at + PyBytes_GET_SIZE(packed)
    if read_array(&cursor) != 7 or not read_text(&cursor, &kind) or not is_text(&kind, "message", 7):
        return None
    if not (
        read_text(&cursor, &author)
        and read_text(&cursor, &name)
        and read_text(&cursor, &role)
        and read_text(&cursor, &client_id)
        and read_unsigned(&cursor) == 0
        and read_map(&cursor) == 1
        and read_text(&cursor, &key)
        and is_text(&key, "text", 4)
        and read_text(&cursor, &text)
        and cursor.at == cursor.end
        and _is_utf8(&name)
        and PyBytes_FromStringAndSize(<const char*>role.data, role.length) in _ROLES
        and _is_utf8(&client_id)
        and _is_utf8(&text)
    ):
        return None
    cdef bytes name_here = aliases.get(None)
    if name_here is None:
        name_here = aliases[None] = msgpack.packb(conversation_id)
    actor = PyBytes_FromStringAndSize(<const char*>author.data, author.length)
    cdef bytes shown = aliases.get(actor)
    if shown is None:
        shown = aliases[actor] = msgpack.packb(alias(conversation_id, actor.decode()))
    length = 200 + PyBytes_GET_SIZE(name_here) + PyBytes_GET_SIZE(shown) + PyBytes_GET_SIZE(packed) + 20
    cdef bytes frame = PyBytes_FromStringAndSize(NULL, length)
    cdef uint8_t* begin = <uint8_t*>PyBytes_AS_STRING(frame)
    cdef uint8_t* to = begin + 4
    to = _copy(to, b"\x83\xa4type\x02\xa4data\x92\xaachat_event\x8b\xafconversation_id", 41)
    to = _copy(to, PyBytes_AS_STRING(name_here), PyBytes_GET_SIZE(name_here))
    to = _put_unsigned(_copy(to, b"\xa3seq", 4), seq)
    to = _put_unsigned(_copy(to, b"\xa5at_ms", 6), at_ms)
    to = _copy(to, b"\xa4kind\xa7message\xa6author", 20)
    to = _copy(to, PyBytes_AS_STRING(shown), PyBytes_GET_SIZE(shown))
    to = _put_text(_copy(to, b"\xabauthor_name", 12), &name)
    to = _put_text(_copy(to, b"\xabauthor_role", 12), &role)
    to = _put_text(_copy(to, b"\xa9client_id", 10), &client_id)
    to = _put_text(_copy(to, b"\xa6target\x00\xa4body\x81\xa4text", 19), &text)
    to = _copy(to, b"\xa9withdrawn\xc2\xa3nsp\xa1/", 17)
    body = to - begin - 4
    if body < 126:
        begin[2] = 0x82
        begin[3] = <uint8_t>body
        head = 2
    elif body < 65536:
        begin[0] = 0x82
        begin[1] = 126
        begin[2] = <uint8_t>(body >> 8)
        begin[3] = <uint8_t>(body & 255)
        head = 4
    else:
        return None
    return PyBytes_FromStringAndSize(<char*>(begin + 4 - head), body + head)


def decoded_send(bytes payload not None):
    """What the hot lane makes of a frame's payload (for tests): (conversation, client id, text, id), or None."""
    cdef SendEvent event
    if not read_send(<const uint8_t*>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload), &event):
        return None
    if not is_message_text(&event.text):
        return None
    conversation_id = PyUnicode_DecodeUTF8(<const char*>event.conversation_id.data, event.conversation_id.length, NULL)
    client_id = PyUnicode_DecodeUTF8(<const char*>event.client_id.data, event.client_id.length, NULL)
    text = PyUnicode_DecodeUTF8(<const char*>event.text.data, event.text.length, NULL)
    return conversation_id, client_id, text, event.message_id


cdef bint is_message_text(const Text* text) except -1:
    """Whether it can be a message's: UTF-8, not too long, and more than space."""
    if 0 < text.length <= MAX_TEXT_CHARACTERS and text.data[0] > 32 and is_ascii(text):
        return True
    if text.length > 4 * MAX_TEXT_CHARACTERS:
        return False
    try:
        decoded = PyUnicode_DecodeUTF8(<const char*>text.data, text.length, NULL)
    except UnicodeDecodeError:
        return False
    return 0 < len(decoded) <= MAX_TEXT_CHARACTERS and not decoded.isspace()


cdef bint _is_utf8(const Text* text) except -1:
    if is_ascii(text):
        return True
    try:
        PyUnicode_DecodeUTF8(<const char*>text.data, text.length, NULL)
    except UnicodeDecodeError:
        return False
    return True


cdef inline uint8_t* _copy(uint8_t* to, const char* data, Py_ssize_t length) noexcept nogil:
    memcpy(to, data, length)
    return to + length


cdef uint8_t* _put_text(uint8_t* to, const Text* text) noexcept nogil:
    """A string with the shortest head."""
    cdef Py_ssize_t length = text.length
    if length < 32:
        to[0] = <uint8_t>(0xA0 | length)
        to += 1
    elif length < 256:
        to[0] = 0xD9
        to[1] = <uint8_t>length
        to += 2
    else:
        to[0] = 0xDA
        to[1] = <uint8_t>(length >> 8)
        to[2] = <uint8_t>(length & 255)
        to += 3
    memcpy(to, text.data, length)
    return to + length


cdef uint8_t* _put_unsigned(uint8_t* to, uint64_t value) noexcept nogil:
    """A whole number as short as it can be written."""
    cdef int count, place
    if value < 128:
        to[0] = <uint8_t>value
        return to + 1
    if value < 1 << 8:
        to[0] = 0xCC
        count = 1
    elif value < 1 << 16:
        to[0] = 0xCD
        count = 2
    elif value >> 32 == 0:
        to[0] = 0xCE
        count = 4
    else:
        to[0] = 0xCF
        count = 8
    for place in range(count):
        to[1 + place] = <uint8_t>(value >> (8 * (count - 1 - place)))
    return to + 1 + count
