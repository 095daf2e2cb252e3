"""How often something may happen."""

cdef class TokenBucket:
    cdef double _rate
    cdef double _burst
    cdef double _level
    cdef double _updated

    cpdef bint take(self, double now, double amount=*)
