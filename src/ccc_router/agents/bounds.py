"""How far the centre is from what any routing could do: the port that ``bootstrap`` fills, and what it answers."""

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from ..rest.schemas import Document, Moment


class BoundView(Document):
    """A bound on the share answered in time, and how far above what was reached it lies. Null where it says nothing; `unknown` says why."""

    service_level: float | None
    gap: float | None = Field(description="`service_level` less what was reached; a yardstick may lie below that.")
    unknown: Literal["", "calls_only", "not_installed"]


class ChannelBoundsView(Document):
    """A channel's contacts of the window: how many were answered in time, and how many could have been. Who can still be is not counted."""

    channel: str
    contacts: int
    in_time: int
    service_level: float = Field(description="Answered in time / contacts, abandoned ones in.")
    pooled: BoundView = Field(
        description="Erlang A, half hour by half hour, of all agents who take calls, as if each could take every call."
    )
    hindsight: BoundView = Field(description="What nobody could have exceeded, knowing the window beforehand.")


class BoundsView(Document):
    """Computed beside the service when somebody looks and the last figures are a quarter of an hour old."""

    computed_at: Moment
    complete: bool = Field(description="False if it took too long: then there are no figures.")
    hour: list[ChannelBoundsView]
    day: list[ChannelBoundsView]


Bounds = Callable[[], BoundsView | None]
"""The last figures, at once, None before the first; asking has them made anew when they are old."""
