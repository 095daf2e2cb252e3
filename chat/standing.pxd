"""What is known of a conversation for a moment."""

cdef class Standing:
    cdef readonly object conversation
    cdef readonly double until
    cdef dict _rights
