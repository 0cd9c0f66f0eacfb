"""What supervisors get."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field

from ...events.vocabulary import Newcomers, Presence
from ...kernel.clock import from_ms
from ...queues.waits.calibration import Coverage
from ...queues.waits.estimate import Expected
from ...queues.waits.foretold import Calibration
from ...rest.paging import Page
from ...rest.schemas import Document, Moment
from ...rest.waits import ExpectedWait
from ...routing.policy import Catalogue, Queue
from ...routing.rows import Agent, QueueState
from ..bounds import BoundsView
from ..documents import PresenceView, WhyText
from ..trial import CatalogueTried


class RequirementView(Document):
    """A skill and the level that is needed."""

    skill: str
    level: int


class SurgeView(Document):
    """What is done with newcomers to a queue for a time. It ends by itself."""

    since: Moment
    until: Moment
    newcomers: Newcomers
    announcement: str = Field(description="The switch's name for what a caller hears.")
    reason: str
    by: str = Field(description="Role and name of who said so.")

    @classmethod
    def of(cls, row: QueueState | None) -> Self | None:
        """The surge of a queue, if it is in one."""
        surge = row.surge if row is not None else None
        if surge is None:
            return None
        return cls(
            since=from_ms(surge.since),
            until=from_ms(surge.until),
            newcomers=surge.newcomers,
            announcement=surge.announcement,
            reason=surge.reason,
            by=surge.by,
        )


class QueueView(Document):
    """A queue of the catalogue in force."""

    queue: str
    name: WhyText
    requirements: list[RequirementView]
    channels: list[str] = Field(description="Empty: all.")
    service_level_percent: int
    service_level_s: int
    overflow: str
    agents: int = Field(description="How many agents serve it.")
    surge: SurgeView | None = Field(description="Null while newcomers are treated as ever.")


class CoverageView(Document):
    """Whether waits that were foretold came true: the shares answered within their 20, 50 and 80 % times should be 0.2, 0.5 and 0.8. Who gave
    up or still waits counts for as long as he was seen (Kaplan and Meier); null where nobody was seen for so long."""

    foretold: int = Field(description="Contacts that came in the window and had to wait.")
    answered: int
    abandoned: int
    within_p20: float | None
    within_p50: float | None
    within_p80: float | None

    @classmethod
    def of(cls, found: Coverage) -> Self:
        """As it was counted."""
        soon, median, late = (None if share is None else round(share, 3) for share in found.within)
        return cls(
            foretold=found.told,
            answered=found.answered,
            abandoned=found.abandoned,
            within_p20=soon,
            within_p50=median,
            within_p80=late,
        )


class ChannelReadings(Document):
    """A queue's contacts of one channel now, and today."""

    channel: str
    waiting: int
    offered: int
    handled: int
    customers_turn: int
    needs_attention: int
    answered: int
    answered_in_time: int
    abandoned: int
    expected_wait: ExpectedWait = Field(description="Of an ordinary contact that would come this moment.")
    calibration_hour: CoverageView
    calibration_day: CoverageView


Waiting = Mapping[str, tuple[Expected, Calibration]]
"""By channel: what a contact would wait that came now, and how often that was right."""


class QueueReadings(Document):
    """How a queue does: now, and since midnight in Vietnam."""

    queue: str
    waiting: int
    oldest_arrived_at: Moment | None
    oldest_waited_s: int
    offered: int
    handled: int
    needs_attention: int
    agents_ready: int = Field(description="Agents of this queue who take contacts and have nothing at hand.")
    agents_here: int = Field(description="Agents of this queue who are signed in.")
    answered: int
    abandoned: int
    speed_of_answer_s: float = Field(description="Mean seconds from arrival to answer.")
    service_level_target: float
    service_level: float | None = Field(
        description="Answered in time / (answered + abandoned); null when there was nothing to count."
    )
    service_level_without_abandoned: float | None = Field(description="Answered in time / answered.")
    channels: list[ChannelReadings]
    surge: SurgeView | None

    @classmethod
    def of(
        cls,
        queue: Queue,
        rows: Sequence[Mapping[str, Any]],
        catalogue: Catalogue,
        agents: Sequence[Agent],
        now_ms: int,
        waits: Waiting,
        state: QueueState | None,
    ) -> Self:
        """From the counts by channel; ``state`` is the queue's row, if it has one."""
        serving = {
            agent.id for agent in catalogue.agents if any(profile.queue == queue.id for profile in agent.profiles)
        }
        here = [
            agent
            for agent in agents
            if agent.id in serving and agent.presence is not Presence.SIGNED_OUT and not agent.lost
        ]
        free = [
            agent for agent in here if agent.presence in (Presence.READY, Presence.ON_DEMAND) and not agent.assignments
        ]
        total = {
            name: sum(row[name] for row in rows)
            for name in ("waiting", "offered", "handled", "attention", "answered", "in_time", "abandoned")
        }
        oldest = min((row["oldest"] for row in rows if row["oldest"]), default=0)
        answered = total["answered"]
        speed = sum(row["speed_ms"] * row["answered"] for row in rows) / answered / 1000 if answered else 0.0
        return cls(
            queue=queue.id,
            waiting=total["waiting"],
            oldest_arrived_at=from_ms(oldest) if oldest else None,
            oldest_waited_s=max(0, (now_ms - oldest) // 1000) if oldest else 0,
            offered=total["offered"],
            handled=total["handled"],
            needs_attention=total["attention"],
            agents_ready=len(free),
            agents_here=len(here),
            answered=answered,
            abandoned=total["abandoned"],
            speed_of_answer_s=round(speed, 1),
            service_level_target=queue.service_level.percent / 100,
            service_level=_share(total["in_time"], answered + total["abandoned"]),
            service_level_without_abandoned=_share(total["in_time"], answered),
            channels=[_of_channel(row, *waits[row["channel"]]) for row in rows],
            surge=SurgeView.of(state),
        )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _of_channel(row: Mapping[str, Any], expected: Expected, calibration: Calibration) -> ChannelReadings:
    return ChannelReadings(
        channel=row["channel"],
        waiting=row["waiting"],
        offered=row["offered"],
        handled=row["handled"],
        customers_turn=row["customers_turn"],
        needs_attention=row["attention"],
        answered=row["answered"],
        answered_in_time=row["in_time"],
        abandoned=row["abandoned"],
        expected_wait=ExpectedWait.of(expected),
        calibration_hour=CoverageView.of(calibration.hour),
        calibration_day=CoverageView.of(calibration.day),
    )


class IncidentView(Document):
    """One trouble that many cases have in common."""

    incident_id: str
    title: WhyText
    topic: str = Field(description="Who comes about it is attached; empty: nobody for that.")
    queue: str = Field(description="Who comes to it is attached; empty: nobody for that.")
    opened_at: Moment
    opened_by: str = Field(description="Role and name.")
    cases: int = Field(description="How many are attached, or were told how it ended.")
    told: int = Field(description="How many of them were told how it ended.")
    resolved_at: Moment | None
    resolved_by: str


class AllReadings(Page[QueueReadings]):
    """How every queue does, and how far the centre is from the best possible."""

    bounds: BoundsView | None = Field(description="Null until it was computed once; ask again.")


class AgentView(PresenceView):
    """An agent as supervisors see him."""

    name: str
    team: str
    queues: list[str]
    skills: dict[str, int]
    contacts: list[str] = Field(description="Ids of the contacts that take his capacity.")


class DeliveryView(Document):
    """Something owed to someone: a reply, call control, a webhook, a mail. Addresses and texts are not shown."""

    delivery_id: str
    kind: str
    type: str
    state: str
    target: str = Field(description="An endpoint or a department.")
    contact_id: str
    case_id: str
    escalation_id: str
    message_id: str
    attempts: int
    last_error: str
    due_at: Moment | None = Field(description="Null while it stands behind another of its kind to the same receiver.")
    created_at: Moment
    updated_at: Moment


class ParkedInput(Document):
    """An input that could not be handled. Its bytes are kept; its content is not shown."""

    position: int
    source: str
    error: str
    parked_at: Moment


class JournalEntry(Document):
    """An entry as it is in the journal: ids and routing attributes, never a name or a text."""

    pool: str
    position: int
    at: Moment
    form: str = Field(description="`input`, or `decision` that followed the input at position `cause`.")
    kind: str
    cause: int
    core_version: int
    body: dict[str, Any]


class CatalogueFault(Document):
    """What is wrong with a catalogue, and where."""

    path: str = Field(description="A JSON pointer into the catalogue.")
    code: str
    detail: str


class CatalogueChecked(Document):
    """What became of a catalogue that was sent."""

    version: int = Field(description="The version in force after this; with dry_run the one in force before.")
    activated: bool
    faults: list[CatalogueFault] = Field(default_factory=list)
    simulated: CatalogueTried | None = Field(
        default=None, description="With dry_run; null if nobody came in the last day, or trying took too long."
    )
