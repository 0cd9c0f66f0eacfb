"""Customers and agents of a measurement: messages as the portal makes them, and who hears of which offer when."""

import time
from collections.abc import Callable

from bench.centre import QUEUES, Centre
from ccc_router.events.commands import AcceptOffer, AnyCommand, CompleteContact
from ccc_router.events.facts import Handle, MessageReceived, Private
from ccc_router.events.inbox import Submission
from ccc_router.events.vocabulary import Channel, Role
from ccc_router.kernel.errors import Unavailable
from ccc_router.kernel.ids import derive
from ccc_router.routing.rows import Offer

_TEXT = "Tôi nộp hồ sơ hưởng chế độ thai sản từ tháng trước mà chưa nhận được tiền, nhờ quý cơ quan kiểm tra giúp. " * 2


def a_message(key: str, number: int) -> Submission:
    """A visitor's form: a case of its own, as the portal's adapter makes it."""
    reference = f"{number:08d}"
    return Submission(
        "site",
        key,
        MessageReceived(
            channel=Channel.PORTAL,
            endpoint="site",
            message_id=derive("ms", "site", key),
            contact_id=derive("ct", "site", key),
            case_id=derive("cs", "site", key),
            topic=QUEUES[number % len(QUEUES)],
            language="vi",
            fresh_case=True,
            private=Private(
                handles=(Handle("portal_account", f"site:{key}"),),
                name="Khách",
                subject="Chế độ thai sản",
                text=_TEXT,
                own_refs=(f"ticket:site:{key}",),
                address=reference,
            ),
        ),
    )


class Offers:
    """Tells of every offer the moment the commit that made it is over."""

    def __init__(self, centre: Centre, made: Callable[[Offer, float], None]) -> None:
        self._centre = centre
        self._made = made
        self._known: set[str] = set()
        centre.observers.committed.append(self._look)

    def close(self) -> None:
        """No longer listen."""
        self._centre.observers.committed.remove(self._look)

    def _look(self, _position: int) -> None:
        state = self._centre.engine.state
        if state is None:
            return
        now = time.perf_counter()
        for offer in reversed(state.offers.values()):  # the newest stand last
            if offer.id in self._known:
                break
            self._known.add(offer.id)
            self._made(offer, now)
        if len(self._known) > 4096:
            self._known &= state.offers.keys()


async def accept(centre: Centre, offer: Offer) -> None:
    """The agent takes what he was offered. Raises RuntimeError if he may not."""
    await _ask(
        centre, AcceptOffer(actor=offer.agent_id, actor_role=Role.AGENT, offer_id=offer.id), f"accept-{offer.id}"
    )


async def complete(centre: Centre, offer: Offer) -> None:
    """The agent is done with the contact. Raises RuntimeError if he may not be."""
    command = CompleteContact(
        actor=offer.agent_id, actor_role=Role.AGENT, contact_id=offer.contact_id, disposition="answered"
    )
    await _ask(centre, command, f"complete-{offer.contact_id}")


async def _ask(centre: Centre, command: AnyCommand, key: str) -> None:
    """Ask, again under the same key when there is no answer in time, as clients do."""
    while True:
        try:
            outcome = await centre.desk.ask(command, key)
        except Unavailable:
            continue
        if outcome.status != 200:
            raise RuntimeError(f"{type(command).__name__}: {outcome.code}")
        return
