"""Commands that need no more than their address."""

from typing import Final

from fastapi import Depends

from .schemas import Nothing


async def _nothing(body: Nothing | None = None) -> None:
    """Takes an empty object or no body at all."""


NO_BODY: Final = Depends(_nothing)
"""For `dependencies=[…]` of such a command."""
