"""A real PostgreSQL of our own for tests and benches: a cluster on a unix socket in a directory that goes away.

PostgreSQL refuses to run as root, so root starts it as another user.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_BINARIES = Path("/usr/lib/postgresql")
_USERS = ("postgres", "nobody")
ROLE = "companion"


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs."""
    found = sorted(_BINARIES.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"{name}: install Debian's package postgresql (.ci/system_packages services)")
    return path


def _account() -> dict[str, Any]:
    """Arguments of ``subprocess`` that change to an ordinary user when we are root."""
    if os.getuid() != 0:
        return {}
    for name in _USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("no ordinary user to run PostgreSQL as")


class Cluster:
    """A running server."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def url(self, database: str) -> str:
        """The companion's URL of one of its databases."""
        return f"postgresql://{ROLE}@/{database}?host={self.directory}"

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Run a statement outside of a transaction."""
        command = [program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.directory), "-U", ROLE]
        subprocess.run([*command, "-d", database, "-c", statement], check=True, capture_output=True, text=True)


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Start a server in a directory of its own, and remove it afterwards. ``durable``: commits reach the disk."""
    directory = Path(tempfile.mkdtemp(prefix="ao-pg-"))
    account = _account()
    process = None
    try:
        if account:
            os.chown(directory, account["user"], account["group"])
        data = directory / "data"
        initdb = [
            program("initdb"),
            "-D",
            str(data),
            "-U",
            ROLE,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run(initdb, check=True, capture_output=True, cwd=directory, **account)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(directory),
            "max_connections": "60",
            "fsync": "on" if durable else "off",
            "shared_buffers": "64MB",
        }
        command = [program("postgres"), "-D", str(data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory, **account)
        server = Cluster(directory)
        _wait(server, process)
        yield server
    finally:
        if process is not None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(directory)


def _wait(server: Cluster, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            server.sql("SELECT 1")
        except subprocess.CalledProcessError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return
