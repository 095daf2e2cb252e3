"""What happens by itself as time passes: holds expire, offered places go on to the next, guardianships end,
summonses expire or become letters, maternity clinics are allocated.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from companion.database import Database
from companion.settings import CompanionSettings
from companion.store.maternity_allocation import sweep_maternity
from companion.store.proxies import sweep_guardianships
from companion.store.reserve import sweep
from companion.store.summons import sweep_summonses

INTERVAL_S: Final = 5.0

_log = structlog.get_logger(__name__)


async def run(database: Database, clock: Callable[[], datetime], settings: CompanionSettings) -> None:
    """Until cancelled."""
    while True:
        try:
            async with database.transaction(clock()) as transaction:
                await sweep(transaction)
                await sweep_guardianships(transaction)
                await sweep_summonses(transaction, settings)
            async with database.transaction(clock()) as transaction:
                await sweep_maternity(transaction, settings)
        except Exception as failure:  # the database is away; what has expired counts as expired without us
            _log.error("sweep_failed", error=type(failure).__name__)
        await asyncio.sleep(INTERVAL_S)
