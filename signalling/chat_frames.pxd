"""What else is made of messages in compiled code."""

from libc.stdint cimport int64_t, uint8_t

cpdef bytes acknowledgement(int64_t message_id, int64_t seq, int64_t at_ms, bint repeated)
cdef bytes checked_text(const uint8_t* data, Py_ssize_t length)
