"""Between the transport of a WebSocket and aiohttp: takes messages off the way in, and gathers frames on the way out.

What comes in passes as it is, but for whole frames that the hot lane takes (``arm``): a ``chat_send`` in the spelling
of ``signalling/send_event.pxd``. Each waits unread until what came before it on its socket has been handled: were it to
pass because of that, so would the next, and a busy socket would never find back to the lane. What goes out is written
once for each socket at the end of a turn of the loop, however many frames it is.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from chat.appends cimport Append
from signalling.chat_frames cimport acknowledgement, is_message_text
from signalling.packed cimport load_big
from signalling.send_event cimport SendEvent, read_send

cdef enum:
    PONG_BYTES = 7

cdef extern from "Python.h":
    const Py_ssize_t PY_SSIZE_T_MAX

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_send "send"(int handle, const void* data, size_t length, int flags)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

MAX_IN_FLIGHT = 32
"""Messages of one socket on their way to the store. With so many nothing more of it is read: a hasty client is slowed
down by TCP, and a store that was away is not met by a crowd that went the long way meanwhile."""


cdef class Outlets:
    """The sockets of one loop that have something to write this turn."""

    def __init__(self, loop):
        self._loop = loop
        self._waiting = []

    cdef int add(self, SocketGate gate) except -1:
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append(gate)
        return 0

    def flush(self):
        """Write what was gathered."""
        cdef SocketGate gate
        waiting, self._waiting = self._waiting, []
        for gate in waiting:
            gate.flush()


cdef class Taker:
    """Who takes messages off the way in."""

    cdef bint take(self, SocketGate gate, object socket, SendEvent* event) except -1:
        """True when it took one, whose text is one (``checked_text``) and whose frame is gone after this."""
        name = PyUnicode_DecodeUTF8(<const char*>event.conversation_id.data, event.conversation_id.length, NULL)
        client_id = PyBytes_FromStringAndSize(<const char*>event.client_id.data, event.client_id.length)
        text = PyBytes_FromStringAndSize(<const char*>event.text.data, event.text.length)
        return self.take_message(socket, name, client_id, text, event.message_id)

    def take_message(self, socket, conversation_id, client_id, text, message_id):
        """``take`` for takers that are not compiled."""
        raise NotImplementedError


cdef class SocketGate:
    """The protocol of one transport. ``handled`` must be told of each message that aiohttp gave out."""

    def __init__(self, transport, protocol, websocket, Outlets outlets not None, loop):
        self.protocol = protocol
        self._transport = transport
        self._websocket = websocket
        self._outlets = outlets
        self._loop = loop
        self._rest = b""
        self._frames = []
        self._handle = -1
        # TLS has its own transport over the socket; then everything goes through that one.
        if transport.get_extra_info("sslcontext") is None and transport.get_extra_info("socket") is not None:
            self._handle = transport.get_extra_info("socket").fileno()

    def __dealloc__(self):
        free(self._scratch)

    # --- asyncio.Protocol ----------------------------------------------------------------------------------------

    def connection_made(self, transport):
        """It was made before we came."""

    def connection_lost(self, error):
        """The end."""
        self._is_lost = True
        self.disarm()
        self._frames = []
        self._gathered_bytes = 0
        self.protocol.connection_lost(error)

    def pause_writing(self):
        """The client takes no more for now."""
        self.protocol.pause_writing()

    def resume_writing(self):
        """The client takes more."""
        self.protocol.resume_writing()

    def eof_received(self):
        """The client sends no more."""
        return self.protocol.eof_received()

    def data_received(self, bytes data not None):
        """Frames and parts of frames."""
        if self.is_held:
            # aiohttp reads on by itself when its own queue has room again: without this all that comes would be kept.
            self._rest += data
            self._pause()
            return
        if self._rest:
            data = self._rest + data
            self._rest = b""
        cdef const uint8_t* bytes_ = <const uint8_t*>PyBytes_AS_STRING(data)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(data), at = 0, begin = 0, left, head
        cdef uint64_t payload
        while at < length:
            left = length - at
            if self._passing:
                if self._passing >= <uint64_t>left:
                    self._passing -= left
                    at = length
                    break
                at += self._passing
                self._passing = 0
                continue
            head = _head_bytes(bytes_ + at, left)
            if head > left:
                break
            if self.awaits_pong and _is_pong(bytes_ + at, left) and not self._is_fragmented and not self._is_closing:
                self.awaits_pong = False
                if begin < at:
                    self.protocol.data_received(data[begin:at])
                at += PONG_BYTES
                begin = at
                continue
            payload = _payload_bytes(bytes_ + at)
            if self._may_take(bytes_[at], bytes_[at + 1], payload):
                if self.in_flight >= MAX_IN_FLIGHT or self._passed > self._handled:
                    self._hold()
                    break
                if head + <Py_ssize_t>payload > left:
                    break
                if begin < at:  # control frames
                    self.protocol.data_received(data[begin:at])
                    begin = at
                if self._taken(bytes_ + at + head, payload):
                    at += head + <Py_ssize_t>payload
                    begin = at
                    continue
            self._note(bytes_[at])
            at += head
            self._passing = payload
        if begin < at:
            self.protocol.data_received(data if begin == 0 and at == length else data[begin:at])
        if at < length:
            self._rest = data[at:]

    # --- the hot lane --------------------------------------------------------------------------------------------

    def arm(self, socket, Taker taker not None, Py_ssize_t max_taken_bytes):
        """From now on ``taker`` may take messages of at most so many bytes."""
        self._socket = socket
        self._taker = taker
        self.kept = None
        if self._scratch == NULL or max_taken_bytes > self._max_taken_bytes:
            free(self._scratch)
            self._scratch = <uint8_t*>malloc(max_taken_bytes)
            if self._scratch == NULL:
                raise MemoryError
        self._max_taken_bytes = max_taken_bytes

    def disarm(self):
        """Everything passes."""
        self._taker = None
        self._socket = None
        self.kept = None
        self._release()

    def handled(self):
        """A message that passed has been handled."""
        self._handled += 1
        if self.is_held and self._passed <= self._handled:  # fewer passed: some came with the handshake, before us
            self._release()

    async def idle(self):
        """Returns once nothing that was taken is on its way."""
        while self.in_flight:
            if self._idle is None:
                self._idle = self._loop.create_future()
            await self._idle

    cdef bint _may_take(self, uint8_t first, uint8_t second, uint64_t payload) noexcept:
        """A whole binary message, masked, that is next to be handled."""
        return (
            self._taker is not None
            and first == 0x82
            and second & 128 != 0
            and payload <= <uint64_t>self._max_taken_bytes
            and not self._is_fragmented
            and not self._is_closing
        )

    cdef bint _taken(self, const uint8_t* payload, Py_ssize_t length) except -1:
        """Whether the hot lane took the frame; the mask stands before its payload."""
        cdef SendEvent event
        _unmask(payload - 4, payload, self._scratch, length)
        if not read_send(self._scratch, length, &event):
            return False
        if not is_message_text(&event.text):
            return False
        return self._taker.take(self, self._socket, &event)

    cdef void _note(self, uint8_t first) noexcept:
        """A frame passes (RFC 6455 section 5.2): how many messages that makes, and whether one is begun."""
        cdef int opcode = first & 15
        if opcode < 8:
            self._is_fragmented = first & 128 == 0
            if not self._is_fragmented:
                self._passed += 1
        elif opcode == 8:
            self._is_closing = True

    cdef int _hold(self) except -1:
        """Read nothing more until what passed is handled, and half of what is on its way has been answered."""
        self.is_held = True
        return self._pause()

    cdef int _pause(self) except -1:
        try:
            self._transport.pause_reading()
        except RuntimeError:  # it is closing
            pass
        return 0

    cdef int _release(self) except -1:
        if self.is_held and not self._is_release_due:
            self._is_release_due = True
            self._loop.call_soon(self._go_on)
        return 0

    def _go_on(self):
        self.is_held = self._is_release_due = False
        if self._is_lost:
            return
        # aiohttp pauses too, while its own queue is full, and then reads on by itself. It has no public way to ask.
        if not self.protocol._reading_paused and not self.protocol._buffer_paused:
            try:
                self._transport.resume_reading()
            except RuntimeError:  # it is closing
                return
        rest, self._rest = self._rest, b""
        self.data_received(rest)

    cdef int answered(self) except -1:
        """A message that was taken has been answered."""
        self.in_flight -= 1
        if self.is_held and self.in_flight <= MAX_IN_FLIGHT // 2:
            self._release()
        if not self.in_flight and self._idle is not None:
            if not self._idle.done():
                self._idle.set_result(None)
            self._idle = None
        return 0

    # --- on the way out ------------------------------------------------------------------------------------------

    cpdef bint push(self, bytes frame, Py_ssize_t unsent_limit=PY_SSIZE_T_MAX) except -1:
        """Write whole frames at the end of this turn; nothing when the connection is going or gone.

        False, and nothing is written, when the client has more than ``unsent_limit`` bytes not taken yet,
        beyond what the operating system holds.
        """
        if not self._frames:
            if self._transport.is_closing():  # asked again before anything is written
                return True
            try:
                self._unsent_bytes = self._transport.get_write_buffer_size()
            except RuntimeError:  # uvloop's answer when the handle was closed meanwhile
                return True
        if unsent_limit < self._unsent_bytes + self._gathered_bytes:
            return self._transport.is_closing()
        if not self._frames:
            self._outlets.add(self)
        self._frames.append(frame)
        self._gathered_bytes += PyBytes_GET_SIZE(frame)
        return True

    cdef int flush(self) except -1:
        cdef bytes data
        cdef Py_ssize_t sent
        frames, self._frames = self._frames, []
        self._gathered_bytes = 0
        transport = self._transport
        if not frames or transport.is_closing() or self._websocket.closed:
            return 0
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        try:
            if self._handle >= 0 and transport.get_write_buffer_size() == 0:
                # What transport.write would try first as well, at half its cost. Faults are left to the transport.
                sent = c_send(
                    self._handle, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), MSG_DONTWAIT | MSG_NOSIGNAL
                )
                if sent == PyBytes_GET_SIZE(data):
                    return 0
                if sent > 0:
                    data = data[sent:]
            transport.write(data)
        except RuntimeError:  # uvloop's answer when the handle was closed meanwhile
            return 0
        return 0


cdef class GateReader:
    """A reader of conversations behind a gate (None: there is none). A frame passes while no more is unsent than it may."""


def push_to_all(dict readers not None, list frames not None, long long first):
    """Push frames, numbered from ``first`` on, to each ``GateReader`` that does not have them; who has too much waiting.

    ``readers``: with the number up to which each has everything. Frames that come together are joined once for all. What
    is no frame, because it is not the same for everybody, comes alone and knows whom it pushes what to
    (``signalling.chat_files.TwoFrames``).
    """
    if type(frames[0]) is not bytes:
        return frames[0].push(readers, first)
    cdef SocketGate gate
    cdef list slow = []
    cdef bytes joined = frames[0] if len(frames) == 1 else b"".join(frames)
    cdef bytes part
    cdef long long last = first + len(frames) - 1, number
    for reader, has in readers.items():
        number = has
        if number >= last:
            continue
        part = joined if number < first else b"".join(frames[number - first + 1 :])
        gate = (<GateReader?>reader).gate
        if gate is not None and not gate.push(part, (<GateReader>reader).max_unsent_bytes):
            slow.append(reader)
    return slow


cdef class Send(Append):
    """A message that the hot lane took; its gate waits for an answer."""

    def __init__(self, SocketGate gate not None, message_id, refused, conversation_id, draft_id, packed, author):
        """``refused(gate, message_id, status, conversation_id)`` answers when it was not stored."""
        Append.__init__(self, conversation_id, draft_id, packed, author)
        self.gate = gate
        self.message_id = message_id
        self.refused = refused
        gate.in_flight += 1

    cpdef settle(self, bytes status, long long seq, long long at_ms):
        """Answer its sender."""
        cdef SocketGate gate = self.gate
        if self.is_answered:
            return
        self.is_answered = True
        if status == b"ok" or status == b"repeat":
            gate.push(acknowledgement(self.message_id, seq, at_ms, status == b"repeat"))
        else:
            self.refused(gate, self.message_id, status, self.conversation_id)
        gate.answered()

    cpdef refuse(self):
        """Answer its sender that it may not be stored."""
        if not self.is_answered:
            self.is_answered = True
            self.refused(self.gate, self.message_id, b"unavailable", self.conversation_id)
            self.gate.answered()

    def is_awaited(self):
        """Until its socket is gone; what is in the store already stays there."""
        return not self.is_answered and not self.gate._transport.is_closing()


cdef bint _is_pong(const uint8_t* frame, Py_ssize_t left) noexcept nogil:
    """Whether a masked text frame is Engine.IO's answer to a ping: ``3`` and nothing else."""
    return left >= PONG_BYTES and frame[0] == 0x81 and frame[1] == 0x81 and frame[2] ^ frame[6] == b"3"[0]


cdef Py_ssize_t _head_bytes(const uint8_t* data, Py_ssize_t left) noexcept nogil:
    """Of a frame's head with its mask; more than ``left`` when it has not wholly arrived."""
    if left < 2:
        return left + 1
    cdef Py_ssize_t head = 2
    cdef int length = data[1] & 127
    if length == 126:
        head = 4
    elif length == 127:
        head = 10
    return head + 4 if data[1] & 128 else head


cdef uint64_t _payload_bytes(const uint8_t* data) noexcept nogil:
    cdef int length = data[1] & 127
    if length < 126:
        return length
    return load_big(data + 2, 2 if length == 126 else 8)


cdef void _unmask(const uint8_t* mask, const uint8_t* data, uint8_t* to, Py_ssize_t length) noexcept nogil:
    cdef uint64_t word = 0, pattern = 0
    cdef Py_ssize_t at = 0
    memcpy(&pattern, mask, 4)
    memcpy(<uint8_t*>&pattern + 4, mask, 4)
    while at + 8 <= length:
        memcpy(&word, data + at, 8)
        word ^= pattern
        memcpy(to + at, &word, 8)
        at += 8
    while at < length:
        to[at] = data[at] ^ mask[at & 3]
        at += 1
