"""Where writes wait until the committer takes them: a step that each message passes."""

from cpython.list cimport PyList_GET_SIZE

from chat.appends cimport Append


cdef class WriteQueue:
    """Writes in their order; each has ``give_up_s`` from here on (``deadline``, by ``monotonic``, in seconds).

    ``waiting``: they. ``is_open``: somebody will write them. ``is_writable``: what comes is to be written at the end of
    the turn: ``write_soon`` is called once, and ``is_write_due`` until that is done. ``on_full``: called for each that
    was refused because there were ``most``.
    """

    def __init__(self, Py_ssize_t most, double give_up_s, *, write_soon, on_full, monotonic):
        self.waiting = []
        self._most = most
        self._give_up_s = give_up_s
        self._write_soon = write_soon
        self._on_full = on_full
        self._monotonic = monotonic

    cpdef add(self, write):
        """Put it at the end, or refuse it."""
        cdef double deadline
        if not self.is_open:
            write.refuse()
            return
        if PyList_GET_SIZE(self.waiting) >= self._most:
            self._on_full()
            write.refuse()
            return
        deadline = <double>self._monotonic() + self._give_up_s
        if isinstance(write, Append):
            (<Append>write).deadline = deadline
        else:
            write.deadline = deadline
        self.waiting.append(write)
        if self.is_writable and not self.is_write_due:
            self.is_write_due = True
            self._write_soon()
