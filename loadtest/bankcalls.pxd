"""System calls and constants of the banks of clients that ``rtc/udp.pxd`` has no need of."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

cdef extern from * nogil:
    """
    #include <string.h>
    #include <sys/epoll.h>
    #include <sys/socket.h>
    #include <sys/timerfd.h>
    #include <time.h>
    #include <unistd.h>
    static inline long long alltid_clock_ns(int which) {
        struct timespec t; clock_gettime(which, &t);
        return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
    }
    static inline void alltid_timer_set(int fd, long long at_monotonic_ns) {
        struct itimerspec t = {{0, 0}, {at_monotonic_ns / 1000000000, at_monotonic_ns % 1000000000}};
        timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, 0);
    }
    static inline void alltid_timer_read(int fd) {
        unsigned long long fired; ssize_t ignored = read(fd, &fired, sizeof fired); (void)ignored;
    }
    /* The kernel's receive time (SO_TIMESTAMPNS) of a received message in CLOCK_REALTIME ns, or 0. */
    static inline long long alltid_receive_time(void *message) {
        struct msghdr *m = (struct msghdr *)message;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
                struct timespec t; memcpy(&t, CMSG_DATA(c), sizeof t);
                return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
            }
        return 0;
    }
    static inline int alltid_watch(int epoll, int fd, unsigned int data) {
        struct epoll_event e; e.events = EPOLLIN; e.data.u64 = data;
        return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    }
    static inline int alltid_unwatch(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, 0); }
    static inline int alltid_wait(int epoll, unsigned int *data, int count, int timeout_ms) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, count < 256 ? count : 256, timeout_ms);
        for (int i = 0; i < ready; i++) data[i] = (unsigned int)events[i].data.u64;
        return ready;
    }
    static inline int alltid_ready(int epoll, unsigned int *data, int count) {
        return alltid_wait(epoll, data, count, 0);
    }
    """
    int64_t alltid_clock_ns(int which) noexcept
    void alltid_timer_set(int fd, int64_t at_monotonic_ns) noexcept
    void alltid_timer_read(int fd) noexcept
    int64_t alltid_receive_time(void *message) noexcept
    int alltid_watch(int epoll, int fd, uint32_t data) noexcept
    int alltid_unwatch(int epoll, int fd) noexcept
    int alltid_ready(int epoll, uint32_t *data, int count) noexcept
    int alltid_wait(int epoll, uint32_t *data, int count, int timeout_ms) noexcept
    int epoll_create1(int flags)
    int timerfd_create(int clock, int flags)
    int close(int fd) noexcept
    ssize_t recv(int fd, void *data, size_t length, int flags) noexcept
    ssize_t send(int fd, const void *data, size_t length, int flags) noexcept
    int CLOCK_MONOTONIC
    int CLOCK_REALTIME
    int EPOLL_CLOEXEC
    int TFD_CLOEXEC
    int TFD_NONBLOCK
