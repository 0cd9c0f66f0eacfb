"""Replies leave by the channel they answer: one sender per channel behind the one kind of delivery."""

from collections.abc import Mapping

from ccc_router.channels.channel import Directory
from ccc_router.events.vocabulary import Channel
from ccc_router.queues.deliveries.port import Attempted, Delivery, Failed, Parked, Sender


class Replies:
    """Hands a reply to the sender of its endpoint's channel; ``target`` is the endpoint."""

    def __init__(self, directory: Directory, senders: Mapping[Channel, Sender]) -> None:
        self._directory = directory
        self._senders = senders

    async def send(self, delivery: Delivery) -> Attempted:
        """See `Sender.send`."""
        endpoint = self._directory.endpoint(delivery.target)
        if endpoint is None:
            return Parked("endpoint_gone")
        sender = self._senders.get(Channel(endpoint.channel))
        return Failed("no_sender") if sender is None else await sender.send(delivery)
