"""What else is made of messages in compiled code."""

from libc.stdint cimport int64_t

from signalling.packed cimport Text

cpdef bytes acknowledgement(int64_t message_id, int64_t seq, int64_t at_ms, bint repeated)
cdef bint is_message_text(const Text* text) except -1
