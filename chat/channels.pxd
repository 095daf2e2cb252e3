"""The conversations of one front, as its messages pass through them."""

cdef class FeedHead:
    cdef public long long head
    cdef public bint is_synced
    cdef public dict early
    cdef public object packed


cdef class Channel:
    cdef readonly str conversation_id
    cdef readonly FeedHead feed
    cdef public dict readers
    cdef public object opening
    cdef public bint is_reading
    cdef public bint was_lost
    cdef dict _aliases
    cdef list _train
    cdef long long _train_first
    cdef double _rested_at
    """Monotonic time from which on the next train need not wait."""
