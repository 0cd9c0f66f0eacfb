"""The virtual world, as those who act in it see it."""

from collections.abc import Callable
from typing import Protocol

from ...events.envelope import AnyInput
from ...routing import State
from ...routing.step import Step
from .stays import Run, Visit


class Place(Protocol):
    """``state`` is the core's, ``visits`` are by contact, ``run`` is what is being left behind, ``pool`` whose world it is."""

    state: State
    visits: dict[str, Visit]
    run: Run
    pool: str

    def later(self, at: int, act: Callable[[int, str], None], ref: str) -> None:
        """Somebody will do this then."""

    def give(self, at: int, body: AnyInput) -> Step:
        """One input to the core, and what people make of its decisions."""
