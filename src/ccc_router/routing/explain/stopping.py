"""Everything that stops an agent from being offered a contact now: DESIGN's "eligible", clause by clause, over plain rows."""

from collections.abc import Iterable, Iterator, Mapping

from ...events.vocabulary import Channel, ContactState, Presence
from ..calendar import hours_of, is_open, next_change
from ..policy import Agent as Profile
from ..policy import Calendar, Catalogue
from ..rows import Agent, Contact, QueueState, kept_for
from ..standing.steps import step_due
from . import reasons as r
from .waiting import needs_at


class Terms:
    """What the rows of contacts and agents are judged by: a catalogue, and the rows of its queues, by id."""

    def __init__(self, catalogue: Catalogue, states: Iterable[QueueState]) -> None:
        """Every reference in ``catalogue`` is taken to be valid; a queue without opening hours has no row in ``states``."""
        self.states = {one.id: one for one in states}
        self.rules = catalogue.rules
        self.queues = {one.id: one for one in catalogue.queues}
        self.agents = {one.id: one for one in catalogue.agents}
        self.skills = frozenset(one.id for one in catalogue.skills)
        self.calendars = {one.id: one for one in catalogue.calendars}
        delays = {(one.queue, one.delay_s) for agent in catalogue.agents for one in agent.profiles if one.delay_s > 0}
        self._delays = sorted(delays)

    def hours(self, contact: Contact) -> Calendar | None:
        """When its queue is open for its channel; none: always."""
        return hours_of(self.queues[contact.queue], contact.channel, self.calendars)

    def outlived_ms(self, contact: Contact) -> int:
        """The longest profile delay of its queue that a contact has behind it (ms)."""
        delays = [delay for queue, delay in self._delays if queue == contact.queue]
        return 1000 * max(delays[: contact.tier], default=0)

    def closure(self, contact: Contact) -> r.QueueClosed | None:
        """The closed door a contact waits before. The row's next change is the first of all its channels: not each opens this one."""
        queue, row, channel = self.queues[contact.queue], self.states.get(contact.queue), contact.channel.value
        since = row.closed.get(channel) if row is not None else None
        if row is None or since is None or (queue.drains and contact.arrived_at < since):
            return None
        calendar, opens_at = self.hours(contact), row.due_at
        if calendar is not None and opens_at and not is_open(calendar, opens_at):
            opens_at = next_change(calendar, opens_at)
        return r.QueueClosed(queue.id, since, opens_at)


def stops(
    terms: Terms, contact: Contact, agent: Agent, held: Mapping[str, int], in_hand: int = 0
) -> tuple[r.AnyReason, ...]:
    """Every reason; none means he could be offered it now. ``held`` counts by channel what takes his capacity, ``in_hand`` how many
    contacts of its queue and channel are offered or somebody's (0 where that is not limited).

    Whether he had it before (`TriedBefore`) depends on the others: see `candidates`.
    """
    waits: tuple[r.AnyReason, ...] = (
        () if contact.state is ContactState.QUEUED else (r.NotWaiting(contact.state.value),)
    )
    if contact.callback is not None and contact.callback.not_before:
        waits = (*waits, r.TooEarly(contact.callback.not_before))
    profile = terms.agents.get(agent.id)
    if profile is None:
        return (*waits, r.UnknownAgent())
    return (
        *waits,
        *_limit(terms, contact, in_hand),
        *_presence(agent),
        *_fit(terms, contact, profile),
        *_room(terms, contact, profile, held),
        *_penalty(contact, agent),
        *_phone(contact, profile, agent),
    )


def _limit(terms: Terms, contact: Contact, in_hand: int) -> Iterator[r.AnyReason]:
    limit = terms.queues[contact.queue].max_active.get(contact.channel)
    if limit is not None and in_hand >= limit:
        yield r.QueueAtLimit(contact.queue, contact.channel.value, in_hand, limit)


def _presence(agent: Agent) -> Iterator[r.AnyReason]:
    if agent.presence is Presence.ON_DEMAND:
        if not agent.demand_id:
            yield r.NoDemand()
    elif agent.presence is not Presence.READY:
        yield r.Absent(agent.presence, agent.reason)
    if agent.lost:
        yield r.Lost()
    if agent.offer_id:
        yield r.OfferPending()


def _fit(terms: Terms, contact: Contact, profile: Profile) -> Iterator[r.AnyReason]:
    """A contact kept for an agent is his, whatever it needs (a person or the case says so), and nobody else's."""
    kept = kept_for(contact)
    if profile.id in kept:
        return
    for agent_id in kept:
        yield r.ReservedForAnother(agent_id, contact.reserved_until)
    closure = None if kept else terms.closure(contact)
    if closure is not None:
        yield closure
    queue = terms.queues[contact.queue]
    if contact.for_preferred and profile.id not in queue.preferred:
        yield r.QueuePrefers(contact.queue, contact.reserved_until)
    if profile.id in contact.excluded:
        yield r.Excluded()
    delays = [1000 * one.delay_s for one in profile.profiles if one.queue == contact.queue]
    if not delays:
        yield r.QueueNotServed(contact.queue)
    elif min(delays) > terms.outlived_ms(contact):
        yield r.DelayNotReached(contact.queue, contact.arrived_at + min(delays))
    for skill, needed in sorted(needs_at(queue, contact.language, contact.step, terms.skills).items()):
        has = profile.skills.get(skill, 0)
        if has >= needed:
            continue
        later = (
            step
            for step in range(contact.step + 1, len(queue.steps) + 1)
            if has >= needs_at(queue, contact.language, step, terms.skills).get(skill, 0)
        )
        step = next(later, 0)
        yield r.Unskilled(skill, needed, has, step, step_due(queue, terms.hours(contact), contact, step))


def _room(terms: Terms, contact: Contact, profile: Profile, held: Mapping[str, int]) -> Iterator[r.AnyReason]:
    channel, weights = contact.channel.value, terms.rules.weights
    on_top = terms.rules.on_top.get(channel, {})
    limit, used = profile.capacity.channels.get(channel, 0), held.get(channel, 0)
    if limit <= 0:
        yield r.ChannelNotTaken(channel)
    elif used >= limit:
        yield r.ChannelFull(channel, used, limit)
    have = sorted(other for other, count in held.items() if count)
    for other in have:
        if on_top.get(other, "beside") == "never":
            yield r.NotBeside(channel, other)
    beside = sum(held[other] * weights.get(other, 0) for other in have if on_top.get(other, "beside") == "beside")
    weight = weights.get(channel, 0)
    if weight + beside > profile.capacity.total_weight:
        yield r.WeightFull(weight, beside, profile.capacity.total_weight)


def _penalty(contact: Contact, agent: Agent) -> Iterator[r.AnyReason]:
    ends = [agent.penalties[key] for key in ("*", contact.channel.value) if key in agent.penalties]
    if ends:
        yield r.Penalised(max(ends))


def _phone(contact: Contact, profile: Profile, agent: Agent) -> Iterator[r.AnyReason]:
    if contact.channel is not Channel.PHONE:
        return
    if not profile.phone:
        yield r.NoPhone()
    elif not agent.phone_registered:
        yield r.PhoneNotRegistered()
