"""What the store alone gives, without Python: senders that wait for each answer, and readers that count what arrives.

A sender's command is a message: XADD, or XADD and SPUBLISH in one write. It is sent again when all its answers came.
The readers have subscribed; each delivery is a copy of the same bytes, so they count bytes. As in the chat's clients
(``loadtest/chatbank.pyx``) a phase ends when every reader has everything, and what is not understood ends it at once.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from loadtest.bankcalls cimport (
    CLOCK_MONOTONIC, EPOLL_CLOEXEC, alltid_clock_ns, alltid_wait, alltid_watch, close, epoll_create1, recv, send,
)

cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

cdef enum:
    READ_BYTES = 262144
    MOST_EVENTS = 256             # of one ``alltid_wait``
    MOST_TIMES = 4000000          # kept of a phase; more are only counted
    DRAIN_NS = 60000000000        # how long what was sent may take to arrive

cdef enum Fault:
    NO_FAULT = 0
    CLOSED = 1
    NOT_UNDERSTOOD = 2
    REFUSED = 3
    NOT_SENT = 4
    LOST = 5

_FAULTS = ("", "a connection ended", "an answer was not understood", "a command was refused",
           "a socket took no command", "answers or deliveries did not arrive, or came twice")


class StoreBankError(Exception):
    """The measurement is worth nothing."""


cdef struct Sender:
    const uint8_t* command
    Py_ssize_t length
    int handle
    int channel
    int64_t sent_at
    int line                      # of the answers to its command
    bint is_in_line


cdef struct Reader:
    int handle
    int channel
    uint64_t bytes


cdef struct Phase:
    int64_t until
    uint64_t sent
    uint64_t acknowledged
    uint64_t bytes                # that all readers are to get, less what they got
    uint64_t time_count
    int64_t* times


cdef class StoreBank:
    """Connections to one store."""

    cdef int _epoll
    cdef int _sender_count
    cdef int _reader_count
    cdef int _channel_count
    cdef int _lines
    cdef Sender* _senders
    cdef Reader* _readers
    cdef uint64_t* _readers_of
    cdef uint64_t* _sizes
    cdef uint64_t* _sent_in
    cdef uint8_t* _read
    cdef list _commands

    def __cinit__(self, list senders not None, list readers not None, list delivery_bytes not None):
        """``senders``: (socket, command, channel); ``readers``: (socket, channel), of sockets that have subscribed.

        ``delivery_bytes``: for each channel, how long a delivery is. Without readers a command has one answer, the
        entry's id; with readers a second one, how many of them there are.
        """
        cdef int index
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        self._sender_count, self._reader_count = <int>len(senders), <int>len(readers)
        self._channel_count = <int>len(delivery_bytes)
        self._lines = 3 if readers else 2
        self._senders = <Sender*>calloc(self._sender_count + 1, sizeof(Sender))
        self._readers = <Reader*>calloc(self._reader_count + 1, sizeof(Reader))
        self._readers_of = <uint64_t*>calloc(self._channel_count + 1, sizeof(uint64_t))
        self._sizes = <uint64_t*>calloc(self._channel_count + 1, sizeof(uint64_t))
        self._sent_in = <uint64_t*>calloc(self._channel_count + 1, sizeof(uint64_t))
        self._read = <uint8_t*>malloc(READ_BYTES)
        if (
            self._epoll < 0 or not self._senders or not self._readers or not self._readers_of or not self._sizes
            or not self._sent_in or not self._read
        ):
            raise MemoryError
        self._commands = [bytes(command) for _, command, _ in senders]
        for index, size in enumerate(delivery_bytes):
            self._sizes[index] = size
        for index, (handle, _, channel) in enumerate(senders):
            self._senders[index].command = self._commands[index]
            self._senders[index].length = len(self._commands[index])
            self._senders[index].handle = handle
            self._senders[index].channel = self._channel(channel)
            if alltid_watch(self._epoll, handle, index) < 0:
                raise OSError(errno, "epoll_ctl")
        for index, (handle, channel) in enumerate(readers):
            self._readers[index].handle = handle
            self._readers[index].channel = self._channel(channel)
            self._readers_of[self._readers[index].channel] += 1
            if alltid_watch(self._epoll, handle, self._sender_count + index) < 0:
                raise OSError(errno, "epoll_ctl")

    def __dealloc__(self):
        free(self._senders)
        free(self._readers)
        free(self._readers_of)
        free(self._sizes)
        free(self._sent_in)
        free(self._read)
        if self._epoll >= 0:
            close(self._epoll)

    cdef int _channel(self, int channel) except -1:
        if not 0 <= channel < self._channel_count:
            raise ValueError("no such channel")
        return channel

    def closed_loop(self, double seconds):
        """Each sender sends again when it was answered: seconds until all had arrived, commands, deliveries, times.

        A time is that from a command to its last answer, in seconds.
        """
        cdef Phase phase
        cdef int fault
        cdef int64_t begin, end = 0
        memset(&phase, 0, sizeof(Phase))
        phase.times = <int64_t*>malloc(MOST_TIMES * sizeof(int64_t))
        if not phase.times:
            raise MemoryError
        try:
            begin = alltid_clock_ns(CLOCK_MONOTONIC)
            phase.until = begin + <int64_t>(seconds * 1e9)
            with nogil:
                fault = self._run(&phase, begin, &end)
            if fault:
                raise StoreBankError(_FAULTS[fault])
            return (
                (end - begin) / 1e9,
                phase.sent,
                sum([self._sent_in[each] * self._readers_of[each] for each in range(self._channel_count)]),
                [phase.times[place] / 1e9 for place in range(<Py_ssize_t>phase.time_count)],
            )
        finally:
            free(phase.times)

    cdef int _run(self, Phase* phase, int64_t begin, int64_t* end) noexcept nogil:
        cdef uint32_t ready[MOST_EVENTS]
        cdef int count, place, fault
        cdef int64_t now = begin
        memset(self._sent_in, 0, self._channel_count * sizeof(uint64_t))
        for place in range(self._reader_count):
            self._readers[place].bytes = 0
        for place in range(self._sender_count):
            if self._send(phase, &self._senders[place], now):
                return NOT_SENT
        while phase.acknowledged < phase.sent or phase.bytes:
            if now > phase.until + DRAIN_NS:
                return LOST
            count = alltid_wait(self._epoll, ready, MOST_EVENTS, 100)
            now = alltid_clock_ns(CLOCK_MONOTONIC)
            for place in range(count):
                if ready[place] < <uint32_t>self._sender_count:
                    fault = self._answered(phase, &self._senders[ready[place]])
                else:
                    fault = self._delivered(phase, &self._readers[ready[place] - self._sender_count])
                if fault:
                    return fault
        end[0] = alltid_clock_ns(CLOCK_MONOTONIC)
        for place in range(self._reader_count):  # not one of them twice, for another that got nothing
            count = self._readers[place].channel
            if self._readers[place].bytes != self._sent_in[count] * self._sizes[count]:
                return LOST
        return NO_FAULT

    cdef bint _send(self, Phase* phase, Sender* sender, int64_t now) noexcept nogil:
        """True when the socket did not take it at once."""
        sender.line, sender.is_in_line, sender.sent_at = 0, False, now
        phase.sent += 1
        self._sent_in[sender.channel] += 1
        phase.bytes += self._readers_of[sender.channel] * self._sizes[sender.channel]
        return send(sender.handle, sender.command, sender.length, MSG_DONTWAIT | MSG_NOSIGNAL) != sender.length

    cdef int _answered(self, Phase* phase, Sender* sender) noexcept nogil:
        """An answer is a bulk string (two lines), and a number when there was a SPUBLISH."""
        cdef ssize_t got = recv(sender.handle, self._read, READ_BYTES, MSG_DONTWAIT), at
        cdef int64_t now
        if got <= 0:
            return NO_FAULT if got < 0 and (errno == EAGAIN or errno == EINTR) else CLOSED
        for at in range(got):
            if not sender.is_in_line:
                if self._read[at] == b"-"[0]:
                    return REFUSED
                if sender.line >= self._lines or (sender.line != 1 and self._read[at] != b"$ :"[sender.line]):
                    return NOT_UNDERSTOOD
                sender.is_in_line = True
            if self._read[at] == b"\n"[0]:
                sender.line += 1
                sender.is_in_line = False
        if sender.line < self._lines:
            return NO_FAULT
        now = alltid_clock_ns(CLOCK_MONOTONIC)
        phase.acknowledged += 1
        if phase.time_count < MOST_TIMES:
            phase.times[phase.time_count] = now - sender.sent_at
            phase.time_count += 1
        return NOT_SENT if now < phase.until and self._send(phase, sender, now) else NO_FAULT

    cdef int _delivered(self, Phase* phase, Reader* reader) noexcept nogil:
        cdef ssize_t got = recv(reader.handle, self._read, READ_BYTES, MSG_DONTWAIT)
        if got <= 0:
            return NO_FAULT if got < 0 and (errno == EAGAIN or errno == EINTR) else CLOSED
        if reader.bytes % self._sizes[reader.channel] == 0 and self._read[0] != b"*"[0]:
            return NOT_UNDERSTOOD
        if <uint64_t>got > phase.bytes:
            return LOST
        reader.bytes += got
        phase.bytes -= got
        return NO_FAULT
