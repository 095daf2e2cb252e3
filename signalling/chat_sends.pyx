"""The hot lane: most messages go from their frame to the store, and back as an acknowledgement, without a task.

``SocketGate`` hands over what it knows to be a well-formed ``chat_send`` to a meeting's chat. What is asked here is
what ``ChatEvents`` and ``ChatService.send`` ask, in the same order. Whoever is not simply let through goes the long
way, which knows all answers: so does the first message to a conversation that nobody wrote to for a second.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcmp, memcpy

from chat.appends cimport packed_message
from chat.standing cimport Standing
from chat.write_queue cimport WriteQueue
from signalling.send_event cimport SendEvent
from signalling.socket_gate cimport Send, SocketGate, Taker
from signalling.token_bucket cimport TokenBucket

from chat.events import message_head
from chat.service import role_of
from chat.store import REFUSALS

cdef Py_ssize_t MAX_WRITERS = 50_000
cdef double COUNT_S = 0.1  # a metric is read every few seconds, and costs as much as a message's limits


cdef class _Writing:
    """One socket's writing: who it is as an author, and the conversation it wrote to last."""

    cdef object principal
    cdef bytes author
    cdef bytes head
    """How the author's packed messages begin."""
    cdef object connection
    cdef TokenBucket frames
    cdef TokenBucket events
    cdef TokenBucket person
    cdef bytes name
    cdef str conversation_id
    cdef Standing standing
    """What is known of that; they may write there while it stands."""


cdef class ChatSends(Taker):
    """The hot lane of one front. ``counted(n)``: called once a while with how many messages it took since."""

    cdef object _limits
    cdef object _service
    cdef WriteQueue _queue
    cdef object _monotonic
    cdef object _counted
    cdef object _refuse
    cdef object _refused_method
    cdef dict _writers
    cdef long _taken

    def __init__(self, limits, service, *, monotonic, counted, refuse):
        """``refuse(gate, message_id, code, field)`` answers a message."""
        self._limits = limits
        self._service = service
        self._queue = service.store.committer.queue
        self._monotonic = monotonic
        self._counted = counted
        self._refuse = refuse
        self._refused_method = self._refused
        self._writers = {}

    def writer(self, actor):
        """How often a person may write, over all their sockets at this front (a ``TokenBucket``)."""
        bucket = self._writers.get(actor)
        if bucket is None:
            if len(self._writers) >= MAX_WRITERS:
                self._writers.clear()
            limits = self._limits
            bucket = TokenBucket(limits.messages_per_s, limits.messages_burst, self._monotonic())
            self._writers[actor] = bucket
        return bucket

    cdef bint take(self, SocketGate gate, object socket, SendEvent* event) except -1:
        """Send a message on its way; False when it has to go the long way."""
        cdef _Writing writing
        cdef Send send
        cdef double now = self._monotonic()
        principal = socket.principal
        if gate.kept is None or (<_Writing>gate.kept).principal is not principal:
            gate.kept = _writing(socket, principal)
        writing = gate.kept
        if (
            writing.standing is None
            or now >= writing.standing.until
            or PyBytes_GET_SIZE(writing.name) != event.conversation_id.length
            or memcmp(PyBytes_AS_STRING(writing.name), event.conversation_id.data, event.conversation_id.length) != 0
        ) and not self._look_up(writing, event, now):
            return False
        if now >= writing.standing.renew_at and writing.standing.renew():
            self._service.renew(writing.conversation_id)
        if not writing.frames.take(now):
            writing.connection.abort("flood")
            return True
        if not self._taken:
            gate._loop.call_later(COUNT_S, self._count)
        self._taken += 1
        if not writing.events.take(now) or not writing.person.take(now):
            self._refuse(gate, event.message_id, "rate_limited", None)
            return True
        socket.was_used = True
        send = Send.__new__(Send)
        send.conversation_id = writing.conversation_id
        send.draft_id = _draft_id(writing.author, <const char*>event.client_id.data, event.client_id.length)
        send.packed = packed_message(
            writing.head,
            <const char*>event.client_id.data, event.client_id.length,
            <const char*>event.text.data, event.text.length,
        )
        send.author = writing.author
        send.kind = "message"
        send.is_message = True
        send.gate = gate
        send.message_id = event.message_id
        send.refused = self._refused_method
        gate.in_flight += 1
        self._queue.add(send)
        return True

    cdef bint _look_up(self, _Writing writing, SendEvent* event, double now) except -1:
        """Whether they may write there without anything being asked before."""
        name = PyBytes_FromStringAndSize(<const char*>event.conversation_id.data, event.conversation_id.length)
        conversation_id = name.decode()
        standing = self._service.direct(writing.principal, conversation_id)
        if standing is None or now >= (<Standing>standing).until:
            return False
        writing.name, writing.conversation_id, writing.standing = name, conversation_id, standing
        writing.person = self.writer(writing.principal.actor)
        return True

    def _count(self):
        taken, self._taken = self._taken, 0
        self._counted(taken)

    def _refused(self, gate, message_id, bytes status not None, conversation_id):
        """The store did not take it."""
        if status == b"full" and self._service.make_room_soon(conversation_id):
            status = b"unavailable"  # its sender tries again, and there will be room
        code, field = REFUSALS.get(status.decode(), ("chat_unavailable", None))
        self._refuse(gate, message_id, code, field)


cdef _Writing _writing(socket, principal):
    cdef _Writing writing = _Writing.__new__(_Writing)
    writing.principal = principal
    writing.author = principal.actor.encode()
    writing.head = message_head(principal.actor, principal.display_name, role_of(principal))
    writing.connection = socket.connection
    writing.frames = socket.connection.frames
    writing.events = socket.events
    writing.name = b""
    return writing


cdef bytes _draft_id(bytes author, const char* client_id, Py_ssize_t length):
    """The author, NUL, and the client's id."""
    cdef Py_ssize_t author_length = PyBytes_GET_SIZE(author)
    cdef bytes draft_id = PyBytes_FromStringAndSize(NULL, author_length + 1 + length)
    cdef char* to = PyBytes_AS_STRING(draft_id)
    memcpy(to, PyBytes_AS_STRING(author), author_length)
    to[author_length] = 0
    memcpy(to + author_length + 1, client_id, length)
    return draft_id
