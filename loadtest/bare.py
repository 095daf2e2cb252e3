"""The bare loop as a process of its own: ``python -m loadtest.bare``, driven over its standard input and output.

It prints ``{"port": n}``, reads one line of JSON (keys in hex, subscribers' addresses), forwards until its input
closes, and prints its counters.
"""

import json
import os
import socket
import struct
import sys
import threading
from typing import Any

from loadtest.bareloop import BareLoop
from loadtest.peerbank import RECEIVE_BUFFER_BYTES
from loadtest.processes import pin
from rtc.srtp import SrtpSession


def main() -> None:
    """Serve one run."""
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RECEIVE_BUFFER_BYTES)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, 100_000))
    own.bind(("127.0.0.1", 0))
    _say({"port": own.getsockname()[1]})
    plan = json.loads(sys.stdin.readline())
    pin(plan["cpu"])
    loop = BareLoop(
        own.fileno(),
        _session(plan["profile"], plan["publisher_key"]),
        [(host, port, _session(plan["profile"], key)) for host, port, key in plan["subscribers"]],
        plan["segment"],
        plan["equalise"],
    )
    _say({"ready": True, "pid": os.getpid()})
    threading.Thread(target=_stop_at_end_of_input, args=(loop,), daemon=True).start()
    loop.run()
    names = ("packets_received", "packets_sent", "messages_sent", "batches", "refused")
    _say({name: getattr(loop, name) for name in names})


def _stop_at_end_of_input(loop: BareLoop) -> None:
    sys.stdin.read()
    loop.stop()


def _session(profile: str, key: str) -> SrtpSession:
    return SrtpSession(profile, bytes.fromhex(key), bytes.fromhex(key))


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
