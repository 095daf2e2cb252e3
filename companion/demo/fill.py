"""Fills an empty database with the invented data; one that holds something already is left as it is."""

import os

import httpx2
import structlog

from auth.development.mode import MODE_VARIABLE, require_development
from companion.app import create_app
from companion.demo.asking import Asking
from companion.demo.organisation import fill_times, fill_units, found_providers
from companion.demo.people import fill_people
from companion.demo.visits import fill_visits
from companion.rules.local_time import local_date
from companion.services import Services

_log = structlog.get_logger(__name__)


async def fill(services: Services) -> bool:
    """Put everything in. False when the database was not empty; ``NotDevelopmentError`` outside development mode."""
    require_development(os.environ.get(MODE_VARIABLE, ""), "the companion's invented data")
    transport = httpx2.ASGITransport(app=create_app(services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://companion") as http:
        asking = Asking(http, services)
        today = local_date(asking.now)
        if not await found_providers(asking):
            return False
        await fill_units(asking)
        kinds = await fill_times(asking, today)
        people = await fill_people(asking, today)
        await fill_visits(asking, people, kinds, today)
    _log.info("demo_filled", people=len(people), time_types=len(kinds))
    return True
