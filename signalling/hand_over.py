"""What fronts hand over to the companion: one front of all at a time, in batches, again after every fault.

Nothing is remembered at a front that could be lost with it: where it stands is asked of the companion, or seen by what
is left. A companion that is away costs nothing but time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.guard import service_principal
from signalling.lease import holds_lease

LEASE_MS: Final = 30_000
"""Longer than a request with its retries."""
IDLE_S: Final = 2.0
"""How old what the companion has may be when nothing is wrong."""
UNAVAILABLE_S: Final = 5.0
REFUSED_S: Final = 60.0
"""A refusal of the front itself never mends by itself: people have to look."""

_log = structlog.get_logger(__name__)


class HandOver:
    """One thing that is handed over, at one front; ``run`` in the background."""

    def __init__(
        self,
        redis: "Redis",
        front_id: str,
        *,
        name: str,
        lease_key: str,
        scope: str,
        results: Counter,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``name`` begins what is logged; ``scope``: what the front may do there; ``results`` is counted by result."""
        self._redis = redis
        self._front_id = front_id
        self._name = name
        self._lease_key = lease_key
        self._results = results
        self._sleep = sleep
        self._principal = service_principal("front", frozenset({scope}), front_id)

    async def _hand_over(self) -> float:
        """Hand one batch over; returns how long to wait before the next one, in seconds. Subclasses say how."""
        raise NotImplementedError

    def _doubt(self) -> None:
        """It is another front's turn, or something went wrong: what is remembered of the companion may be old."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._sleep(await self.step())

    async def step(self) -> float:
        """Hand one batch over if it is this front's turn; returns how long to wait before the next one, in seconds."""
        try:
            if not await holds_lease(self._redis, self._lease_key, self._front_id, LEASE_MS):
                self._doubt()
                return IDLE_S
            return await self._hand_over()
        except (RedisError, OSError) as error:
            _log.warning(f"{self._name}_postponed", cause=type(error).__name__)
            return UNAVAILABLE_S
        except CompanionUnavailableError as error:
            self._results.labels("unavailable").inc()
            _log.warning(f"{self._name}_postponed", cause=error.cause)
            return UNAVAILABLE_S
        except CompanionRefusedError as error:
            self._doubt()
            self._results.labels("refused").inc()
            _log.error(f"{self._name}_refused", code=error.code, cause=error.problem.get("detail"))
            return REFUSED_S
        except Exception as error:  # whatever it is: nothing must stay behind because of it
            self._doubt()
            _log.error(f"{self._name}_failed", error=type(error).__name__)
            return REFUSED_S
