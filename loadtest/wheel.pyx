"""The Python face of the timer wheel, for its tests (the peer bank uses the leaf functions of ``wheel.pxd``)."""

from libc.stdlib cimport calloc, free


cdef class TimerWheel:
    """``count`` timers, numbered from 0; times in nanoseconds."""

    def __cinit__(self, int32_t count, int64_t now_ns):
        self.wheel.timers = <Timer *>calloc(max(count, 1), sizeof(Timer))
        if self.wheel.timers == NULL:
            raise MemoryError
        self.wheel.count = count
        wheel_start(&self.wheel, now_ns)

    def __dealloc__(self):
        free(self.wheel.timers)

    def arm(self, int32_t number, int64_t due_ns) -> None:
        """Set a timer, replacing what it was set to."""
        self._check(number)
        wheel_arm(&self.wheel, number, due_ns)

    def cancel(self, int32_t number) -> None:
        """Unset a timer; nothing happens when it was not set."""
        self._check(number)
        wheel_cancel(&self.wheel, number)

    def expire(self, int64_t now_ns) -> list[int]:
        """Every timer due by then (to a quarter millisecond), each disarmed."""
        cdef int32_t number
        result = []
        while (number := wheel_expire(&self.wheel, now_ns)) >= 0:
            result.append(number)
        return result

    def _check(self, int32_t number) -> None:
        if not 0 <= number < self.wheel.count:
            raise IndexError(number)
