"""Many sockets of chat in one loop without Python: sends, and times what comes back.

Between two phases the sockets are ``ChatLink``'s; while one runs they are read here, and their transports must be
paused. It knows of the wire protocol what it needs: frames, acknowledgements by number, the stamp in a text. What it
does not understand ends the phase (``ChatBankError``), as does a message that was refused, never arrived or came twice.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memmove, memset

cdef extern from "<string.h>" nogil:
    void* memmem(const void* where, size_t length, const void* what, size_t size)

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_send "send"(int handle, const void* data, size_t length, int flags)
    ssize_t c_recv "recv"(int handle, void* data, size_t length, int flags)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

cdef extern from "<unistd.h>" nogil:
    int c_close "close"(int handle)
    ssize_t c_read "read"(int handle, void* data, size_t length)

cdef extern from "<time.h>" nogil:
    ctypedef long time_t
    struct timespec:
        time_t tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec* now)
    int CLOCK_MONOTONIC

cdef extern from "<sys/epoll.h>" nogil:
    union epoll_data:
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data data
    int epoll_create1(int flags)
    int epoll_ctl(int handle, int what, int other, epoll_event* event)
    int epoll_wait(int handle, epoll_event* events, int most, int timeout_ms)
    int EPOLL_CTL_ADD
    int EPOLLIN

cdef extern from "<sys/timerfd.h>" nogil:
    struct itimerspec:
        timespec it_interval
        timespec it_value
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int handle, int flags, const itimerspec* value, itimerspec* before)
    int TFD_NONBLOCK
    int TFD_TIMER_ABSTIME

cdef enum:
    CARRY_BYTES = 16384           # of a frame that has not wholly arrived; ours are below 1 KiB
    READ_BYTES = 262144
    MOST_EVENTS = 512
    MOST_TIMES = 4000000          # kept of a phase; more are only counted
    STAMP_DIGITS = 16
    NUMBER_DIGITS = 20
    TIMER = 0xFFFFFFFF
    DRAIN_US = 60000000           # how long what was sent may take to arrive

cdef enum Fault:
    NO_FAULT = 0
    CLOSED = 1
    NOT_UNDERSTOOD = 2
    REFUSED = 3
    NOT_SENT = 4
    LOST = 5
    TWICE = 6

_FAULTS = ("", "a connection ended", "a frame was not understood", "a message was refused", "a socket took no message",
           "messages or acknowledgements did not arrive", "a message or acknowledgement came twice")


class ChatBankError(Exception):
    """The measurement is worth nothing."""


cdef struct Sender:
    uint8_t* frame
    Py_ssize_t length
    Py_ssize_t stamp_at
    Py_ssize_t client_id_at
    Py_ssize_t id_at


cdef struct Phase:
    int64_t until_us
    bint is_closed_loop
    uint64_t sent
    uint64_t acknowledged
    uint64_t delivered
    uint64_t every
    int64_t* acknowledgements
    uint64_t acknowledgement_count
    int64_t* deliveries
    uint64_t delivery_count


cdef class ChatBank:
    """The sockets of a cell: their handles, and which of them send."""

    cdef int _epoll
    cdef int _timer
    cdef int _count
    cdef int* _handles
    cdef uint8_t** _carried
    cdef Py_ssize_t* _carried_bytes
    cdef uint8_t* _read
    cdef int* _sender_of
    cdef int _sender_count
    cdef int* _socket_of
    cdef Sender* _senders
    cdef list _frames
    cdef uint64_t _number
    cdef int64_t* _sent_at
    cdef uint64_t _most_numbers
    cdef uint64_t _readers
    cdef uint64_t _every
    cdef uint64_t* _sent_in
    cdef uint64_t* _delivered_to
    cdef readonly uint64_t received_bytes

    def __cinit__(self, list handles not None, list senders not None, int readers, int every=1):
        """``senders``: (index of the socket, frame, place of stamp, of client id, of the packet's id).

        A frame is a whole ``chat_send`` with digits where stamp (16) and client id (20) go, and its id in four bytes.
        ``readers``: of each conversation; their sockets stand together in ``handles``. Of so many deliveries (``every``) one's time is kept.
        """
        cdef epoll_event event
        self._epoll = epoll_create1(0)
        self._timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)
        self._count = len(handles)
        self._handles = <int*>calloc(self._count, sizeof(int))
        self._carried = <uint8_t**>calloc(self._count, sizeof(uint8_t*))
        self._carried_bytes = <Py_ssize_t*>calloc(self._count, sizeof(Py_ssize_t))
        self._sender_of = <int*>calloc(self._count, sizeof(int))
        self._read = <uint8_t*>malloc(READ_BYTES)
        self._sender_count = len(senders)
        self._senders = <Sender*>calloc(self._sender_count + 1, sizeof(Sender))
        self._socket_of = <int*>calloc(self._sender_count + 1, sizeof(int))
        self._sent_in = <uint64_t*>calloc(self._count // max(1, readers) + 1, sizeof(uint64_t))
        self._delivered_to = <uint64_t*>calloc(self._count, sizeof(uint64_t))
        self._most_numbers = 8000000
        self._sent_at = <int64_t*>calloc(self._most_numbers, sizeof(int64_t))
        if (
            self._epoll < 0 or self._timer < 0 or not self._handles or not self._carried or not self._carried_bytes
            or not self._sender_of or not self._read or not self._senders or not self._socket_of or not self._sent_at
            or not self._sent_in or not self._delivered_to
        ):
            raise MemoryError
        self._readers = readers
        self._every = every
        self._frames = []
        for index in range(self._count):
            self._handles[index] = handles[index]
            self._sender_of[index] = -1
            event.events = EPOLLIN
            event.data.u64 = <uint64_t>index
            if epoll_ctl(self._epoll, EPOLL_CTL_ADD, self._handles[index], &event) < 0:
                raise OSError(errno, "epoll_ctl")
        event.events = EPOLLIN
        event.data.u64 = TIMER
        epoll_ctl(self._epoll, EPOLL_CTL_ADD, self._timer, &event)
        for number, (socket, frame, stamp_at, client_id_at, id_at) in enumerate(senders):
            if stamp_at + STAMP_DIGITS > len(frame) or client_id_at + NUMBER_DIGITS > len(frame) or id_at + 4 > len(frame):
                raise ValueError("the frame has no such place")
            if self._sender_of[socket] >= 0:
                raise ValueError("a socket sends one message at a time")
            self._frames.append(bytearray(frame))
            self._senders[number].frame = self._frames[number]
            self._senders[number].length = len(frame)
            self._senders[number].stamp_at = stamp_at
            self._senders[number].client_id_at = client_id_at
            self._senders[number].id_at = id_at
            self._socket_of[number] = socket
            self._sender_of[socket] = number

    def __dealloc__(self):
        cdef int index
        if self._carried != NULL:
            for index in range(self._count):
                free(self._carried[index])
        free(self._carried)
        free(self._carried_bytes)
        free(self._handles)
        free(self._sender_of)
        free(self._socket_of)
        free(self._senders)
        free(self._read)
        free(self._sent_at)
        free(self._sent_in)
        free(self._delivered_to)
        if self._epoll >= 0:
            c_close(self._epoll)
        if self._timer >= 0:
            c_close(self._timer)

    def closed_loop(self, double seconds):
        """Each sender sends the next message when the last was acknowledged; what ``_result`` says."""
        return self._run(seconds, 0.0)

    def at_rate(self, double per_s, double seconds):
        """Messages at a rate, whatever becomes of them; times count from when each was due."""
        return self._run(seconds, per_s)

    cdef object _run(self, double seconds, double per_s):
        cdef Phase phase
        cdef int fault
        cdef int64_t begin, end = 0
        memset(&phase, 0, sizeof(Phase))
        phase.every = self._every
        phase.is_closed_loop = per_s <= 0
        phase.acknowledgements = <int64_t*>malloc(MOST_TIMES * sizeof(int64_t))
        phase.deliveries = <int64_t*>malloc(MOST_TIMES * sizeof(int64_t))
        try:
            if not phase.acknowledgements or not phase.deliveries:
                raise MemoryError
            begin = _now_us()
            with nogil:
                fault = self._phase(&phase, begin, seconds, per_s, &end)
            if fault:
                raise ChatBankError(_FAULTS[fault])
            return (
                (end - begin) / 1e6,
                phase.sent,
                phase.delivered,
                [phase.acknowledgements[place] / 1e6 for place in range(<Py_ssize_t>phase.acknowledgement_count)],
                [phase.deliveries[place] / 1e6 for place in range(<Py_ssize_t>phase.delivery_count)],
            )
        finally:
            free(phase.acknowledgements)
            free(phase.deliveries)

    cdef int _phase(
        self, Phase* phase, int64_t begin, double seconds, double per_s, int64_t* end
    ) noexcept nogil:
        """``end``: when everything that was sent had been acknowledged and had arrived."""
        cdef epoll_event events[MOST_EVENTS]
        cdef int count, place, fault
        cdef int64_t now = begin, due, ticks = 0
        cdef uint64_t planned = <uint64_t>(per_s * seconds)
        phase.until_us = begin + <int64_t>(seconds * 1e6)
        memset(self._sent_in, 0, (self._count // max(1, self._readers) + 1) * sizeof(uint64_t))
        memset(self._delivered_to, 0, self._count * sizeof(uint64_t))
        if phase.is_closed_loop:
            for place in range(self._sender_count):
                if self._send(phase, place, now):
                    return NOT_SENT
        while True:
            if not phase.is_closed_loop:
                while phase.sent < planned:
                    due = begin + <int64_t>(phase.sent * 1e6 / per_s)
                    if due > now:
                        self._wake_at(due)
                        break
                    if self._send(phase, <int>(phase.sent % <uint64_t>self._sender_count), due):
                        return NOT_SENT
            if phase.acknowledged == phase.sent and (phase.is_closed_loop or phase.sent == planned):
                if phase.delivered > phase.sent * self._readers:
                    return TWICE
                if phase.delivered == phase.sent * self._readers:
                    end[0] = now
                    return self._uneven()
            if now > phase.until_us + DRAIN_US:
                return LOST
            count = epoll_wait(self._epoll, events, MOST_EVENTS, 100)
            for place in range(count):
                now = _now_us()  # anew for each socket: what waits here for its turn has not been read yet
                if events[place].data.u64 == TIMER:
                    c_read(self._timer, &ticks, 8)
                    continue
                fault = self._receive(phase, <int>events[place].data.u64, now)
                if fault:
                    return fault
            now = _now_us()

    cdef int _uneven(self) noexcept nogil:
        """Whether a reader got a message twice, and another not at all: LOST."""
        cdef int socket
        for socket in range(self._count):
            if self._delivered_to[socket] != self._sent_in[<uint64_t>socket // self._readers]:
                return LOST
        return NO_FAULT

    cdef void _wake_at(self, int64_t due) noexcept nogil:
        cdef itimerspec value
        memset(&value, 0, sizeof(itimerspec))
        value.it_value.tv_sec = due // 1000000
        value.it_value.tv_nsec = (due % 1000000) * 1000
        timerfd_settime(self._timer, TFD_TIMER_ABSTIME, &value, NULL)

    cdef bint _send(self, Phase* phase, int number, int64_t stamp) noexcept nogil:
        """True when the socket did not take it at once."""
        cdef Sender* sender = &self._senders[number]
        cdef uint64_t name = self._number
        cdef int place
        if name >= self._most_numbers:
            return True
        self._number += 1
        _digits(sender.frame + sender.stamp_at, STAMP_DIGITS, stamp)
        _digits(sender.frame + sender.client_id_at, NUMBER_DIGITS, name)
        for place in range(4):
            sender.frame[sender.id_at + place] = <uint8_t>(name >> (24 - 8 * place))
        self._sent_at[name] = stamp
        self._sent_in[<uint64_t>self._socket_of[number] // self._readers] += 1
        phase.sent += 1
        return c_send(
            self._handles[self._socket_of[number]], sender.frame, sender.length, MSG_DONTWAIT | MSG_NOSIGNAL
        ) != sender.length

    cdef int _receive(self, Phase* phase, int socket, int64_t now) noexcept nogil:
        cdef Py_ssize_t carried = self._carried_bytes[socket], length, used
        cdef int fault = NO_FAULT
        if carried:
            memcpy(self._read, self._carried[socket], carried)
        cdef ssize_t got = c_recv(self._handles[socket], self._read + carried, READ_BYTES - carried, MSG_DONTWAIT)
        if got < 0:
            return NO_FAULT if errno == EAGAIN or errno == EINTR else CLOSED
        if got == 0:
            return CLOSED
        self.received_bytes += got
        length = carried + got
        used = self._frames_of(phase, socket, self._read, length, now, &fault)
        if fault:
            return fault
        if length - used > CARRY_BYTES:
            return NOT_UNDERSTOOD
        if length > used:
            if self._carried[socket] == NULL:
                self._carried[socket] = <uint8_t*>malloc(CARRY_BYTES)
                if self._carried[socket] == NULL:
                    return NOT_UNDERSTOOD
            memcpy(self._carried[socket], self._read + used, length - used)
        self._carried_bytes[socket] = length - used
        return NO_FAULT

    cdef Py_ssize_t _frames_of(
        self, Phase* phase, int socket, const uint8_t* data, Py_ssize_t length, int64_t now, int* fault
    ) noexcept nogil:
        """How many bytes were whole frames."""
        cdef Py_ssize_t at = 0, size, head
        while length - at >= 2:
            size, head = data[at + 1], 2
            if size >= 127:
                fault[0] = NOT_UNDERSTOOD
                return at
            if size == 126:
                if length - at < 4:
                    break
                size, head = data[at + 2] << 8 | data[at + 3], 4
            if length - at < head + size:
                break
            fault[0] = self._frame(phase, socket, data[at], data + at + head, size, now)
            if fault[0]:
                return at
            at += head + size
        return at

    cdef int _frame(
        self, Phase* phase, int socket, uint8_t first, const uint8_t* payload, Py_ssize_t length, int64_t now
    ) noexcept nogil:
        cdef const uint8_t* found
        cdef int64_t stamp = 0
        cdef int place
        if first == 0x81:  # Engine.IO: a ping wants its pong
            if length < 1 or payload[0] != b"2"[0]:
                return NOT_UNDERSTOOD
            return NO_FAULT if c_send(self._handles[socket], b"\x81\x81\0\0\0\x003", 7, MSG_NOSIGNAL) == 7 else NOT_SENT
        if first != 0x82 or length < 8 or memcmp(payload + 1, b"\xa4type", 5) != 0:
            return NOT_UNDERSTOOD
        if payload[6] == 3:
            return self._acknowledged(phase, socket, payload, length, now)
        if payload[6] != 2:
            return NOT_UNDERSTOOD
        found = <const uint8_t*>memmem(payload, length, b"stamp=", 6)
        if found == NULL or found + 6 + STAMP_DIGITS > payload + length:
            return NOT_UNDERSTOOD
        for place in range(STAMP_DIGITS):
            stamp = 10 * stamp + found[6 + place] - 48
        phase.delivered += 1
        self._delivered_to[socket] += 1
        if phase.delivered % phase.every == 0 and phase.delivery_count < MOST_TIMES:
            phase.deliveries[phase.delivery_count] = now - stamp
            phase.delivery_count += 1
        return NO_FAULT

    cdef int _acknowledged(
        self, Phase* phase, int socket, const uint8_t* payload, Py_ssize_t length, int64_t now
    ) noexcept nogil:
        cdef const uint8_t* found = <const uint8_t*>memmem(payload, length, b"\xa3nsp\xa1/\xa2id", 9)
        cdef uint64_t name = 0
        cdef int count = 0, place
        if memmem(payload, length, b"\xa2ok\xc3", 4) == NULL:
            return REFUSED
        if found == NULL or found + 10 > payload + length:
            return NOT_UNDERSTOOD
        found += 9
        if found[0] < 128:
            name = found[0]
        elif 0xCC <= found[0] <= 0xCE:
            count = 1 << (found[0] - 0xCC)
            if found + 1 + count > payload + length:
                return NOT_UNDERSTOOD
            for place in range(count):
                name = name << 8 | found[1 + place]
        else:
            return NOT_UNDERSTOOD
        if name >= self._number:
            return NOT_UNDERSTOOD
        if not self._sent_at[name]:
            return TWICE
        phase.acknowledged += 1
        if phase.acknowledgement_count < MOST_TIMES:
            phase.acknowledgements[phase.acknowledgement_count] = now - self._sent_at[name]
            phase.acknowledgement_count += 1
        self._sent_at[name] = 0
        if phase.is_closed_loop and now < phase.until_us:
            if self._sender_of[socket] < 0 or self._send(phase, self._sender_of[socket], now):
                return NOT_SENT
        return NO_FAULT


cdef int64_t _now_us() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1000000 + now.tv_nsec // 1000


cdef void _digits(uint8_t* to, int count, uint64_t value) noexcept nogil:
    cdef int place
    for place in range(count):
        to[count - 1 - place] = <uint8_t>(48 + value % 10)
        value //= 10
