"""What is known of a conversation for a moment."""

cdef class Standing:
    cdef readonly object conversation
    cdef readonly double renew_at
    cdef readonly double until
    cdef dict _rights

    cdef tuple _rights_of(self, principal)
