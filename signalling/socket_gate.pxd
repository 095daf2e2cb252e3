"""Sockets, and who takes messages off their way in."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from chat.appends cimport Append
from signalling.send_event cimport SendEvent


cdef class Outlets:
    cdef object _loop
    cdef list _waiting

    cdef int add(self, SocketGate gate) except -1


cdef class Taker:
    cdef bint take(self, SocketGate gate, object socket, SendEvent* event) except -1


cdef class SocketGate:
    cdef readonly object protocol
    """aiohttp's."""
    cdef object _transport
    cdef object _websocket
    cdef object _loop
    cdef Outlets _outlets
    cdef object _socket
    cdef Taker _taker
    cdef object kept
    """What the taker keeps for the socket."""
    cdef Py_ssize_t _max_taken_bytes
    cdef uint8_t* _scratch
    # On the way in.
    cdef bytes _rest
    cdef uint64_t _passing
    cdef bint _is_fragmented
    cdef bint _is_closing
    cdef public bint awaits_pong
    cdef readonly bint is_held
    """Nothing is read of it for the moment."""
    cdef bint _is_release_due
    cdef bint _is_lost
    cdef long long _passed
    cdef long long _handled
    cdef readonly int in_flight
    """Messages that were taken and not yet answered."""
    cdef object _idle
    # On the way out.
    cdef list _frames
    cdef Py_ssize_t _gathered_bytes
    cdef Py_ssize_t _unsent_bytes
    cdef int _handle

    cdef bint _may_take(self, uint8_t first, uint8_t second, uint64_t payload) noexcept
    cdef bint _taken(self, const uint8_t* payload, Py_ssize_t length) except -1
    cdef void _note(self, uint8_t first) noexcept
    cdef int _hold(self) except -1
    cdef int _pause(self) except -1
    cdef int _release(self) except -1
    cdef int answered(self) except -1
    cpdef bint push(self, bytes frame, Py_ssize_t unsent_limit=*) except -1
    cdef int flush(self) except -1


cdef class GateReader:
    cdef public SocketGate gate
    cdef public Py_ssize_t max_unsent_bytes


cdef class Send(Append):
    cdef SocketGate gate
    cdef int64_t message_id
    cdef object refused
    cdef bint is_answered

    cpdef settle(self, bytes status, long long seq, long long at_ms)
    cpdef refuse(self)
