"""A draft on its way into the store."""

cdef class Append:
    cdef readonly str conversation_id
    cdef readonly bytes draft_id
    cdef readonly bytes packed
    cdef readonly bytes author
    cdef readonly str kind
    cdef readonly long long target
    cdef readonly long long edit_window_ms
    cdef readonly double deadline
