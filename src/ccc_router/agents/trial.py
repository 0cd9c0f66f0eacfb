"""Trying a catalogue before it is in force: the port that ``bootstrap`` fills, and what it answers."""

from collections.abc import Awaitable, Callable

from pydantic import Field

from ..rest.schemas import Document
from ..routing.policy import Catalogue


class TriedMeasure(Document):
    """A measure under both catalogues: a share from 0 to 1, or milliseconds where its name ends in `_ms`."""

    before: float
    after: float
    difference: float
    half_width: float | None = Field(description="The difference lies within ± this with 95 % confidence.")


class CatalogueTried(Document):
    """What the catalogue would have done with the last day's arrivals, beside the one in force, by simulation."""

    contacts: int = Field(description="How many came in that day.")
    replications: int
    measures: dict[str, TriedMeasure]


Trial = Callable[[Catalogue, Catalogue], Awaitable[CatalogueTried | None]]
"""What the second catalogue would have done otherwise than the first; None if that cannot be said."""
