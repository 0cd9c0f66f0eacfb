"""Whether a catalogue can route: every fault of meaning, with its path. A catalogue with a fault is never put in force."""

import re
from collections.abc import Iterator, Mapping, Set
from typing import Final, Protocol

from ccc_router.queues.catalogue.choosing import choosing_faults
from ccc_router.queues.catalogue.document import Fault, pointer
from ccc_router.queues.catalogue.names import CHANNELS, seconds, unknown
from ccc_router.queues.catalogue.neighbours import pool_faults
from ccc_router.queues.catalogue.staffing import staffing_faults
from ccc_router.queues.catalogue.stepping import step_faults
from ccc_router.queues.catalogue.surroundings import surrounding_faults
from ccc_router.routing.policy import Agent, Catalogue, Queue, Requirement

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SECTIONS: Final = (
    "queues", "skills", "agents", "endpoints", "departments", "calendars", "dispositions", "topics",
)  # fmt: skip
_WRITTEN: Final = CHANNELS - {"phone"}
LEVELS: Final = range(1, 6)


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


def faults_of(
    catalogue: Catalogue,
    *,
    previous: Catalogue | None = None,
    successors: Mapping[str, str] | None = None,
    waiting: Mapping[str, int] | None = None,
    arrived: Mapping[str, int] | None = None,
    pool: str = "",
    others: Mapping[str, Catalogue] | None = None,
) -> list[Fault]:
    """Everything that is wrong with a catalogue, by path; none if it may be put in force.

    ``previous`` is the one in force, ``waiting`` how many contacts each of its queues has open: a queue that goes while contacts
    wait there needs a successor. ``arrived`` is how many each of its endpoints has open: one whose customers still wait for an answer
    over it cannot go. ``pool`` is whose catalogue it is, ``others`` are those in force of the other pools (None: not looked at).
    """
    found = [
        *_ids(catalogue),
        *_version(catalogue, previous),
        *_queues(catalogue),
        *_agents(catalogue),
        *staffing_faults(catalogue),
        *surrounding_faults(catalogue),
        *_rules(catalogue),
        *pool_faults(catalogue, pool, others),
        *_removed_queues(catalogue, previous, successors or {}, waiting or {}),
        *_removed_endpoints(catalogue, previous, arrived or {}),
    ]
    return sorted(set(found))


def _ids(catalogue: Catalogue) -> Iterator[Fault]:
    for section in _SECTIONS:
        items: tuple[_HasId, ...] = getattr(catalogue, section)
        known: set[str] = set()
        for at, item in enumerate(items):
            path = pointer(section, at, "id")
            if not _ID.fullmatch(item.id):
                yield Fault(path, "bad_id", "ids are lower-case letters, digits, dot, dash and underscore, at most 64")
            if item.id in known:
                yield Fault(path, "duplicate_id", f"there is another {item.id} in {section}")
            known.add(item.id)
    for section in ("queues", "agents", "endpoints", "dispositions"):
        if not getattr(catalogue, section):
            yield Fault(pointer(section), "empty", "at least one is needed")


def _version(catalogue: Catalogue, previous: Catalogue | None) -> Iterator[Fault]:
    if catalogue.version < 1 or (previous is not None and catalogue.version <= previous.version):
        yield Fault("/version", "not_newer", "the version grows with each activation")


def _queues(catalogue: Catalogue) -> Iterator[Fault]:
    known = {queue.id for queue in catalogue.queues}
    skills = {skill.id for skill in catalogue.skills}
    for at, queue in enumerate(catalogue.queues):
        path = pointer("queues", at)
        yield from _requirements(queue.requirements, skills, path)
        yield from step_faults(queue, path)
        for number, step in enumerate(queue.steps):
            yield from _requirements(step.requirements, skills, path + pointer("steps", number))
        yield from unknown(queue.channels, CHANNELS, "channel", path + "/channels")
        if not queue.channels:
            yield Fault(path + "/channels", "empty", "a queue serves at least one channel")
        if queue.overflow and (queue.overflow not in known or queue.overflow == queue.id):
            yield Fault(path + "/overflow", "unknown_queue", f"there is no other queue {queue.overflow}")
        yield from seconds(queue.allowance_s, path + "/allowance_s", CHANNELS, least=0)
        yield from _calendars(catalogue, queue.allowance_calendar, path + "/allowance_calendar", CHANNELS)
        yield from seconds(queue.offer_s, path + "/offer_s", CHANNELS | {"default"}, least=1)
        yield from seconds(queue.first_action_s, path + "/first_action_s", _WRITTEN | {"default"}, least=0)
        told = dict.fromkeys(queue.tell_wait, 0)
        yield from seconds(told, path + "/tell_wait", CHANNELS - {"internal"} | {"default"}, least=0)
        yield from _hours(catalogue, queue, path)
        yield from _overflow_rules(queue, known, path)
        yield from seconds(queue.max_waiting, path + "/max_waiting", CHANNELS, least=0)
        yield from seconds(queue.max_active, path + "/max_active", CHANNELS, least=1)
        if not 1 <= queue.service_level.percent <= 100:
            yield Fault(path + "/service_level/percent", "out_of_range", "1 to 100")
        if queue.service_level.seconds < 1:
            yield Fault(path + "/service_level/seconds", "out_of_range", "at least 1")


def _overflow_rules(queue: Queue, known: set[str], path: str) -> Iterator[Fault]:
    for at, rule in enumerate(queue.overflow_when):
        here = path + pointer("overflow_when", at)
        if not rule.pool and (rule.to not in known or rule.to == queue.id):
            yield Fault(here + "/to", "unknown_queue", f"there is no other queue {rule.to}")
        if min(rule.after_wait_s, rule.length_over) < 0 or not (rule.after_wait_s or rule.length_over or rule.when):
            yield Fault(here, "out_of_range", "a rule has a wait, a length or a reason, and no number below 0")
        if "closed" in rule.when and not queue.hours:
            yield Fault(here + "/when", "never_holds", f"{queue.id} has no hours, so it never closes")
        if "full" in rule.when and not queue.max_waiting:
            yield Fault(here + "/when", "never_holds", f"{queue.id} has no max_waiting, so it is never full")


def _hours(catalogue: Catalogue, queue: Queue, path: str) -> Iterator[Fault]:
    channels = CHANNELS | {"default"}
    yield from _calendars(catalogue, queue.hours, path + "/hours", channels)
    for channel, way in queue.when_closed.items():
        here = path + pointer("when_closed", channel)
        if channel not in channels:
            yield Fault(here, "unknown_channel", f"there is no channel {channel}")
        if way == "overflow" and not queue.overflow:
            yield Fault(here, "no_overflow", f"{queue.id} overflows to no queue")
        if way in ("deflect", "callback_list") and channel != "phone":
            yield Fault(here, "never_refused", "only calls are ended; a message waits for the next opening")


def _calendars(catalogue: Catalogue, named: Mapping[str, str], path: str, channels: Set[str]) -> Iterator[Fault]:
    calendars = {calendar.id for calendar in catalogue.calendars}
    for channel, calendar in named.items():
        if channel not in channels:
            yield Fault(path + pointer(channel), "unknown_channel", f"there is no channel {channel}")
        if calendar not in calendars:
            yield Fault(path + pointer(channel), "unknown_calendar", f"there is no calendar {calendar}")


def _requirements(requirements: tuple[Requirement, ...], skills: set[str], path: str) -> Iterator[Fault]:
    named: set[str] = set()
    for at, need in enumerate(requirements):
        here = path + pointer("requirements", at)
        if need.skill not in skills:
            yield Fault(here + "/skill", "unknown_skill", f"there is no skill {need.skill}")
        if need.skill in named:
            yield Fault(here + "/skill", "duplicate", f"{need.skill} is required twice")
        if need.level not in LEVELS:
            yield Fault(here + "/level", "out_of_range", "a level is 1 to 5")
        named.add(need.skill)


def _agents(catalogue: Catalogue) -> Iterator[Fault]:
    skills = {skill.id for skill in catalogue.skills}
    queues = {queue.id for queue in catalogue.queues}
    phones = {endpoint.id for endpoint in catalogue.endpoints if endpoint.channel == "phone"}
    seen: dict[tuple[str, str], str] = {}
    for at, agent in enumerate(catalogue.agents):
        path = pointer("agents", at)
        for skill, level in agent.skills.items():
            if skill not in skills:
                yield Fault(path + pointer("skills", skill), "unknown_skill", f"there is no skill {skill}")
            if level not in LEVELS:
                yield Fault(path + pointer("skills", skill), "out_of_range", "a level is 1 to 5")
        yield from _profiles(agent, queues, path)
        yield from _capacity(agent, catalogue.rules.weights, path)
        if agent.phone_endpoint and agent.phone_endpoint not in phones:
            yield Fault(path + "/phone_endpoint", "unknown_endpoint", "there is no phone endpoint of that id")
        if agent.phone and seen.setdefault((agent.phone_endpoint, agent.phone), agent.id) != agent.id:
            yield Fault(path + "/phone", "duplicate", "another agent has this phone")


def _profiles(agent: Agent, queues: set[str], path: str) -> Iterator[Fault]:
    served: set[str] = set()
    for at, profile in enumerate(agent.profiles):
        here = path + pointer("profiles", at)
        if profile.queue not in queues:
            yield Fault(here + "/queue", "unknown_queue", f"there is no queue {profile.queue}")
        if profile.queue in served:
            yield Fault(here + "/queue", "duplicate", f"{profile.queue} is served twice")
        if profile.priority < 1:
            yield Fault(here + "/priority", "out_of_range", "1 is the first priority")
        if profile.delay_s < 0:
            yield Fault(here + "/delay_s", "out_of_range", "a delay is not negative")
        served.add(profile.queue)


def _capacity(agent: Agent, weights: Mapping[str, int], path: str) -> Iterator[Fault]:
    capacity = agent.capacity
    if capacity.total_weight < 1:
        yield Fault(path + "/capacity/total_weight", "out_of_range", "at least 1")
    for channel, limit in capacity.channels.items():
        here = path + pointer("capacity", "channels", channel)
        if channel not in CHANNELS:
            yield Fault(here, "unknown_channel", f"there is no channel {channel}")
        elif limit < 0:
            yield Fault(here, "out_of_range", "a capacity is not negative")
        elif limit and weights.get(channel, 0) > capacity.total_weight:
            yield Fault(here, "never_fits", "one contact weighs more than the agent may carry")


def _rules(catalogue: Catalogue) -> Iterator[Fault]:
    rules = catalogue.rules
    credit = rules.priority_credit_s
    if not credit or credit[0] < 0 or list(credit) != sorted(credit):
        yield Fault("/rules/priority_credit_s", "not_ascending", "a higher priority is worth at least as many seconds")
    yield from choosing_faults(rules)
    yield from seconds(rules.weights, "/rules/weights", CHANNELS, least=0)
    yield from seconds(rules.offer_s, "/rules/offer_s", CHANNELS | {"default"}, least=1)
    yield from seconds(rules.wrap_up_s, "/rules/wrap_up_s", CHANNELS, least=0)
    yield from seconds(rules.sticky_wait_s, "/rules/sticky_wait_s", CHANNELS, least=0)
    for name in ("weights", "offer_s", "wrap_up_s"):
        for channel in sorted(CHANNELS - getattr(rules, name).keys()):
            if not (name == "offer_s" and "default" in rules.offer_s):
                yield Fault(pointer("rules", name, channel), "missing", f"a number for {channel} is needed")
    for name in rules.__struct_fields__:
        value = getattr(rules, name)
        least = 0 if name in {"penalty_s", "penalty_max_s", "no_repeat_offers", "transfer_wait_s", "handovers"} else 1
        if isinstance(value, int) and value < least:
            yield Fault(pointer("rules", name), "out_of_range", f"at least {least}")


def _removed_queues(
    catalogue: Catalogue, previous: Catalogue | None, successors: Mapping[str, str], waiting: Mapping[str, int]
) -> Iterator[Fault]:
    known = {queue.id for queue in catalogue.queues}
    for queue in previous.queues if previous is not None else ():
        if queue.id in known or not waiting.get(queue.id):
            continue
        if successors.get(queue.id) not in known:
            yield Fault(
                pointer("successors", queue.id),
                "needs_successor",
                f"{waiting[queue.id]} open contacts are in {queue.id}",
            )


def _removed_endpoints(catalogue: Catalogue, previous: Catalogue | None, arrived: Mapping[str, int]) -> Iterator[Fault]:
    """An id that comes to mean another channel is gone as well."""
    known = {(endpoint.id, endpoint.channel) for endpoint in catalogue.endpoints}
    for endpoint in previous.endpoints if previous is not None else ():
        if (endpoint.id, endpoint.channel) not in known and arrived.get(endpoint.id):
            yield Fault("/endpoints", "in_use", f"{arrived[endpoint.id]} open contacts came by {endpoint.id}")
