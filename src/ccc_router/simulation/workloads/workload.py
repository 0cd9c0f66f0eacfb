"""A workload: who comes when and how he behaves, and who works when. Data without chance: every draw is in it.

Two policies tried on one workload meet the same customers (common random numbers): what differs is the policy's doing. Times are
milliseconds since the epoch (``_at``, ``_ms`` of a moment) or durations (``_ms``).
"""

import msgspec

from ...events.vocabulary import Channel

MISSED = -1
"""A reaction that never comes: the agent's client shows the offer, nobody takes it."""


class Redial(msgspec.Struct, frozen=True, omit_defaults=True):
    """A caller who gave up calls again ``after_ms`` later, and waits ``patience_ms`` then (0: as long as it takes)."""

    after_ms: int
    patience_ms: int = 0


class Transfer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The agent hands the contact on to another queue, or to others of its own, ``after_ms`` of the exchange."""

    queue: str
    after_ms: int


class Escalating(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last agent hands the case to a department. It acknowledges ``acknowledged_ms`` later (0: not by itself) and answers ``solved_ms``
    after it was raised (0: never), or gives it back unsolved (``returned``). Whoever gets back what it sends needs ``handling_ms`` for it."""

    department: str
    acknowledged_ms: int = 0
    solved_ms: int = 0
    returned: bool = False
    handling_ms: int = 60_000


class CallingBack(msgspec.Struct, frozen=True, omit_defaults=True):
    """A caller who still waits after ``wish_ms`` chooses to be called back (0: he does not). Whoever is called back, also because the centre
    promised it by itself, is missed by the first ``missed`` calls and takes the next; either is known after ``ring_ms``."""

    wish_ms: int = 0
    missed: int = 0
    ring_ms: int = 5000


class Arrival(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="arrival"):
    """One customer who comes, with all his draws.

    ``queue`` or else ``topic`` says where he waits. ``patience_ms``: a caller hangs up after so long (0: never); who writes does not take
    it back. ``handling_ms`` is the exchange with the last agent, ``wrap_up_ms`` what he needs after it; ``transfers`` come before.
    ``reactions_ms``: the agent takes this contact's n-th offer after so long, or not at all (``MISSED``); the last one holds for all further
    offers. ``redials``: the n-th is what he does when he has given up for the n-th time.
    """

    at_ms: int
    channel: Channel
    handling_ms: int
    queue: str = ""
    topic: str = ""
    language: str = ""
    priority: int = 0
    patience_ms: int = 0
    wrap_up_ms: int = 0
    reactions_ms: tuple[int, ...] = (0,)
    redials: tuple[Redial, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    escalation: Escalating | None = None
    callback: CallingBack = CallingBack()


class Break(msgspec.Struct, frozen=True):
    """Not there between two moments of a shift."""

    from_ms: int
    until_ms: int


class Shift(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="shift"):
    """An agent works from one moment to another; what he has then he still finishes. A catalogue without him does without him."""

    agent_id: str
    from_ms: int
    until_ms: int
    breaks: tuple[Break, ...] = ()


class Stayed(msgspec.Struct, frozen=True):
    """What was seen of a contact, nothing drawn: the queues it waited in, in order; how long it waited, until it was answered, given up or ended
    otherwise, or the record ends; and how long it kept an agent busy from its answer on, the first time (0: never)."""

    at_ms: int
    channel: Channel
    queues: tuple[str, ...]
    waited_ms: int
    answered: bool
    gave_up: bool
    busy_ms: int


class Window(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="window"):
    """What is simulated, and from when on it is measured: what came in the warm-up before ``measured_from_ms`` does not count.

    ``back_after_ms``: an agent whom missed offers set not ready is ready again so much later.
    """

    from_ms: int
    until_ms: int
    measured_from_ms: int = 0
    utc_offset_minutes: int = 420
    back_after_ms: int = 120_000


class Workload(msgspec.Struct, frozen=True):
    """Arrivals and shifts in order of time."""

    window: Window
    arrivals: tuple[Arrival, ...]
    shifts: tuple[Shift, ...]


def workload_of(window: Window, arrivals: list[Arrival], shifts: list[Shift]) -> Workload:
    """Put in order of time; what is outside the window is left out."""
    inside = [one for one in arrivals if window.from_ms <= one.at_ms < window.until_ms]
    working = [one for one in shifts if one.from_ms < window.until_ms and one.until_ms > window.from_ms]
    return Workload(
        window,
        tuple(sorted(inside, key=lambda one: one.at_ms)),
        tuple(sorted(working, key=lambda one: (one.from_ms, one.agent_id))),
    )
