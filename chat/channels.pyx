"""What each message costs on its way to the readers of a front is spent here: who is it for, and is it the next one.

A message is the next one of its conversation nearly always. Everything else (holes, other events, lost connections) is
left to ``chat.feed`` and ``chat.fanout``, which know all ways; what happens here is what they would do, without an
object for each step.
"""

import time
from collections import deque

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from libc.string cimport memcmp

from chat.appends cimport Append

RECENT_EVENTS = 64
"""Kept per feed, so that a reader who comes while events flow need not race with them."""
MAX_TRAIN = 64
"""Messages of one conversation that came at the same time go to its readers together, at most so many."""
REST_S = 0.010
"""A train leaves at once, or so long after the one before where many sockets read: each train costs every reader a
write and a wake-up, and nobody sees ten milliseconds. The author's acknowledgement does not wait for it."""
MANY_READERS = 4
"""With fewer, joining messages saves less than waiting for them costs: one of the readers is the author, whose event
leaves in one write with the acknowledgement."""
WRITES_AT_ONCE = 32
"""After that many writes of about 3 us each the loop first sees what came in: else the store would wait for the front
each time that many trains leave."""

cdef Py_ssize_t _MANY_READERS = MANY_READERS, _WRITES_AT_ONCE = WRITES_AT_ONCE


cdef class FeedHead:
    """How far a feed (``chat.feed.Feed``) has come."""

    def __init__(self):
        self.head = 0
        self.is_synced = False
        self.early = {}
        self.packed = deque(maxlen=RECENT_EVENTS)

    def has(self, long long seq):
        """Whether news of this number say nothing new."""
        return _has(self, seq)


cdef inline bint _has(FeedHead feed, long long seq) noexcept:
    return feed.is_synced and seq <= feed.head


cdef inline bint _is_next(FeedHead feed, long long seq) noexcept:
    """Whether it is the one to be delivered now, and nothing is held back that could follow it."""
    return feed.is_synced and seq == feed.head + 1 and not feed.early


cdef class Channel:
    """A conversation at this front, with its readers."""

    def __init__(self, str conversation_id not None, FeedHead feed not None):
        self.conversation_id = conversation_id
        self.feed = feed
        self.readers = {}
        self.opening = None
        self._aliases = {}
        self._train = []


cdef class Channels:
    """All conversations of a front. ``encode_message``, ``send_to_all``: see ``chat.fanout``."""

    cdef dict _by_id
    cdef dict _by_name
    cdef list _departing
    cdef object _encode_message
    cdef object _send_to_all
    cdef object _on_slow
    cdef object _on_other
    cdef object _later
    cdef object _monotonic
    cdef list _resting
    cdef bint _is_leaving
    cdef readonly long long delivered
    """Packets to readers, since the start."""

    def __init__(self, encode_message, send_to_all, on_slow, on_other, later, monotonic=time.monotonic):
        """``on_slow(channel, readers, first)``: readers who got nothing of the events from ``first`` on.

        ``on_other(channel, seq, at_ms, packed)``: what this front stored and is not simply the next message.
        ``later(seconds, call)``: the loop's ``call_later``. ``monotonic``: seconds.
        """
        self._by_id = {}
        self._by_name = {}
        self._departing = []
        self._encode_message = encode_message
        self._send_to_all = send_to_all
        self._on_slow = on_slow
        self._on_other = on_other
        self._later = later
        self._monotonic = monotonic
        self._resting = []

    def add(self, Channel channel not None, bytes name not None):
        """``name``: of what its news come on."""
        self._by_id[channel.conversation_id] = channel
        self._by_name[name] = channel

    def remove(self, Channel channel not None, bytes name not None):
        """Nothing more comes for it."""
        if self._by_id.get(channel.conversation_id) is channel:
            del self._by_id[channel.conversation_id]
            del self._by_name[name]

    def get(self, conversation_id):
        """The channel of a conversation, or None."""
        return self._by_id.get(conversation_id)

    def named(self, name):
        """The channel whose news come on a name, or None."""
        return self._by_name.get(name)

    def all(self):
        """Every channel there is now."""
        return list(self._by_id.values())

    def hear(self, list answers not None, other):
        """Take the messages out of what the store published, and give everything else to ``other``, in its order."""
        cdef bytes kind, payload
        cdef list parts
        for answer in answers:
            if type(answer) is list and PyList_GET_SIZE(answer) == 3:
                parts = answer
                if type(parts[0]) is bytes and type(parts[1]) is bytes and type(parts[2]) is bytes:
                    kind, payload = parts[0], parts[2]
                    if (
                        PyBytes_GET_SIZE(kind) == 8
                        and memcmp(PyBytes_AS_STRING(kind), b"smessage", 8) == 0
                        and self._hears(self._by_name.get(parts[1]), payload)
                    ):
                        continue
            other(answer)

    cdef bint _hears(self, channel, bytes payload) except -1:
        """Whether nothing is left to be done about ``E<number> <time> <packed>``."""
        cdef const char* at = PyBytes_AS_STRING(payload)
        cdef const char* end = at + PyBytes_GET_SIZE(payload)
        cdef long long seq, at_ms
        if channel is None or at == end or at[0] != b"E"[0]:
            return False
        at += 1
        seq = _number(&at, end)
        at_ms = _number(&at, end)
        if seq < 0 or at_ms < 0:
            return False
        if _has((<Channel>channel).feed, seq):
            return True
        return self._takes(<Channel>channel, seq, at_ms, PyBytes_FromStringAndSize(at, end - at))

    def said(self, list appends not None, list answer not None):
        """Messages that this front has stored: who reads here need not wait until the store has published them.

        It does not where only this front listens. ``answer``: of say.lua, the time and then a number for each that is
        new.
        """
        cdef Append append
        cdef Py_ssize_t place
        cdef long long seq
        try:
            for place in range(PyList_GET_SIZE(appends)):
                each = answer[place + 1]
                if type(each) is not int:
                    continue
                append = appends[place]
                channel = self._by_id.get(append.conversation_id)
                if channel is not None:
                    seq = each
                    if not _has((<Channel>channel).feed, seq) and not self._takes(channel, seq, answer[0], append.packed):
                        self._on_other(channel, seq, answer[0], append.packed)
        finally:
            self.depart()

    cdef bint _takes(self, Channel channel, long long seq, long long at_ms, bytes packed) except -1:
        """Whether it was the next one, and will be sent at the end of this turn."""
        if self._encode_message is None or not _is_next(channel.feed, seq):
            return False
        packet = self._encode_message(channel.conversation_id, seq, at_ms, packed, channel._aliases)
        if packet is None:
            return False
        channel.feed.head = seq
        channel.feed.packed.append((seq, at_ms, packed))
        if not channel._train:
            channel._train_first = seq
            self._departing.append(channel)
        channel._train.append(packet)
        if PyList_GET_SIZE(channel._train) >= MAX_TRAIN:
            self.flush(channel)
        return True

    def depart(self):
        """Everything that came at the same time has been taken."""
        cdef list departing
        cdef Channel channel
        cdef Py_ssize_t place
        if not self._departing:
            return
        departing, self._departing = self._departing, []
        for place in range(PyList_GET_SIZE(departing)):
            channel = departing[place]
            if channel._rested_at and len(channel.readers) >= _MANY_READERS and <double>self._monotonic() < channel._rested_at:
                self._resting.append(channel)
            else:
                try:
                    self.flush(channel)
                except BaseException:  # one's fault: the others leave at the end of another turn
                    self._departing = departing[place + 1 :] + self._departing
                    raise
        if self._resting and not self._is_leaving:
            self._is_leaving = True
            self._later(REST_S, self._leave)

    def _leave(self):
        """Let go of those that have rested, some at a time: between them the loop takes and stores what comes in."""
        cdef Channel channel
        cdef Py_ssize_t place = 0, writes = 0
        try:
            for place in range(PyList_GET_SIZE(self._resting)):
                channel = self._resting[place]
                if channel._train:
                    writes += len(channel.readers)
                    self.flush(channel)
                    if writes >= _WRITES_AT_ONCE:
                        break
        finally:  # also after one's fault: the others leave
            del self._resting[: place + 1]
            if self._resting:
                self._later(0.0, self._leave)
            else:
                self._is_leaving = False

    cpdef flush(self, Channel channel):
        """Send what was taken of one conversation, before anything else happens there."""
        cdef list train = channel._train
        if train:
            channel._train = []
            self.deliver(channel, train, channel._train_first)
            if len(channel.readers) >= _MANY_READERS:
                channel._rested_at = <double>self._monotonic() + REST_S

    cpdef deliver(self, Channel channel, list packets, long long first):
        """Send packets of events, numbered from ``first`` on, to all who read."""
        cdef list slow
        if not channel.readers:
            return
        slow = self._send_to_all(channel.readers, packets, first)
        self.delivered += (len(channel.readers) - len(slow)) * PyList_GET_SIZE(packets)
        if slow:
            self._on_slow(channel, slow, first)


cdef long long _number(const char** at, const char* end) noexcept nogil:
    """Decimal digits and the space behind them; -1 when there is something else."""
    cdef long long value = 0
    cdef const char* begin = at[0]
    while at[0] < end and 48 <= at[0][0] <= 57 and at[0] - begin < 18:
        value = 10 * value + at[0][0] - 48
        at[0] += 1
    if at[0] == begin or at[0] == end or at[0][0] != 32:
        return -1
    at[0] += 1
    return value
