"""The client event ``chat_send`` as it comes in a frame, read without an object for each of its parts.

Takes what check_frame and the model ``ChatSend`` take, with the same values, in the spelling that clients use; leaves
everything else to them (also what is wrong with it): attachments, conversations other than a meeting's, no
acknowledgement wanted, numbers and texts written in unusual ways.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp, memset
from signalling.packed cimport (
    Cursor,
    Text,
    is_identifier,
    is_text,
    read_array,
    read_map,
    read_text,
    read_unsigned,
    skip_plain,
)

cdef struct SendEvent:
    Text conversation_id
    Text client_id
    Text text
    int64_t message_id


cdef inline bint read_send(const uint8_t* data, Py_ssize_t length, SendEvent* event) noexcept nogil:
    """Whether a frame's payload is one; the text is not looked at (it may be no UTF-8, empty, or too long)."""
    cdef Cursor cursor
    cdef Text key, value
    cdef int seen = 0
    memset(event, 0, sizeof(SendEvent))
    cursor.at = data
    cursor.end = data + length
    cdef Py_ssize_t pairs = read_map(&cursor)
    for _ in range(pairs):
        if not read_text(&cursor, &key):
            return False
        if is_text(&key, "type", 4) and not seen & 1:
            seen |= 1
            if read_unsigned(&cursor) != 2:
                return False
        elif is_text(&key, "nsp", 3) and not seen & 2:
            seen |= 2
            if not read_text(&cursor, &value) or not is_text(&value, "/", 1):
                return False
        elif is_text(&key, "id", 2) and not seen & 4:
            seen |= 4
            event.message_id = read_unsigned(&cursor)
            if event.message_id < 0:
                return False
        elif is_text(&key, "data", 4) and not seen & 8:
            seen |= 8
            if not _read_data(&cursor, event):
                return False
        elif is_text(&key, "options", 7) and not seen & 16:  # of socket.io-client, which sends its own settings
            seen |= 16
            if not skip_plain(&cursor):
                return False
        else:
            return False
    return seen & 15 == 15 and cursor.at == cursor.end


cdef inline bint _read_data(Cursor* cursor, SendEvent* event) noexcept nogil:
    """The event's name and its payload."""
    cdef Text key
    cdef int seen = 0
    if read_array(cursor) != 2 or not read_text(cursor, &key) or not is_text(&key, "chat_send", 9):
        return False
    cdef Py_ssize_t pairs = read_map(cursor)
    for _ in range(pairs):
        if not read_text(cursor, &key):
            return False
        if is_text(&key, "conversation_id", 15) and not seen & 1:
            seen |= 1
            if not read_text(cursor, &event.conversation_id):
                return False
        elif is_text(&key, "client_id", 9) and not seen & 2:
            seen |= 2
            if not read_text(cursor, &event.client_id):
                return False
        elif is_text(&key, "text", 4) and not seen & 4:
            seen |= 4
            if not read_text(cursor, &event.text):
                return False
        elif is_text(&key, "attachments", 11) and not seen & 8:
            seen |= 8
            if read_array(cursor) != 0:
                return False
        else:
            return False
    if seen & 7 != 7 or not is_identifier(event.client_id.data, event.client_id.length):
        return False
    cdef Text* name = &event.conversation_id
    return name.length > 8 and memcmp(name.data, "meeting-", 8) == 0 and is_identifier(name.data + 8, name.length - 8)
