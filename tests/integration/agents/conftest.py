"""A running service for every test of this folder."""

from collections.abc import AsyncIterator

import httpx
import pytest

from ccc_router.events.vocabulary import Role
from ccc_router.storage.database import Database
from tests.support.service import Service, a_service


@pytest.fixture
async def service(database: Database) -> AsyncIterator[Service]:
    """The whole service on a fresh database."""
    async with a_service(database) as running:
        yield running


@pytest.fixture
def an(service: Service) -> httpx.AsyncClient:
    """The client of the agent `an`."""
    return service.client(Role.AGENT, "an")


@pytest.fixture
def binh(service: Service) -> httpx.AsyncClient:
    """The client of the agent `binh`."""
    return service.client(Role.AGENT, "binh")


@pytest.fixture
def lead(service: Service) -> httpx.AsyncClient:
    """The client of a supervisor."""
    return service.client(Role.SUPERVISOR, "mai")


@pytest.fixture
def admin(service: Service) -> httpx.AsyncClient:
    """The client of an administrator."""
    return service.client(Role.ADMIN, "root")
