"""What waits for the store."""

cdef class WriteQueue:
    cdef public list waiting
    cdef public bint is_open
    cdef public bint is_writable
    cdef public bint is_write_due
    cdef Py_ssize_t _most
    cdef double _give_up_s
    cdef object _write_soon
    cdef object _on_full
    cdef object _monotonic

    cpdef add(self, write)
