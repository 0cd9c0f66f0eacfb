"""The ends of the channels that the simulator plays itself: no switch, mailbox, page or site of the catalogue is touched."""

from typing import Final

import msgspec

from ...events.vocabulary import Channel
from ...routing.policy import Catalogue, Disposition, Endpoint, Text

DISPOSITION: Final = "simulated"
"""The outcome that simulated agents choose."""

_TEXT: Final = Text(vi="mô phỏng", en="simulated")


def own_end(channel: Channel) -> str:
    """The simulated switch, mailbox, page or site of a channel."""
    return f"simulated-{channel.value}"


def with_own_ends(catalogue: Catalogue) -> Catalogue:
    """The catalogue with the simulator's endpoints and its outcome. Raises ValueError without a queue: nobody could come."""
    if not catalogue.queues:
        raise ValueError("a catalogue without queues cannot be tried")
    queue = catalogue.queues[0].id
    ends = (
        Endpoint(id=own_end(Channel.PHONE), channel="phone", name=_TEXT, queue=queue, control_url="simulated:"),
        Endpoint(id=own_end(Channel.EMAIL), channel="email", name=_TEXT, queue=queue),
        Endpoint(id=own_end(Channel.FANPAGE), channel="fanpage", name=_TEXT, queue=queue),
        Endpoint(id=own_end(Channel.PORTAL), channel="portal", name=_TEXT, queue=queue),
    )
    return msgspec.structs.replace(
        catalogue,
        endpoints=(*catalogue.endpoints, *ends),
        dispositions=(*catalogue.dispositions, Disposition(DISPOSITION, _TEXT)),
    )
