"""The routes of this room."""

from typing import Final

from fastapi import APIRouter

from .explaining import routes as explaining
from .handling import cases, commands, contacts, files
from .pulling import presence, stream, work
from .supervision import catalogue, incidents, people, queues, reading, records

ROUTERS: Final[tuple[APIRouter, ...]] = (
    presence.router,
    work.router,
    stream.router,
    contacts.router,
    explaining.router,
    commands.router,
    files.router,
    cases.router,
    queues.router,
    reading.router,
    people.router,
    incidents.router,
    catalogue.router,
    records.router,
)
