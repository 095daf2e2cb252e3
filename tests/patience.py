"""How long tests wait for what must come: as good as for ever, and the service waits as long.

A machine that runs tests stands still for seconds now and then. The service itself gives up on a store, a media worker
or a companion after a second or a few, since somebody waits in front of a screen; in a test that would make a pause of
the machine a fault of the service. A test of giving up sets a time of its own.
"""

import asyncio
from collections.abc import Iterator
from typing import Final, Self

import pytest

from auth.oidc import OidcClient
from chat.committer import Committer
from sfu.bus import Bus
from signalling.companion_policy import RetryPolicy

PATIENCE_S: Final = 60.0
"""A bound for what never comes; well below pytest's own (``timeout`` in ``pyproject.toml``), which tells less."""

RETRIES: Final = RetryPolicy(attempt_s=PATIENCE_S, total_s=3 * PATIENCE_S)

_OWN: Final = (
    "auth.audit_store.GIVE_UP_S",
    "auth.record_keys.TIMEOUT_S",
    "auth.smart.TIMEOUT_S",
    "chat.case_store.OPENING_S",
    "chat.news.SILENT_S",
    "chat.raw_link.TIMEOUT_S",
    "sfu.bus._SOCKET_TIMEOUT_S",
    "signalling.portal.TIMEOUT_S",
)
"""What the service calls patience, in seconds."""


_TICK_S: Final = 0.01


class Awake:
    """``async with Awake() as awake``: for how many seconds this process ran meanwhile, as far as it could run.

    For what must come at once and not at the next look. However long the machine stands still, it counts as one tick.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    async def __aenter__(self) -> Self:
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ticking.cancel()
        await asyncio.wait([self._ticking])

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self.seconds += _TICK_S


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """The service of this process is patient."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _OWN:
            patch.setattr(name, PATIENCE_S)
        patch.setattr("sfu.registry.HEARTBEAT_EXPIRY_S", int(PATIENCE_S))
        patch.setattr("signalling.companion_client.RETRIES", RETRIES)
        patch.setitem(Committer.__init__.__kwdefaults__, "give_up_s", PATIENCE_S)
        patch.setitem(OidcClient.__init__.__kwdefaults__, "timeout_s", PATIENCE_S)
        patch.setattr(Bus.call, "__defaults__", (PATIENCE_S,))
        yield
