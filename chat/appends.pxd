"""A draft on its way into the store."""

cdef class Append:
    cdef readonly str conversation_id
    cdef readonly bytes draft_id
    cdef readonly bytes packed
    cdef readonly bytes author
    cdef readonly bint is_message
    cdef readonly str kind
    cdef readonly long long target
    cdef readonly long long edit_window_ms
    cdef public double deadline

    cpdef settle(self, bytes status, long long seq, long long at_ms)
    cpdef refuse(self)


cdef bytes packed_message(
    bytes head, const char* client_id, Py_ssize_t client_length, const char* text, Py_ssize_t text_length
)
