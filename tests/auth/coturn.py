"""A coturn with exactly the lines of docs/turn.md; only place, secret and worker are of the tests."""

import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from auth.turn import TurnServer
from tests.auth.turn_client import Peer, TurnClient
from tests.patience import PATIENCE_S

DOCUMENT = Path(__file__).parents[2] / "docs" / "turn.md"
OLD_SECRET = "a secret that is being replaced"  # made up
SECRET = "a secret of the tests"  # made up


@dataclass
class Coturn:
    """A running server."""

    address: Peer

    def client(self, *, lifetime_s: int = 3600, secret: str = SECRET, name: str = "") -> TurnClient:
        """A client with credentials as a front makes them."""
        found = TurnServer(["turn:x"], secret, lifetime_s).credentials(name or secrets.token_hex(8), time.time())
        return TurnClient(self.address, found.username, found.credential)


def documented_lines() -> list[str]:
    """The configuration as it stands in the document."""
    match = re.search(r"```conf\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None
    return [line for line in match[1].splitlines() if line and not line.startswith("#")]


@contextmanager
def running_coturn(folder: Path, worker: str) -> Iterator[Coturn]:
    """A coturn whose only allowed peer is ``worker``."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.fail("no turnserver found: install it (apt-get install coturn)", pytrace=False)
    replaced = {"listening-port", "tls-listening-port", "cert", "pkey", "static-auth-secret", "allowed-peer-ip"}
    lines = [line for line in documented_lines() if line.partition("=")[0] not in replaced]
    assert len(documented_lines()) - len(lines) == len(replaced)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        address: Peer = probe.getsockname()
    lines += [
        f"listening-port={address[1]}",
        f"static-auth-secret={OLD_SECRET}",
        f"static-auth-secret={SECRET}",
        f"allowed-peer-ip={worker}",
        "listening-ip=127.0.0.1",
        "relay-ip=127.0.0.1",
        "relay-ip=::1",
        # Else coturn would refuse loopback by itself, and the lines that are tested would not be.
        "allow-loopback-peers",
        "no-tls",
        "no-dtls",
        f"userdb={folder}/db",
        f"pidfile={folder}/pid",
        "log-file=stdout",
        "simple-log",
    ]
    (folder / "turnserver.conf").write_text("\n".join(lines) + "\n")
    log = (folder / "log").open("wb")
    process = subprocess.Popen([program, "-c", str(folder / "turnserver.conf")], stdout=log, stderr=log, cwd=folder)
    try:
        server = Coturn(address)
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(server):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
        yield server
    finally:
        process.kill()
        process.wait()
        log.close()


def _answers(server: Coturn) -> bool:
    with server.client() as client:
        client._socket.settimeout(0.2)
        try:
            return client.allocate() == 0
        except OSError:
            return False
