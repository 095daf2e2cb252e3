"""The companion as a child of ``alltid-oppet serve``: where it listens, what it is told, when it is ready."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import aiohttp

from signalling.addresses import usable_port
from signalling.settings import FrontSettings
from signalling.supervisor import Child

DEFAULT_PORT: Final = 8082
READY_TIMEOUT_S: Final = 180.0
"""Its first start makes the tables and, in the test bench, the invented data: half a minute on a busy machine."""
_PROBE_TIMEOUT: Final = aiohttp.ClientTimeout(total=2)


class CompanionChild:
    """The companion on this machine: its address and its process. ``given`` is the environment of ``serve``."""

    def __init__(self, directory: Path, given: Mapping[str, str]) -> None:
        self._directory = directory
        self._given = given
        self._host = given.get("ALLTID_COMPANION_HOST", "127.0.0.1")
        asked = given.get("ALLTID_COMPANION_PORT", "")
        self._port = int(asked) if asked.isdigit() and int(asked) > 0 else usable_port(0 if asked else DEFAULT_PORT)
        self.url = f"http://{reachable(self._host)}:{self._port}"

    def child(
        self, environment: Mapping[str, str], front_url: str, stop_timeout_s: float, *, has_demo: bool = False
    ) -> Child:
        """The process, which tells the front at ``front_url`` what happens. ``has_demo``: with invented data."""
        own = {
            "ALLTID_COMPANION_HOST": self._host,
            "ALLTID_COMPANION_PORT": str(self._port),
            "ALLTID_COMPANION_DATABASE_URL": f"sqlite:///{self._directory / 'companion' / 'companion.db'}",
            "ALLTID_COMPANION_ARCHIVE_DIR": str(self._directory / "companion" / "archive"),
            "ALLTID_COMPANION_EVENTS_URL": f"{front_url}/api/companion/events",
        }
        if has_demo:
            own |= {"ALLTID_COMPANION_DEMO": "true", "ALLTID_MODE": "development"}
        fixed = {"ALLTID_COMPANION_PORT"}
        chosen = {name: value for name, value in own.items() if name in fixed or not self._given.get(name)}
        command = [sys.executable, "-m", "companion"]
        return Child("companion", command, {**environment, **chosen}, stop_timeout_s=stop_timeout_s)

    async def is_ready(self) -> bool:
        """Whether it answers, and its database too."""
        try:
            async with (
                aiohttp.ClientSession(timeout=_PROBE_TIMEOUT) as session,
                session.get(f"{self.url}/healthz") as response,
            ):
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


def provider_command(arguments: Sequence[str], environment: Mapping[str, str], data_dir: Path) -> int:
    """``python -m companion provider`` over the database that ``serve`` uses here: the front knows no tables."""
    own = {"ALLTID_COMPANION_DATABASE_URL": f"sqlite:///{data_dir / 'companion' / 'companion.db'}"}
    given = {name: value for name, value in environment.items() if value}
    command = [sys.executable, "-m", "companion", "provider", *arguments]
    sys.stdout.flush()
    return subprocess.run(command, env=own | given, check=False).returncode  # our own program


def front_address(settings: FrontSettings) -> tuple[int, str]:
    """The front's plain HTTP port, chosen here when the system may, and its address on this machine.

    It is known before the front starts, and the same after it was restarted: others are told of it.
    """
    port = settings.http_port or usable_port(0)
    return port, f"http://{reachable(settings.http_host)}:{port}"


def reachable(host: str) -> str:
    """A listening address as one that can be called on this machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}
    host = everywhere.get(host, host)
    return f"[{host}]" if ":" in host else host


def is_wanted(given: Mapping[str, str], *, companion: bool) -> bool:
    """Whether ``serve`` starts one: not when it is told of another."""
    return companion and not given.get("ALLTID_COMPANION_URL")
