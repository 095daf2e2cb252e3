"""What happens by itself as time passes: holds expire, offered places go on to the next, guardianships end,
summonses expire or become letters, maternity clinics are allocated, people are told of offers and reminded of visits.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from auth.audit import AuditKeys
from companion.archive_files import ArchiveDirectory
from companion.database import Database
from companion.front_source import FrontSource
from companion.metrics import Metrics
from companion.rules.retention import configured_times
from companion.settings import CompanionSettings
from companion.store.archive import erase_files
from companion.store.audit_pruning import prune
from companion.store.booking_reminders import sweep_reminders
from companion.store.extracts import make_extracts
from companion.store.maternity_allocation import sweep_maternity
from companion.store.meeting_course import sweep_meetings
from companion.store.offer_releases import sweep_offers
from companion.store.proxies import sweep_guardianships
from companion.store.reserve import sweep
from companion.store.retention import erase_due
from companion.store.summons import sweep_summonses

INTERVAL_S: Final = 5.0
RETENTION_INTERVAL_S: Final = 3600.0

_log = structlog.get_logger(__name__)


async def run(
    database: Database,
    clock: Callable[[], datetime],
    settings: CompanionSettings,
    audit_keys: AuditKeys,
    metrics: Metrics | None = None,
    front: FrontSource | None = None,
) -> None:
    """Until cancelled."""
    metrics = metrics or Metrics()
    loop = asyncio.get_running_loop()
    retention_due_s = loop.time()
    while True:
        try:
            await sweep_once(database, clock, settings, front)
            if loop.time() >= retention_due_s:
                retention_due_s = loop.time() + RETENTION_INTERVAL_S
                done = await erase_due(database, clock, configured_times(settings.retention))
                pruned = await prune(database, audit_keys, clock, settings.audit_kept_years)
                if done or pruned:
                    _log.info("retention_done", **done, audit_entry=pruned)
            metrics.swept("ok", clock())
        except Exception as failure:  # the database is away; what has expired counts as expired without us
            _log.error("sweep_failed", error=type(failure).__name__)
            metrics.swept("failed", clock())
        await asyncio.sleep(INTERVAL_S)


async def sweep_once(
    database: Database, clock: Callable[[], datetime], settings: CompanionSettings, front: FrontSource | None = None
) -> None:
    """Everything that is due, a batch of each."""
    async with database.transaction(clock()) as transaction:
        await sweep(transaction)
        await sweep_guardianships(transaction)
        await sweep_summonses(transaction, settings)
        await sweep_meetings(transaction, settings)
        await sweep_reminders(transaction, settings)
    async with database.transaction(clock()) as transaction:
        await sweep_maternity(transaction, settings)
    async with database.transaction(clock()) as transaction:
        await sweep_offers(transaction)
    await make_extracts(database, clock, settings, front)
    async with database.transaction(clock()) as transaction:
        await erase_files(transaction, ArchiveDirectory(settings.companion_archive_dir))
