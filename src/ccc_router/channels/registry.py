"""Which adapter speaks for an endpoint: an explicit table, one line per dialect."""

from collections.abc import Mapping
from typing import Final

from ccc_router.channels.channel import Adapter
from ccc_router.channels.fanpage.adapter import FanpageAdapter
from ccc_router.events.vocabulary import Channel
from ccc_router.routing.policy import Endpoint

ADAPTERS: Final[Mapping[tuple[Channel, str], Adapter]] = {
    (Channel.FANPAGE, ""): FanpageAdapter(),
}
"""By channel and dialect; "" is the dialect of an endpoint that names none."""


def adapter_for(endpoint: Endpoint) -> Adapter | None:
    """The adapter of the endpoint's channel and dialect, or None when there is no such dialect."""
    return ADAPTERS.get((Channel(endpoint.channel), endpoint.dialect))
