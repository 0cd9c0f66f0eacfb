"""The routes of this room."""

from typing import Final

from fastapi import APIRouter

from . import department_routes, routes
from .mailed import routes as mailed

ROUTERS: Final[tuple[APIRouter, ...]] = (routes.router, department_routes.router, mailed.router)
