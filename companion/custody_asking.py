"""Asks the custody register about children for whom somebody wants to act, and again now and then about those for whom
somebody does: custody that was lost ends a guardianship.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from auth.audit import AuditEntry
from auth.identity_numbers import IdentityNumberError, parse
from auth.permissions import Action
from companion.custody_register import CustodyRegister, RegisterUnavailableError
from companion.models.people import Person
from companion.rules.local_time import local_date
from companion.services import Services
from companion.store import proxies as store
from companion.transaction import Transaction

INTERVAL_S: Final = 2.0
"""Somebody waits in front of a screen."""
UNAVAILABLE_S: Final = 30.0
BATCH: Final = 20

_log = structlog.get_logger(__name__)


async def run(services: Services, register: CustodyRegister) -> None:
    """Until cancelled."""
    while True:
        pause_s = INTERVAL_S
        try:
            await ask_due(services, register)
        except RegisterUnavailableError as error:
            _log.warning("custody_register_unavailable", cause=str(error))
            pause_s = UNAVAILABLE_S
        except Exception as failure:  # the database is away; requests wait for the next time
            _log.error("custody_asking_failed", error=type(failure).__name__)
            pause_s = UNAVAILABLE_S
        await asyncio.sleep(pause_s)


async def ask_due(services: Services, register: CustodyRegister) -> int:
    """Ask about the children that are due; how many there were."""
    again = timedelta(hours=services.settings.custody_again_h)
    async with services.database.reading(services.clock()) as transaction:
        children = await store.children_to_ask_about(transaction, again, BATCH)
    for child in children:
        numbers = await register.guardians_of(child.identity_number)
        async with services.database.transaction(services.clock()) as transaction:
            guardians = _person_ids(services, transaction, numbers)
            transaction.audit.append(_entry(transaction, child))
            await store.keep_custody(transaction, child.person_id, guardians)
    return len(children)


def _person_ids(services: Services, transaction: Transaction, numbers: object) -> list[str]:
    """Numbers that are none are left out: nobody logs in with them."""
    found = []
    for text in numbers if isinstance(numbers, list | tuple) else ():
        try:
            found.append(services.pseudonyms.person_id(parse(text, today=local_date(transaction.now))))
        except IdentityNumberError as error:
            _log.warning("custody_register_number", cause=error.code)
    return found


def _entry(transaction: Transaction, child: Person) -> AuditEntry:
    """The companion's own reading stands in the audit log too."""
    return AuditEntry(
        at_ms=int(transaction.now.timestamp() * 1000),
        actor="companion",
        on_behalf_of=None,
        commission=None,
        unit=None,
        provider=None,
        patient=child.person_id,
        action=Action.PROXY_WRITE.value,
        outcome="allowed",
        resource=f"custody:{child.person_id}",
        address=None,
        request_id="",
    )
