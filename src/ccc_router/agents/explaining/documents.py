"""What ``why`` and ``why-not`` answer. Agents other than the asking one are named to supervisors only, and so are other contacts."""

from pydantic import Field

from ...events.vocabulary import ContactState, OfferReason, Overflowing, Overtaking
from ...rest.schemas import Document, Moment
from ...rest.waits import ExpectedWait
from ..documents import WhyText


class ReasonView(Document):
    """One thing that stops an agent. ``code`` is stable; more codes may come."""

    code: str = Field(description="The reason: presence, skill, channel_full, penalty, …", examples=["skill"])
    values: dict[str, int | str] = Field(
        description="What the sentence is made of; times are milliseconds since the epoch.",
        examples=[{"skill": "maternity", "needed": 3}],
    )
    text: WhyText


class StopView(ReasonView):
    """What stops how many agents. An agent whom several things stop is counted at each."""

    agents: int = Field(description="How many it stops.")
    only: int = Field(description="How many of them nothing else stops.")
    named: list[str] = Field(description="Who, for supervisors; at most 50.")


class StepView(Document):
    """A relaxation of what the contact needs."""

    step: int
    at: Moment | None = Field(description="When it comes if nothing happens before; null while its clock stands.")
    needs: dict[str, int] = Field(description="Level by skill.", examples=[{"vi": 1}])


class ClosedView(Document):
    """The contact's queue is closed for its channel: nobody is offered it before the queue opens."""

    since: Moment
    opens_at: Moment | None = Field(description="Null when its calendar names no opening.")


class OverflowView(Document):
    """The contact came from another queue, with its rank."""

    from_queue: str
    queue: str
    at: Moment
    reason: Overflowing
    text: WhyText


class OvertookView(Document):
    """A contact that ranked before the one that was offered: the front of a line, which speaks for all behind it."""

    contact_id: str = Field(description="Empty for an agent.")
    rank: int
    reason: Overtaking = Field(description="Why the chosen agent was not offered this one.")
    text: WhyText


class PassedByView(Document):
    """A contact that ranks behind this one and is offered or handled already."""

    contact_id: str
    agent: str
    at: Moment
    reason: Overtaking | None = Field(
        description="Why, if the offer's entry names this contact; else it stood behind another."
    )


class WaitingView(Document):
    """Where a waiting contact stands, and what stops each agent of the catalogue."""

    ahead: int = Field(description="Contacts of its queue that wait for anybody and rank before it.")
    before: list[str] = Field(description="The first of them, for supervisors; at most 5.")
    expected: ExpectedWait
    eligible: int = Field(
        description="Agents who could be offered it this moment: more than 0 only while the engine is at it."
    )
    able: int = Field(
        description="Agents who serve its queue and meet what it needs at this step, whatever they do now."
    )
    able_agents: list[str] = Field(description="Who, for supervisors; at most 50.")
    stops: list[StopView]
    next_step: StepView | None
    closed: ClosedView | None = Field(description="Null while its queue is open for it.")
    reserved_for: str = Field(
        description="The agent who alone may take it until then; to others than him and supervisors `*`."
    )
    reserved_until: Moment | None
    passed_by: list[PassedByView] = Field(description="For supervisors; at most 5.")


class WhyView(Document):
    """Where the contact stands now, and why its newest offer was made as it was."""

    contact_id: str
    state: ContactState
    queue: str
    rank: int = Field(
        description="Arrival in ms plus the queue's allowance, in its business time, minus the credit of its priority; smaller goes first."
    )
    step: int = Field(description="How many steps its needs are relaxed by now.")
    target_at: Moment = Field(
        description="Until when it is answered in time: its arrival and allowance, and the service level of its queue now."
    )
    catalogue: int = Field(
        description="The catalogue's version that decided, or while nobody was offered it, the one in force."
    )
    offer_id: str = Field(default="", description="The newest offer; empty when there was none.")
    agent: str = Field(default="", description="Who was chosen; to others than him and supervisors `*`.")
    reason: OfferReason
    eligible: int = Field(description="How many agents could have taken it when it was offered.")
    won: list[int | str] = Field(description="What decided between them, compared from left to right.")
    runner_up: str = Field(default="", description="For supervisors.")
    overtook: list[OvertookView] = Field(description="The first lines the offer overtook; at most 5.")
    overflowed_from: list[OverflowView] = Field(description="The queues it overflowed from, oldest first.")
    waiting: WaitingView | None = Field(description="Null unless it waits now.")
    text: WhyText


class WhyNotView(Document):
    """Everything that stops one agent from being offered one contact now."""

    agent: str
    contact_id: str
    state: ContactState
    eligible: bool
    reasons: list[ReasonView]
    text: WhyText
