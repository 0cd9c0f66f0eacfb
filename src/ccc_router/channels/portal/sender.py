"""Replies to visitors: said as soon as they have their place in the conversation, where the stream finds them."""

from ccc_router.channels.channel import Directory
from ccc_router.channels.outgoing import Outbox
from ccc_router.channels.portal import names
from ccc_router.channels.portal.service import Hint
from ccc_router.channels.portal.stream import name_of
from ccc_router.channels.portal.tickets import Tickets
from ccc_router.kernel.errors import IdempotencyKeyReused
from ccc_router.queues.deliveries.port import Attempted, Delivery, Failed, Sent


class PortalSender:
    """There is nobody to call: the visitor reads here. Sending again is harmless, a message has one place.

    ``directory`` says whose a portal is that another pool shares with us: there the visitor's ticket is.
    """

    def __init__(self, outbox: Outbox, tickets: Tickets, hint: Hint, directory: Directory | None = None) -> None:
        self._directory = directory
        self._outbox = outbox
        self._tickets = tickets
        self._hint = hint

    async def send(self, delivery: Delivery) -> Attempted:
        """See `Sender.send`."""
        outgoing = await self._outbox.of(delivery)
        if outgoing is None:
            return Failed("message_gone")
        reference = names.read_address(outgoing.address)
        portal = self._directory.endpoint(outgoing.endpoint) if self._directory is not None else None
        home = portal.shared_from if portal is not None else ""
        known = reference is not None
        ticket = await self._tickets.by_reference(outgoing.endpoint, str(reference), pool=home) if known else None
        if ticket is None:
            return Failed("no_address")
        body_hash = names.fingerprint(delivery.id)
        try:
            line = await self._tickets.add_line(
                ticket.endpoint, ticket.reference, delivery.message_id, body_hash, pool=home
            )
        except IdempotencyKeyReused:  # said already, by an earlier delivery of the same message
            return Sent()
        self._hint(name_of(ticket.endpoint, ticket.reference))
        return Sent(f"{ticket.reference}#{line.number}")
