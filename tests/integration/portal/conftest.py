"""A portal over a fresh database."""

from collections.abc import AsyncIterator

import pytest

from ccc_router.storage.database import Database
from tests.support.portal_site import PortalSite


@pytest.fixture
async def site(database: Database) -> AsyncIterator[PortalSite]:
    portal = PortalSite(database)
    portal.inbox.start()
    async with portal.http:
        yield portal
    portal.streams.close()
    await portal.inbox.close()
