"""The catalogue in force, compiled for look-up: classes of contacts and of agents, and which fit which.

Contacts with the same queue, requirements, channel and age tier form a class; so do agents with the same profiles, skills and
capacity. Whether a class of agents may serve a class of contacts is computed once, so that a decision never walks over people.
"""

from functools import cached_property
from typing import NamedTuple

import msgspec

from ..events.vocabulary import Channel
from .calendar import add_business_ms, hours_of
from .policy import Agent, Calendar, Catalogue, Department, Endpoint, Queue, Rules, Topic
from .rows import Contact

Need = tuple[str, int]
_CLOSED_COUNTS = 1000
"""The part of it that closed time counts when ranking."""


class ContactClass(msgspec.Struct, frozen=True, cache_hash=True):
    """What all contacts of one waiting heap have in common; ``needs`` are (skill, level), sorted. ``preferred``: they are only for those
    whom the queue prefers."""

    queue: str
    needs: tuple[Need, ...]
    channel: str
    tier: int
    preferred: bool = False


class AgentClass(msgspec.Struct, frozen=True, cache_hash=True):
    """What all agents of one free list have in common; ``profiles`` are (queue, priority, delay in ms), sorted. ``preferred_by`` are the
    queues that prefer them."""

    profiles: tuple[tuple[str, int, int], ...]
    skills: tuple[Need, ...]
    channels: tuple[tuple[str, int], ...]
    total_weight: int
    preferred_by: tuple[str, ...] = ()


class Works(NamedTuple):
    """Work is a queue in a language of the endpoints, by the requirements it begins with; whose delay is over does not matter. What
    exactly the same agents can do is the same work and has one number: ``of`` (queue, language), and ``done`` by a class of agents."""

    of: dict[tuple[str, str], int]
    done: dict[AgentClass, tuple[int, ...]]


class Rulebook:
    """Look-ups over one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Compile ``catalogue``; every reference in it is taken to be valid."""
        self.catalogue = catalogue
        self.version = catalogue.version
        self.rules: Rules = catalogue.rules
        self.queues: dict[str, Queue] = {item.id: item for item in catalogue.queues}
        self.agents: dict[str, Agent] = {item.id: item for item in catalogue.agents}
        self.endpoints: dict[str, Endpoint] = {item.id: item for item in catalogue.endpoints}
        self.departments: dict[str, Department] = {item.id: item for item in catalogue.departments}
        self.calendars: dict[str, Calendar] = {item.id: item for item in catalogue.calendars}
        self.topics: dict[str, Topic] = {item.id: item for item in catalogue.topics}
        self.dispositions = frozenset(item.id for item in catalogue.dispositions)
        self.skills = frozenset(item.id for item in catalogue.skills)
        kinds: dict[AgentClass, AgentClass] = {}
        preferring = {
            item.id: tuple(q.id for q in catalogue.queues if item.id in q.preferred) for item in catalogue.agents
        }
        classes = {item.id: _agent_class(item, preferring[item.id]) for item in catalogue.agents}
        self.agent_classes: dict[str, AgentClass] = {one: kinds.setdefault(kind, kind) for one, kind in classes.items()}
        self.helping = frozenset(
            rule.to for queue in catalogue.queues for rule in queue.overflow_when if rule.if_on_target and not rule.pool
        )
        self._phones = {(item.phone_endpoint, item.phone): item.id for item in catalogue.agents if item.phone}
        self._all_classes = tuple(dict.fromkeys(self.agent_classes.values()))
        self._delays = _delays(catalogue)
        self._able: dict[ContactClass, dict[AgentClass, int]] = {}
        self._takes: dict[AgentClass, dict[ContactClass, int]] = {found: {} for found in self._all_classes}
        self._needs: dict[tuple[str, str, int], tuple[Need, ...]] = {}
        self._classes: dict[tuple[str, str, Channel, int, int, bool], ContactClass] = {}
        order = self.rules.agent_order
        self.scarcity_at = order.index("scarcity") if "scarcity" in order else None

    def contact_class(self, contact: Contact) -> ContactClass:
        """The class a waiting contact belongs to now."""
        key = (contact.queue, contact.language, contact.channel, contact.tier, contact.step, contact.for_preferred)
        return self._classes.get(key) or self._new_class(*key)

    def class_in(self, contact: Contact, queue: str, *, preferred: bool = False) -> ContactClass:
        """The class it would belong to in a queue: at its tier and step where it is, from the first on elsewhere."""
        tier, step = (contact.tier, contact.step) if queue == contact.queue else (0, 0)
        key = (queue, contact.language, contact.channel, tier, step, preferred)
        return self._classes.get(key) or self._new_class(*key)

    def in_the_end(self, contact: Contact, queue: str) -> dict[AgentClass, int]:
        """The classes of agents that may take it in a queue once the last step is reached and every delay is over."""
        key = (queue, contact.language, contact.channel, len(self.delays(queue)), len(self.queues[queue].steps), False)
        return self.able(self._classes.get(key) or self._new_class(*key))

    def _new_class(self, *key: *tuple[str, str, Channel, int, int, bool]) -> ContactClass:
        queue, language, channel, tier, step, preferred = key
        needs = self.needs(queue, language, step)
        made = self._classes[key] = ContactClass(queue, needs, channel.value, tier, preferred)
        return made

    def needs(self, queue: str, language: str, step: int = 0) -> tuple[Need, ...]:
        """The requirements of a queue after ``step`` steps and of the contact's language (a language is a skill), sorted by skill."""
        known = self._needs.get((queue, language, step))
        if known is None:
            wanted = self.queues[queue]
            taken = wanted.steps[:step]  # a newer catalogue may have fewer
            levels = {need.skill: need.level for need in (taken[-1] if taken else wanted).requirements}
            if language in self.skills:
                levels.setdefault(language, 1)
            known = self._needs[queue, language, step] = tuple(sorted(levels.items()))
        return known

    def able(self, contacts: ContactClass) -> dict[AgentClass, int]:
        """The classes of agents that may serve a class of contacts, each with its profile's priority for the queue."""
        known = self._able.get(contacts)
        if known is None:
            known = self._able[contacts] = {}
            for agents in self._all_classes:
                priority = self._fits(contacts, agents)
                if priority is not None:
                    known[agents] = priority
                    self._takes[agents][contacts] = priority
        return known

    def takes(self, agents: AgentClass) -> dict[ContactClass, int]:
        """The classes of contacts seen so far that a class of agents may serve, each with the profile's priority."""
        return self._takes[agents]

    @cached_property
    def works(self) -> Works:
        """What work there is; none if the policy's order of agents does not ask."""
        return Works({}, {}) if self.scarcity_at is None else works(self)

    def work_of(self, contact: Contact) -> int:
        """The number of a contact's work; -1 if nobody does it, or if no endpoint has its language."""
        language = contact.language if contact.language in self.skills else ""
        return self.works.of.get((contact.queue, language), -1)

    def agent_at(self, endpoint: str, phone: str) -> str:
        """Whose phone this is at a switch; "" for nobody's. An agent without a switch has his phone at any."""
        return self._phones.get((endpoint, phone)) or self._phones.get(("", phone), "")

    def delays(self, queue: str) -> tuple[int, ...]:
        """The profile delays (ms) in use for a queue, growing: a contact's tier counts how many it has outlived."""
        return self._delays.get(queue, ())

    def offer_ms(self, queue: str, channel: Channel) -> int:
        """How long an offer of this queue and channel stays open."""
        for offer_s in (self.queues[queue].offer_s, self.rules.offer_s):
            own = offer_s.get(channel, offer_s.get("default"))
            if own is not None:
                return 1000 * own
        return 30_000

    def interrupts(self, new: Channel, held: Channel) -> bool:
        """Whether a contact of one channel sets aside one of another that its agent has."""
        return self.rules.on_top.get(new, {}).get(held) == "interrupts"

    def first_action_ms(self, queue: str, channel: Channel) -> int:
        """Within what time an agent must begin what he has taken from the queue; 0: nobody asks. A call is begun when it is answered."""
        wanted = self.queues[queue].first_action_s
        return 0 if channel is Channel.PHONE else 1000 * wanted.get(channel, wanted.get("default", 0))

    def tells_wait(self, queue: str, channel: Channel) -> bool:
        """Whether who waits there is told so, if he can be told anything."""
        wanted = self.queues[queue].tell_wait
        return channel is not Channel.INTERNAL and wanted.get(channel, wanted.get("default")) == "once"

    def hours(self, queue: str, channel: str) -> Calendar | None:
        """The opening hours of a queue for a channel; none: it is always open."""
        return hours_of(self.queues[queue], channel, self.calendars)

    def overflow_at(self, queue: str, since: int, after: int) -> int:
        """When, later than ``after``, a contact that came to the queue at ``since`` may first be moved by a rule (ms); 0: never."""
        dues = (since + 1000 * rule.after_wait_s for rule in self.queues[queue].overflow_when if rule.after_wait_s)
        return min((due for due in dues if due > after), default=0)

    def rank(self, arrived_at: int, queue: str, channel: Channel, priority: int) -> int:
        """Order among waiting contacts, smaller first: arrival + allowance − credit of the priority, exact milliseconds.

        An allowance with a calendar is counted in its open time. What comes while it is closed would all rank alike, so closed
        time counts a thousandth: who came earlier stays earlier.
        """
        credit = credit_ms(self.rules, priority)
        wanted = self.queues[queue]
        allowance = 1000 * wanted.allowance_s.get(channel, 0)
        calendar = self.calendars.get(wanted.allowance_calendar.get(channel, ""))
        if allowance and calendar is not None:
            open_until = add_business_ms(calendar, arrived_at, allowance)
            closed = open_until - arrived_at - allowance
            return open_until - closed // _CLOSED_COUNTS - credit
        return arrived_at + allowance - credit

    def target_at(self, contact: Contact) -> int:
        """Until when a waiting contact can still be answered in time (ms)."""
        return target_at(self.rules, self.queues[contact.queue], contact)

    def credit_ms(self, priority: int) -> int:
        """By how much earlier than it came a contact of this priority ranks."""
        return credit_ms(self.rules, priority)

    def _fits(self, contacts: ContactClass, agents: AgentClass) -> int | None:
        levels = dict(agents.skills)
        if contacts.preferred and contacts.queue not in agents.preferred_by:
            return None
        if any(levels.get(skill, 0) < level for skill, level in contacts.needs):
            return None
        if dict(agents.channels).get(contacts.channel, 0) <= 0:
            return None
        outlived = (0, *self.delays(contacts.queue))[: contacts.tier + 1][-1]  # a newer catalogue may have fewer
        for queue, priority, delay in agents.profiles:
            if queue == contacts.queue and delay <= outlived:
                return priority
        return None


def credit_ms(rules: Rules, priority: int) -> int:
    """How much earlier (ms) a contact of that priority ranks."""
    steps = rules.priority_credit_s
    return 1000 * steps[min(priority, len(steps) - 1)] if steps else 0


def target_at(rules: Rules, queue: Queue, contact: Contact) -> int:
    """Until when a contact is answered in time: its rank without the credit, and its queue's service level (ms)."""
    return contact.rank + credit_ms(rules, contact.priority) + 1000 * queue.service_level.seconds


def works(book: Rulebook) -> Works:
    """All work there is: linear in classes, their profiles and the languages."""
    skilled = [one.language if one.language in book.skills else "" for one in book.catalogue.endpoints]
    languages = dict.fromkeys(skilled or [""])
    doing: dict[tuple[str, str], list[AgentClass]] = {}
    for agents in dict.fromkeys(book.agent_classes.values()):
        levels = dict(agents.skills)
        for queue in dict.fromkeys(queue for queue, _, _ in agents.profiles):
            for language in languages:
                if all(levels.get(skill, 0) >= level for skill, level in book.needs(queue, language)):
                    doing.setdefault((queue, language), []).append(agents)
    numbers: dict[tuple[AgentClass, ...], int] = {}
    of = {work: numbers.setdefault(tuple(able), len(numbers)) for work, able in doing.items()}
    done: dict[AgentClass, list[int]] = {}
    for able, number in numbers.items():
        for agents in able:
            done.setdefault(agents, []).append(number)
    return Works(of, {agents: tuple(found) for agents, found in done.items()})


def _agent_class(agent: Agent, preferred_by: tuple[str, ...]) -> AgentClass:
    return AgentClass(
        profiles=tuple(sorted((item.queue, item.priority, 1000 * item.delay_s) for item in agent.profiles)),
        skills=tuple(sorted(agent.skills.items())),
        channels=tuple(sorted(agent.capacity.channels.items())),
        total_weight=agent.capacity.total_weight,
        preferred_by=preferred_by,
    )


def _delays(catalogue: Catalogue) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for agent in catalogue.agents:
        for profile in agent.profiles:
            if profile.delay_s > 0:
                found.setdefault(profile.queue, set()).add(1000 * profile.delay_s)
    return {queue: tuple(sorted(delays)) for queue, delays in found.items()}
