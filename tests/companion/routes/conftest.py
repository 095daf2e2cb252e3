"""Fixtures that several areas' tests share."""

import pytest

from companion.services import Services
from tests.companion.maternity_world import Maternity, build_region
from tests.companion.people import Api


@pytest.fixture
async def region(request: pytest.FixtureRequest, api: Api, services: Services) -> Maternity:
    """A region with maternity clinics, and as many women beside Anna as the file says (``WOMEN``)."""
    return await build_region(api, services, women=getattr(request.module, "WOMEN", 0))
