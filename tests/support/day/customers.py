"""Customers: they call or write, lose patience, write again, and come back to old cases."""

from collections.abc import Callable, Sequence

from ccc_router.events.commands import PromiseCallback
from ccc_router.events.facts import AnsweredOutside, Handle, MessageChanged, MessageReceived, Private, ReceiptReceived
from ccc_router.events.vocabulary import Channel, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing.decisions import ContactWaiting, Decision
from ccc_router.routing.policy import Topic
from tests.support.day.centre import Centre
from tests.support.day.switch import Switch

_ENDPOINTS = {Channel.PORTAL: "portal", Channel.EMAIL: "mailbox", Channel.FANPAGE: "page"}


class Customers:
    """A town of ``people``; who comes again is known by his handle."""

    def __init__(self, centre: Centre, switch: Switch, topics: Sequence[Topic], people: int) -> None:
        self._centre = centre
        self._switch = switch
        self._topics = [topic.id for topic in topics]
        self._shares = [topic.share_permille for topic in topics]
        self._people = people
        self._threads: dict[str, tuple[Channel, str]] = {}
        centre.reactions.setdefault("ContactWaiting", []).append(self._asked)

    def come(self, contacts: int, hours: float) -> None:
        """Put ``contacts`` arrivals into the agenda, more by day than by night, with a rush."""
        centre, rng = self._centre, self._centre.rng
        rush = rng.uniform(0.2, 0.7)
        for _ in range(contacts):
            share = rng.betavariate(1.3, 1.6) if rng.random() < 0.85 else min(0.999, rush + 0.02 * rng.random())
            centre.later(3_600 * hours * share, self._arrive)

    def _arrive(self) -> None:
        centre = self._centre
        person = centre.rng.randrange(self._people)
        topic = centre.rng.choices(self._topics, self._shares)[0] if centre.chance(0.85) else ""
        language = "en" if centre.chance(0.02) else ""
        if centre.chance(0.5):
            self._switch.call(f"+849{person:08d}", topic, language)
            return
        channel = centre.rng.choice([Channel.PORTAL, Channel.PORTAL, Channel.FANPAGE, Channel.FANPAGE, Channel.EMAIL])
        self._write(channel, f"p{person}", topic, language)

    def _write(self, channel: Channel, person: str, topic: str = "", language: str = "") -> None:
        centre, endpoint = self._centre, _ENDPOINTS[channel]
        number = centre.number()
        ref = f"conversation:{endpoint}:{person}"
        fact = MessageReceived(
            at=centre.now,
            channel=channel,
            endpoint=endpoint,
            message_id=derive("ms", number),
            contact_id=derive("ct", number),
            case_id=derive("cs", number),
            topic=topic,
            language=language,
            priority=centre.rng.choice([0] * 9 + [1, 2]),
            automatic=channel is Channel.EMAIL and centre.chance(0.05),
            acknowledge=channel is Channel.EMAIL,
            fresh_case=channel is Channel.PORTAL and centre.chance(0.6),
            private=Private(
                handles=(Handle("email", person),), name="Khách", text="Tôi muốn hỏi.", refs=(ref,), own_refs=(ref,)
            ),
        )
        self._threads[fact.contact_id] = (channel, person)
        centre.give(fact)
        for probability, what in (
            (0.08, self._again),
            (0.02, self._changes),
            (0.02, self._reads),
            (0.01, self._outside),
            (0.01, self._wants_a_call),
        ):
            if centre.chance(probability):
                centre.later(centre.rng.expovariate(1 / 120), _later(what, fact))

    def _again(self, fact: MessageReceived) -> None:
        self._write(*self._threads[fact.contact_id])

    def _changes(self, fact: MessageReceived) -> None:
        change = MessageChanged(
            channel=fact.channel,
            endpoint=fact.endpoint,
            message_id=fact.message_id,
            change="deleted",
            private=_of(fact),
        )
        self._centre.give(change)

    def _reads(self, fact: MessageReceived) -> None:
        receipt = ReceiptReceived(
            channel=fact.channel, endpoint=fact.endpoint, receipt="read", message_ids=(fact.message_id,),
            private=_of(fact),
        )  # fmt: skip
        self._centre.give(receipt)

    def _outside(self, fact: MessageReceived) -> None:
        answered = AnsweredOutside(
            channel=fact.channel, endpoint=fact.endpoint, message_id=derive("ms", self._centre.number()),
            private=_of(fact),
        )  # fmt: skip
        self._centre.give(answered)

    def _wants_a_call(self, fact: MessageReceived) -> None:
        contact = self._centre.state.contacts.get(fact.contact_id)
        if contact is not None:
            self._centre.give(PromiseCallback(actor=contact.id, actor_role=Role.CUSTOMER, case_id=contact.case_id))

    def _asked(self, one: Decision) -> None:
        """It is his turn: mostly he answers."""
        assert isinstance(one, ContactWaiting)
        thread = self._threads.get(one.contact_id)
        if thread is not None and self._centre.chance(0.7):
            self._centre.later(self._centre.rng.expovariate(1 / 600), lambda: self._write(*thread))


def _of(fact: MessageReceived) -> Private:
    return Private(refs=fact.private.refs if fact.private is not None else ())


def _later(what: Callable[[MessageReceived], None], fact: MessageReceived) -> Callable[[], None]:
    return lambda: what(fact)
