"""The batch system calls of Linux that the media socket uses, and addresses as fixed-size keys.

A header only: nothing here is a Python module. UDP_SEGMENT (udp(7), since Linux 4.18) lets one call carry a
train of datagrams of one size to one address, the last of which may be shorter.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from * nogil:
    """
    #include <arpa/inet.h>
    #include <errno.h>
    #include <netinet/in.h>
    #include <netinet/udp.h>
    #include <poll.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <sys/uio.h>
    #include <time.h>
    #ifndef UDP_SEGMENT
    #define UDP_SEGMENT 103
    #endif
    #ifndef SOL_UDP
    #define SOL_UDP 17
    #endif
    typedef union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } socket_address;
    static inline unsigned int socket_address_length(const socket_address *a) {
        return a->any.sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    }
    static inline int socket_address_equal(const socket_address *a, const socket_address *b) {
        if (a->any.sa_family != b->any.sa_family) return 0;
        if (a->any.sa_family == AF_INET)
            return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
        return a->v6.sin6_port == b->v6.sin6_port && memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0;
    }
    /* Mixes the address with a secret of this process, so that nobody can aim at one bucket. */
    static inline unsigned int socket_address_hash(const socket_address *a, unsigned long long secret) {
        unsigned long long words[2] = {0, 0}, port;
        if (a->any.sa_family == AF_INET) { words[0] = a->v4.sin_addr.s_addr; port = a->v4.sin_port; }
        else { memcpy(words, &a->v6.sin6_addr, 16); port = a->v6.sin6_port; }
        unsigned long long h = secret ^ words[0];
        h *= 0x9E3779B97F4A7C15ull; h ^= h >> 29; h ^= words[1] + port;
        h *= 0xBF58476D1CE4E5B9ull; h ^= h >> 32; h *= 0x94D049BB133111EBull;
        return (unsigned int)(h >> 32);
    }
    /* From an address in text; 0 where it is none. */
    static inline int socket_address_set(socket_address *out, const char *host, int port) {
        memset(out, 0, sizeof *out);
        if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
            out->v4.sin_family = AF_INET; out->v4.sin_port = htons((unsigned short)port); return 1;
        }
        out->v6.sin6_family = AF_INET6; out->v6.sin6_port = htons((unsigned short)port);
        return inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1;
    }
    /* To text in `host` (64 bytes suffice); returns the port. */
    static inline int socket_address_get(const socket_address *a, char *host, unsigned int size) {
        if (a->any.sa_family == AF_INET) inet_ntop(AF_INET, &a->v4.sin_addr, host, size);
        else inet_ntop(AF_INET6, &a->v6.sin6_addr, host, size);
        return ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
    }
    static inline void cmsg_set_segment(void *control, unsigned short size) {
        struct cmsghdr *c = (struct cmsghdr *)control;
        c->cmsg_level = SOL_UDP; c->cmsg_type = UDP_SEGMENT; c->cmsg_len = CMSG_LEN(sizeof(unsigned short));
        memcpy(CMSG_DATA(c), &size, sizeof size);
    }
    static inline void sleep_us(unsigned int us) {
        struct timespec t = {us / 1000000, (long)(us % 1000000) * 1000}; nanosleep(&t, NULL);
    }
    static inline void prefetch(const void *address) { __builtin_prefetch(address, 1, 3); }
    static inline long long monotonic_us(void) {
        struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
        return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    }
    """
    ctypedef union socket_address:
        pass
    unsigned int socket_address_length(const socket_address* address) noexcept
    bint socket_address_equal(const socket_address* a, const socket_address* b) noexcept
    uint32_t socket_address_hash(const socket_address* address, uint64_t secret) noexcept
    bint socket_address_set(socket_address* out, const char* host, int port) noexcept
    int socket_address_get(const socket_address* address, char* host, unsigned int size) noexcept
    void cmsg_set_segment(void* control, uint16_t size) noexcept
    void sleep_us(unsigned int us) noexcept
    void prefetch(const void* address) noexcept
    long long monotonic_us() noexcept

    struct iovec:
        void* iov_base
        size_t iov_len
    struct msghdr:
        void* msg_name
        unsigned int msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    struct pollfd:
        int fd
        short events
        short revents

    int recvmmsg(int fd, mmsghdr* messages, unsigned int count, int flags, void* timeout) noexcept
    int sendmmsg(int fd, mmsghdr* messages, unsigned int count, int flags) noexcept
    int poll(pollfd* fds, unsigned long count, int timeout_ms) noexcept
    int errno
    enum:
        MSG_DONTWAIT
        MSG_TRUNC
        POLLOUT
        EAGAIN
        EINTR
        EIO
        EINVAL
        ENOBUFS

cdef enum:
    # CMSG_SPACE(sizeof(uint16_t)) on every Linux ABI with 8-byte words.
    SEGMENT_CONTROL_BYTES = 24
