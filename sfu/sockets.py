"""The worker's one UDP port as two sockets: the kernel puts RTCP on a second one, where it wakes nobody.

Fifty subscribers send about a thousand small feedback packets a second. On the socket that carries media each of them
wakes the worker by itself; here they wait until media or a tick comes by (``Walk.receive_feedback``). The sorting is a
classic BPF program on a SO_REUSEPORT group (socket(7), Linux 4.5), which needs no privilege.
"""

import ctypes
import socket
from typing import Final

SO_ATTACH_REUSEPORT_CBPF: Final = getattr(socket, "SO_ATTACH_REUSEPORT_CBPF", 51)
"""asm-generic/socket.h; Python names it only in some builds."""

_LOAD_BYTE, _IF_AT_LEAST, _IF_ABOVE, _RETURN = 0x30, 0x35, 0x25, 0x06
"""BPF_LD|B|ABS, BPF_JMP|JGE|K, BPF_JMP|JGT|K and BPF_RET|K of linux/bpf_common.h."""

_SORT_RTCP: Final = (
    (_LOAD_BYTE, 0, 0, 0),
    (_IF_AT_LEAST, 0, 5, 128),  # RFC 7983 section 7: 128 to 191 is RTP or RTCP
    (_IF_ABOVE, 4, 0, 191),
    (_LOAD_BYTE, 0, 0, 1),
    (_IF_AT_LEAST, 0, 2, 192),  # RFC 5761 section 4: of these, packet types 192 to 223 are RTCP
    (_IF_ABOVE, 1, 0, 223),
    (_RETURN, 0, 0, 1),
    (_RETURN, 0, 0, 0),
)
"""Code, jump if true, jump if false, operand. Returns the number of the socket in its group: 1 for RTCP.

A datagram too short for a load ends the program with 0.
"""


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def open_socket(host: str, port: int, buffer_bytes: int) -> socket.socket:
    """Open the worker's UDP socket, with buffers as large as the kernel grants; ``OSError`` where the port is taken."""
    sock = _make_socket(host, buffer_bytes)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def open_feedback_socket(sock: socket.socket, buffer_bytes: int) -> socket.socket | None:
    """Open the socket that gets the RTCP of ``sock``'s port; None where the kernel cannot sort.

    ``sock`` was bound alone, so its port was nobody else's, and no other worker's ``open_socket`` gets it now. A
    program of the same user that joins on purpose is given nothing: the sorting knows two sockets.
    """
    host = sock.getsockname()[0]
    feedback = _make_socket(host, buffer_bytes)
    try:
        for one in (sock, feedback):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        feedback.bind(sock.getsockname()[:2])
        # Alive until the kernel has copied them:
        instructions = (_Instruction * len(_SORT_RTCP))(*(_Instruction(*one) for one in _SORT_RTCP))
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, bytes(_Program(len(_SORT_RTCP), instructions)))
    except OSError:
        feedback.close()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
        return None
    return feedback


def _make_socket(host: str, buffer_bytes: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, buffer_bytes)
    sock.setblocking(False)
    return sock
