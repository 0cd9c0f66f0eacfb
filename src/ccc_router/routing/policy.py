"""The catalogue: queues, skills, agents, endpoints, departments, topics and the policy numbers, as one versioned document.

Plain data, whole or not at all. Faults are found in ``queues.catalogue``; here every reference is taken to be valid.
Durations are integers of milliseconds (``_ms``) or seconds (``_s``); weights are integers, a full agent is ``total_weight``.
"""

from typing import Literal

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the catalogue; unknown fields are refused."""


class Text(Policy, frozen=True):
    """A text for people in both languages."""

    vi: str
    en: str


class Requirement(Policy, frozen=True):
    """A skill and the proficiency (1-5) that is at least needed."""

    skill: str
    level: int = 1


class RequirementStep(Policy, frozen=True):
    """What a contact needs once it has waited ``after_s`` seconds in its queue: never more than before.

    The clock counts the waiting alone: it stops while the contact is offered or in somebody's hands and while the queue is closed for
    it, and is kept over requeue.
    """

    after_s: int
    requirements: tuple[Requirement, ...] = ()


class ServiceLevel(Policy, frozen=True):
    """``percent`` of contacts answered within ``seconds``; abandoned ones count as not answered."""

    percent: int = 80
    seconds: int = 20


OverflowWhen = Literal["closed", "full", "nobody"]
"""What may be the matter with a queue: it is closed for the contact's channel, as many wait as may, or nobody is signed in who could take
the contact there once its steps and delays are over."""


class OverflowRule(Policy, frozen=True):
    """When a waiting contact goes to the queue ``to``: after ``after_wait_s`` in this one, when it comes and more than ``length_over``
    wait already (0: not for that reason), or for one of the reasons in ``when``. Who comes to a closed or a full queue goes by a rule if
    the queue's own ``overflow`` does not take him, before he would be deflected or called back; who waits goes as well when his queue closes or the
    last agent leaves. ``if_on_target``: only while that queue keeps its own service level over its last answered contacts. ``pool`` is whose
    queue it is where that is not ours: then the contact is handed over with its case, and how that queue does is not known here."""

    to: str
    after_wait_s: int = 0
    length_over: int = 0
    when: tuple[OverflowWhen, ...] = ()
    if_on_target: bool = False
    pool: str = ""


class Queue(Policy, frozen=True):
    """Where contacts wait.

    ``allowance_s`` per channel is added to the arrival when ranking, so that a night's mail does not beat a live caller: it is
    counted in the open time of the channel's calendar in ``allowance_calendar``, without one in all time.
    ``offer_s`` is how long an offer stays open, per channel (``default`` otherwise). ``requirements`` hold from the start, each of
    ``steps`` in their place once a contact has waited that long. ``hours`` names a calendar per channel as ``offer_s`` does: outside
    it the queue is closed for that channel; without one it never is. ``when_closed`` says what happens then: a contact waits for the
    next opening, or goes to the ``overflow`` queue if that is open, or is deflected: a caller hears an announcement and is hung up; on
    the ``callback_list`` he hears that he is called back, and waits for the next opening without his call (who hides his number is deflected).
    ``drains``: who came before closing is still served.
    ``overflow_when``: the first rule that holds moves a waiting contact, also while the queue is open.
    ``max_waiting`` per channel: who comes when as many wait already and nobody is free goes to the ``overflow`` queue if it is open;
    else a caller is deflected, and a message waits all the same.
    ``max_active`` per channel: at most that many contacts are offered or in agents' hands at once (lines, licences); the others wait.
    ``preferred`` agents alone are offered who comes to the queue for the first ``prefer_s`` seconds, while one of them is there; not who
    comes by overflow or while the queue is closed.
    ``first_action_s`` per channel (``default`` for what is written; 0 or nothing: no end): who takes a contact and does nothing with it
    for so long gives it back with its place, and has missed it. A call is begun by being answered.
    ``tell_wait`` per channel (``default`` otherwise): ``once``: a customer who comes and has to wait is told his place and how long it may
    take, or when the queue opens; once a contact.
    """

    id: str
    name: Text
    requirements: tuple[Requirement, ...] = ()
    channels: tuple[str, ...] = ()
    service_level: ServiceLevel = ServiceLevel()
    allowance_s: dict[str, int] = {}
    allowance_calendar: dict[str, str] = {}
    offer_s: dict[str, int] = {}
    overflow: str = ""
    steps: tuple[RequirementStep, ...] = ()
    hours: dict[str, str] = {}
    when_closed: dict[str, Literal["wait", "overflow", "deflect", "callback_list"]] = {}
    drains: bool = False
    overflow_when: tuple[OverflowRule, ...] = ()
    max_waiting: dict[str, int] = {}
    max_active: dict[str, int] = {}
    preferred: tuple[str, ...] = ()
    prefer_s: int = 0
    first_action_s: dict[str, int] = {}
    tell_wait: dict[str, Literal["off", "once"]] = {}


class Skill(Policy, frozen=True):
    """Something an agent can do at a level; a language is a skill."""

    id: str
    name: Text


class QueueProfile(Policy, frozen=True):
    """How an agent serves a queue: smaller ``priority`` first; contacts younger than ``delay_s`` are not seen."""

    queue: str
    priority: int = 1
    delay_s: int = 0


class Capacity(Policy, frozen=True):
    """At most ``channels[c]`` assignments of a channel at once, and the sum of the channels' weights within ``total_weight``."""

    channels: dict[str, int]
    total_weight: int = 100


class Agent(Policy, frozen=True):
    """A person who takes contacts. ``phone`` is his address as the switch of ``phone_endpoint`` knows it."""

    id: str
    name: str
    skills: dict[str, int]
    profiles: tuple[QueueProfile, ...]
    capacity: Capacity
    phone: str = ""
    phone_endpoint: str = ""
    email: str = ""
    team: str = ""


class Endpoint(Policy, frozen=True):
    """A configured switch, mailbox, page or site. Secrets are named here and read from the settings, never stored here.

    ``control_url``: where call control goes; a phone endpoint without one is tracked, never offered.
    ``options`` holds what only the adapter understands (dialect, page id, mailbox host, base URL, …).
    ``shared_from`` is the pool that takes in what comes by it, where that is not this one: here it only carries what goes out.
    """

    id: str
    channel: Literal["phone", "email", "fanpage", "portal"]
    name: Text
    queue: str
    language: str = "vi"
    dialect: str = ""
    control_url: str = ""
    address: str = ""
    topics: dict[str, str] = {}
    options: dict[str, str] = {}
    shared_from: str = ""


class Interval(Policy, frozen=True):
    """Open from ``opens`` to ``closes``, minutes after midnight local time; ``weekday`` 0 is Monday."""

    weekday: int
    opens: int
    closes: int


class Calendar(Policy, frozen=True):
    """Business time. ``holidays`` and ``make_up_days`` are ISO dates; a make-up day follows the hours of ``make_up_as`` (weekday)."""

    id: str
    intervals: tuple[Interval, ...]
    holidays: tuple[str, ...] = ()
    make_up_days: tuple[str, ...] = ()
    make_up_as: int = 0
    utc_offset_minutes: int = 420


class Deadline(Policy, frozen=True):
    """Business minutes a department has to acknowledge and to answer a case of some kind."""

    acknowledge_min: int
    answer_min: int


class Department(Policy, frozen=True):
    """Who can solve what agents cannot.

    Reached by signed webhook at ``url``, else by e-mail at ``email``. ``private_network`` allows an address inside the state's own
    network (an audited administrator's decision). ``ladder``: department ids told in turn when it is overdue.
    ``sees_denouncer``: receives the identity also of denouncers.
    """

    id: str
    name: Text
    calendar: str
    url: str = ""
    email: str = ""
    private_network: bool = False
    deadlines: dict[str, Deadline] = {}
    ladder: tuple[str, ...] = ()
    remind_percent: int = 75
    sees_denouncer: bool = False


class Disposition(Policy, frozen=True):
    """An outcome code chosen at wrap-up."""

    id: str
    name: Text


class Topic(Policy, frozen=True):
    """What a case is about; its queue and department are where it usually goes."""

    id: str
    name: Text
    queue: str
    department: str = ""
    share_permille: int = 0
    priority: int = 0
    case_kind: str = "question"


AgentOrder = Literal["load", "scarcity", "idle"]
"""By what one agent is offered a contact before another: smaller load, other work that more of the free can do, longer idle."""

IdleSince = Literal["last_work", "last_ready", "last_offer"]
"""Since when an agent counts as idle: his last work ended, he last became ready, he was last offered something. Whoever comes to
work begins then."""

ContactOrder = Literal["rank", "service_level"]
"""By what one waiting contact goes before another of the same profile priority."""

OnTop = Literal["beside", "interrupts", "never"]
"""How a contact comes on top of one an agent already has: both count in his load, the one he has is set aside meanwhile and weighs
nothing, or not at all."""


class Rules(Policy, frozen=True):
    """The policy numbers.

    ``priority_credit_s[p]``: a contact of priority p ranks as if it had come that much earlier.
    ``weights``: what an assignment of a channel takes of an agent's total weight.
    Missed offers: the penalty is ``penalty_s`` doubled with each miss in ``miss_window_s``, at most ``penalty_max_s``; at
    ``miss_limit`` misses the agent is set not ready (reason ``rona``). The same contact is not offered to the same agent
    again within ``no_repeat_offers`` offers while another is eligible. A call that is only watched is over when nothing was heard
    of it for ``tracked_silence_s``. Who cannot be reached when he is called back is called ``callback_attempts`` times in all, with
    ``callback_pause_s`` between. A contact is handed over to another pool at most ``handovers`` times in all, and never back.

    ``on_top[new][held]`` says how a new contact of one channel comes on top of a held one of another; what is not named is ``beside``.
    As given, a call sets mails and internal work aside, and nothing live comes on top of a call.

    ``contact_order`` ``service_level``: who can still be answered within the target of the queue goes before who no longer can. Others
    may go before a contact for that reason for no more than ``max_extra_wait_s`` after its target has passed; then it has its rank again.
    Meanwhile it ranks as if it had come at that moment. ``rank``: strictly by rank.

    Agents are compared by ``agent_order`` from left to right, at last by id; ``idle_since`` says what idle is. Scarcity: how many of those
    free for the channel could not do the rarest other work an agent can do. What is given was measured (docs/quality.md, ADR 0036).
    """

    priority_credit_s: tuple[int, ...] = (0, 60, 300, 3600)
    weights: dict[str, int] = msgspec.field(
        default_factory=lambda: {"phone": 100, "email": 25, "fanpage": 34, "portal": 34, "internal": 25}
    )
    offer_s: dict[str, int] = msgspec.field(
        default_factory=lambda: {"phone": 15, "email": 60, "fanpage": 30, "portal": 30, "internal": 60}
    )
    wrap_up_s: dict[str, int] = msgspec.field(
        default_factory=lambda: {"phone": 60, "email": 30, "fanpage": 30, "portal": 30, "internal": 30}
    )
    on_top: dict[str, dict[str, OnTop]] = msgspec.field(
        default_factory=lambda: {
            "phone": {"phone": "never", "email": "interrupts", "internal": "interrupts"},
            "fanpage": {"phone": "never"},
            "portal": {"phone": "never"},
        }
    )
    contact_order: ContactOrder = "service_level"
    max_extra_wait_s: int = 30
    agent_order: tuple[AgentOrder, ...] = ("load", "scarcity", "idle")
    idle_since: IdleSince = "last_work"
    connect_s: int = 20
    clear_s: int = 30
    penalty_s: int = 10
    penalty_max_s: int = 300
    miss_window_s: int = 1800
    miss_limit: int = 3
    no_repeat_offers: int = 2
    sticky_wait_s: dict[str, int] = msgspec.field(
        default_factory=lambda: {"phone": 15, "email": 600, "fanpage": 120, "portal": 120, "internal": 1800}
    )
    transfer_wait_s: int = 60
    wait_for_customer_s: int = 86_400
    attention_s: int = 900
    lost_grace_s: int = 30
    case_resolved_days: int = 7
    case_follow_up_s: int = 86_400
    call_linger_s: int = 600
    tracked_silence_s: int = 14_400
    ping_pong_returns: int = 2
    callback_attempts: int = 3
    callback_pause_s: int = 900
    handovers: int = 1


class Catalogue(Policy, frozen=True):
    """Everything the centre configures. ``version`` grows by one with each activation."""

    version: int
    queues: tuple[Queue, ...]
    skills: tuple[Skill, ...]
    agents: tuple[Agent, ...]
    endpoints: tuple[Endpoint, ...]
    departments: tuple[Department, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    dispositions: tuple[Disposition, ...] = ()
    topics: tuple[Topic, ...] = ()
    rules: Rules = Rules()
