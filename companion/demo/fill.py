"""Fills an empty database with the invented data; one that holds something already is left as it is."""

import os
from dataclasses import replace
from datetime import timedelta

import httpx2
import structlog

from auth.development.mode import MODE_VARIABLE, require_development
from companion.app import create_app
from companion.demo.asking import Asking
from companion.demo.maternity import REGISTERED_DAYS_AGO, fill_clinics, fill_open_wish, fill_wishes_to_allocate
from companion.demo.offers import fill_block, fill_campaigns, fill_doses
from companion.demo.organisation import fill_times, fill_units, found_providers
from companion.demo.people import fill_people
from companion.demo.visits import fill_visits
from companion.rules.local_time import local_date
from companion.services import Services

_log = structlog.get_logger(__name__)


async def fill(services: Services) -> bool:
    """Put everything in. False when the database was not empty; ``NotDevelopmentError`` outside development mode."""
    require_development(os.environ.get(MODE_VARIABLE, ""), "the companion's invented data")
    app = create_app(services)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://companion") as http:
        asking = Asking(http, services)
        today = local_date(asking.now)
        if not await found_providers(asking):
            return False
        await fill_units(asking)
        await fill_clinics(asking, today)
        earlier = replace(services, clock=lambda: services.clock() - timedelta(days=REGISTERED_DAYS_AGO))
        app.state.services = earlier
        await fill_wishes_to_allocate(Asking(http, earlier), today)
        app.state.services = services
        kinds = await fill_times(asking, today)
        people = await fill_people(asking, today)
        await fill_visits(asking, people, kinds, today)
        await fill_open_wish(asking, people, today)
        await fill_doses(asking, people, kinds, today)
        await fill_campaigns(asking, people, kinds, today)
        await fill_block(asking, people)
    _log.info("demo_filled", people=len(people), time_types=len(kinds))
    return True
