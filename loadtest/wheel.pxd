"""Timer wheel: arming and firing cost the same with ten timers and with ten thousand.

Slots of a quarter millisecond, 4,096 of them (1.02 s); a timer further away stays in its slot for another round.
A bit per slot finds the next one that holds anything without walking the empty ones.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

cdef enum:
    TICK_NS = 250_000
    SLOTS = 4096
    SLOT_WORDS = SLOTS // 64

ctypedef struct Timer:
    int64_t due_ns
    int64_t tick             # slot number without the wrap
    int32_t next
    int32_t previous
    bint armed

ctypedef struct Wheel:
    Timer *timers
    int32_t count
    int64_t tick             # everything before this tick has fired
    int32_t heads[SLOTS]
    uint64_t occupied[SLOT_WORDS]

cdef extern from *:
    """
    static inline int alltid_lowest_bit(uint64_t value) { return __builtin_ctzll(value); }
    """
    int alltid_lowest_bit(uint64_t value) noexcept nogil


cdef inline void wheel_start(Wheel *wheel, int64_t now_ns) noexcept nogil:
    cdef int slot
    wheel.tick = now_ns // TICK_NS
    for slot in range(SLOTS):
        wheel.heads[slot] = -1
    for slot in range(SLOT_WORDS):
        wheel.occupied[slot] = 0


cdef inline void wheel_cancel(Wheel *wheel, int32_t number) noexcept nogil:
    cdef Timer *timer = &wheel.timers[number]
    cdef int slot
    if not timer.armed:
        return
    slot = <int>(timer.tick & (SLOTS - 1))
    if timer.previous >= 0:
        wheel.timers[timer.previous].next = timer.next
    else:
        wheel.heads[slot] = timer.next
        if timer.next < 0:
            wheel.occupied[slot >> 6] &= ~((<uint64_t>1) << (slot & 63))
    if timer.next >= 0:
        wheel.timers[timer.next].previous = timer.previous
    timer.armed = False


cdef inline void wheel_arm(Wheel *wheel, int32_t number, int64_t due_ns) noexcept nogil:
    """(Re)arm timer ``number``; a time in the past fires at the next ``wheel_expire``."""
    cdef Timer *timer = &wheel.timers[number]
    cdef int slot
    wheel_cancel(wheel, number)
    timer.due_ns = due_ns
    timer.tick = max(due_ns // TICK_NS, wheel.tick)
    slot = <int>(timer.tick & (SLOTS - 1))
    timer.previous = -1
    timer.next = wheel.heads[slot]
    if timer.next >= 0:
        wheel.timers[timer.next].previous = number
    wheel.heads[slot] = number
    wheel.occupied[slot >> 6] |= (<uint64_t>1) << (slot & 63)
    timer.armed = True


cdef inline int64_t wheel_next_tick(const Wheel *wheel) noexcept nogil:
    """The next tick whose slot holds a timer (maybe one of a later round), or -1."""
    cdef int start = <int>(wheel.tick & (SLOTS - 1))
    cdef int word = start >> 6
    cdef int step
    cdef uint64_t bits = wheel.occupied[word] & (~<uint64_t>0 << (start & 63))
    for step in range(SLOT_WORDS + 1):
        if bits:
            return wheel.tick + (((word << 6) + alltid_lowest_bit(bits) - start) & (SLOTS - 1))
        word = (word + 1) & (SLOT_WORDS - 1)
        bits = wheel.occupied[word]
    return -1


cdef inline int32_t wheel_expire(Wheel *wheel, int64_t now_ns) noexcept nogil:
    """Disarm and return one timer that is due, or -1. Call again until -1."""
    cdef int64_t now_tick = now_ns // TICK_NS
    cdef int64_t tick
    cdef int32_t number
    while True:
        tick = wheel_next_tick(wheel)
        if tick < 0 or tick > now_tick:
            wheel.tick = max(wheel.tick, now_tick)
            return -1
        wheel.tick = tick
        number = wheel.heads[tick & (SLOTS - 1)]
        while number >= 0:
            if wheel.timers[number].tick <= tick:
                wheel_cancel(wheel, number)
                return number
            number = wheel.timers[number].next
        wheel.tick = tick + 1


cdef class TimerWheel:
    cdef Wheel wheel
