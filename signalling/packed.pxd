"""MessagePack in memory, read strictly and never beyond its end: as much of it as the hot lane of chat needs.

Every reader moves the cursor only when it finds what it looks for. What it does not know is not an error here: whoever
calls leaves such packets to the parser that knows all.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp

cdef struct Cursor:
    const uint8_t* at
    const uint8_t* end

cdef struct Text:
    const uint8_t* data
    Py_ssize_t length


cdef inline uint64_t load_big(const uint8_t* data, int count) noexcept nogil:
    """A number of ``count`` bytes, the highest first."""
    cdef uint64_t value = 0
    cdef int place
    for place in range(count):
        value = (value << 8) | data[place]
    return value


cdef inline bint read_text(Cursor* cursor, Text* text) noexcept nogil:
    """A string; its bytes are not looked at."""
    cdef Py_ssize_t left = cursor.end - cursor.at
    cdef Py_ssize_t head, length
    if left < 1:
        return False
    cdef uint8_t first = cursor.at[0]
    if first & 0xE0 == 0xA0:
        head, length = 1, first & 31
    elif first == 0xD9 and left >= 2:
        head, length = 2, <Py_ssize_t>load_big(cursor.at + 1, 1)
    elif first == 0xDA and left >= 3:
        head, length = 3, <Py_ssize_t>load_big(cursor.at + 1, 2)
    else:
        return False
    if length > left - head:
        return False
    text.data = cursor.at + head
    text.length = length
    cursor.at += head + length
    return True


cdef inline Py_ssize_t read_map(Cursor* cursor) noexcept nogil:
    """How many pairs a map of fewer than 16 has; -1 when it is none."""
    if cursor.end - cursor.at < 1 or cursor.at[0] & 0xF0 != 0x80:
        return -1
    cursor.at += 1
    return (cursor.at - 1)[0] & 15


cdef inline Py_ssize_t read_array(Cursor* cursor) noexcept nogil:
    """How many elements an array of fewer than 16 has; -1 when it is none."""
    if cursor.end - cursor.at < 1 or cursor.at[0] & 0xF0 != 0x90:
        return -1
    cursor.at += 1
    return (cursor.at - 1)[0] & 15


cdef inline int64_t read_unsigned(Cursor* cursor) noexcept nogil:
    """A whole number from 0 to 2^53 - 1; -1 when it is none (or is written as one that may be negative)."""
    cdef Py_ssize_t left = cursor.end - cursor.at
    cdef int count
    cdef uint64_t value
    if left < 1:
        return -1
    cdef uint8_t first = cursor.at[0]
    if first < 0x80:
        cursor.at += 1
        return first
    if first < 0xCC or first > 0xCF:
        return -1
    count = 1 << (first - 0xCC)
    if left < 1 + count:
        return -1
    value = load_big(cursor.at + 1, count)
    if value >> 53:
        return -1
    cursor.at += 1 + count
    return <int64_t>value


cdef inline bint is_ascii(const Text* text) noexcept nogil:
    """Whether it has no byte above 127."""
    cdef uint8_t all_bits = 0
    cdef Py_ssize_t place
    for place in range(text.length):
        all_bits |= text.data[place]
    return all_bits < 128


cdef inline bint skip_plain(Cursor* cursor) noexcept nogil:
    """Pass over nothing, a truth, a small number, an ASCII string, or a flat map of such."""
    cdef Text text
    cdef Py_ssize_t pairs
    if cursor.at < cursor.end and cursor.at[0] & 0xF0 == 0x80:
        pairs = read_map(cursor)
        for _ in range(pairs):
            if not read_text(cursor, &text) or not is_ascii(&text) or not _skip_scalar(cursor):
                return False
        return True
    return _skip_scalar(cursor)


cdef inline bint _skip_scalar(Cursor* cursor) noexcept nogil:
    cdef Text text
    if cursor.at >= cursor.end:
        return False
    if cursor.at[0] in (0xC0, 0xC2, 0xC3):
        cursor.at += 1
        return True
    if read_text(cursor, &text):
        return is_ascii(&text)
    return read_unsigned(cursor) >= 0


cdef inline bint is_text(const Text* text, const char* expected, Py_ssize_t length) noexcept nogil:
    """Whether it is just this."""
    return text.length == length and memcmp(text.data, expected, length) == 0


cdef inline bint is_identifier(const uint8_t* data, Py_ssize_t length) noexcept nogil:
    """1 to 64 letters, digits, ``_`` and ``-`` (``Identifier`` of the wire protocol)."""
    cdef Py_ssize_t place
    cdef uint8_t each
    if length < 1 or length > 64:
        return False
    for place in range(length):
        each = data[place]
        if not (
            97 <= each <= 122 or 65 <= each <= 90 or 48 <= each <= 57 or each == 95 or each == 45
        ):
            return False
    return True
