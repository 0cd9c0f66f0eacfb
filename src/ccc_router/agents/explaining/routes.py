"""Why a contact is where it is (R-13), and why an agent is not offered it."""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query

from ...events.vocabulary import ContactState
from ...kernel.clock import from_ms
from ...kernel.errors import NotFound
from ...rest.access import AsStaff, Guarded
from ...rest.principal import Principal
from ...rest.schemas import Code, Id, moment
from ...rest.waits import ExpectedWait
from ...routing.calendar import hours_of
from ...routing.decisions import ContactHandedOver, ContactOverflowed, OfferMade
from ...routing.explain import AnyReason, groups, next_relaxation
from ...routing.explain import reasons as r
from ...routing.rows import Contact
from ...routing.rulebook import target_at
from ..documents import WhyText
from ..services import AgentsRoom, Room
from ..shaping import why_text
from .documents import (
    ClosedView,
    OverflowView,
    OvertookView,
    PassedByView,
    ReasonView,
    StepView,
    StopView,
    WaitingView,
    WhyNotView,
    WhyView,
)
from .situation import situation
from .standing import judge
from .words import handover, overflow, overtaking, sentence

router = APIRouter(prefix="/v1", tags=["contacts"], route_class=Guarded)

_NAMED: Final = 50
_FIRST: Final = 5
_HIDDEN: Final = "*"


@router.get("/contacts/{contact_id}/why", summary="Why it waits, or why it was offered as it was")
async def why(caller: AsStaff, contact_id: Id, room: Room) -> WhyView:
    """Where it stands now by the tables, and the newest offer's reasons as the journal has them."""
    contact = await room.contact_for(caller, contact_id)
    entry = await room.records.last_of_contact(contact.id, "OfferMade")
    made = entry.decision(OfferMade) if entry else None
    waiting = await _waiting(room, caller, contact) if contact.state is ContactState.QUEUED else None
    moves = await _moves(room, contact)
    handed = await _handed_over(room, contact)
    return WhyView(
        contact_id=contact.id,
        state=contact.state,
        queue=contact.queue,
        rank=made.rank if made else contact.rank,
        step=contact.step,
        target_at=from_ms(_target_at(room, contact, made)),
        catalogue=made.catalogue if made else room.catalogue.version,
        offer_id=made.offer_id if made else "",
        agent=_to(caller, made.agent_id) if made else "",
        reason=made.reason if made else contact.reason,
        eligible=made.eligible if made else 0,
        won=[*made.won[:-1], *(_to(caller, str(one)) for one in made.won[-1:])] if made else [],
        runner_up=made.runner_up if made and caller.leads else "",
        overtook=_overtook(caller, made) if made else [],
        overflowed_from=moves,
        waiting=waiting,
        text=_text(room, caller, contact, made, waiting, [*handed, *(one.text for one in moves)]),
    )


@router.get("/agents/{agent}/why-not", summary="Why the agent is not offered the contact", tags=["supervision"])
async def why_not(
    caller: AsStaff, agent: Code, room: Room, contact: Annotated[Id, Query(description="Which one.")]
) -> WhyNotView:
    """All that stands between them now. An agent may ask for himself, about a contact he may see; everything else is 404."""
    if not caller.leads and agent != caller.subject:
        raise NotFound
    found = await room.contact_for(caller, contact)
    if room.current.agent(agent) is None:
        raise NotFound
    stopped = (await judge(room, found)).stopped[agent]
    shown = [_reason(room, caller, one) for one in stopped]
    vi = "; ".join(one.text.vi for one in shown) or "nhận được ngay"
    en = "; ".join(one.text.en for one in shown) or "could be offered it now"
    return WhyNotView(
        agent=agent,
        contact_id=found.id,
        state=found.state,
        eligible=not stopped,
        reasons=shown,
        text=WhyText(vi=f"{agent}: {vi}.", en=f"{agent}: {en}."),
    )


def _target_at(room: AgentsRoom, contact: Contact, made: OfferMade | None) -> int:
    queue = room.current.queue(contact.queue)
    if queue is None:  # long over, and its queue is gone
        return made.target_at if made else contact.rank
    return target_at(room.catalogue.rules, queue, contact)


async def _waiting(room: AgentsRoom, caller: Principal, contact: Contact) -> WaitingView:
    found = await judge(room, contact)
    ahead, before = await room.contacts.before(contact, _FIRST)
    queue = room.current.queue(contact.queue)
    skills = frozenset(one.id for one in room.catalogue.skills)
    hours = hours_of(queue, contact.channel, {one.id: one for one in room.catalogue.calendars}) if queue else None
    step = next_relaxation(queue, contact, skills, hours) if queue else None
    stopping = groups(found)
    closed = next((one.reason for one in stopping if isinstance(one.reason, r.QueueClosed)), None)
    return WaitingView(
        ahead=ahead,
        before=before if caller.leads else [],
        expected=ExpectedWait.of(await room.waits.of(contact)),
        eligible=len(found.eligible),
        able=len(found.able),
        able_agents=list(found.able[:_NAMED]) if caller.leads else [],
        stops=[
            StopView.model_validate(
                _reason(room, caller, one.reason).model_dump()
                | {"agents": len(one.agents), "only": one.only}
                | {"named": list(one.agents[:_NAMED]) if caller.leads else []}
            )
            for one in stopping
        ],
        next_step=StepView(step=step.step, at=moment(step.at), needs=step.needs) if step else None,
        closed=ClosedView(since=from_ms(closed.since), opens_at=moment(closed.opens_at)) if closed else None,
        reserved_for=_to(caller, contact.reserved_for),
        reserved_until=moment(contact.reserved_until),
        passed_by=await _passed_by(room, contact) if caller.leads else [],
    )


async def _passed_by(room: AgentsRoom, contact: Contact) -> list[PassedByView]:
    """Those offered while this one was here already: each offer's entry names the first it overtook."""
    shown = []
    for other in await room.contacts.passed(contact, _FIRST):
        entry = await room.records.last_of_contact(other, "OfferMade")
        if entry is not None and entry.at >= contact.arrived_at:
            made = entry.decision(OfferMade)
            reason = next((one.why for one in made.overtaken if one.contact_id == contact.id), None)
            shown.append(PassedByView(contact_id=other, agent=made.agent_id, at=from_ms(entry.at), reason=reason))
    return shown


async def _moves(room: AgentsRoom, contact: Contact) -> list[OverflowView]:
    """The queues it overflowed from: the row knows that it did, the journal when and why."""
    if not contact.overflowed:
        return []
    shown = []
    for entry in await room.records.of_contact(contact.id, ("ContactOverflowed",), after=0, limit=_NAMED):
        moved = entry.decision(ContactOverflowed)
        names = _names(room, moved.from_queue)
        shown.append(
            OverflowView(
                from_queue=moved.from_queue,
                queue=moved.queue,
                at=from_ms(entry.at),
                reason=moved.why,
                text=overflow(moved.why, names, entry.at),
            )
        )
    return shown


async def _handed_over(room: AgentsRoom, contact: Contact) -> list[WhyText]:
    """Why it was handed over, as the journal has it."""
    if contact.state is not ContactState.HANDED_OVER:
        return []
    entry = await room.records.last_of_contact(contact.id, "ContactHandedOver")
    if entry is None:
        return []
    handed = entry.decision(ContactHandedOver)
    return [handover(handed.why, _names(room, handed.from_queue), entry.at)]


def _overtook(caller: Principal, made: OfferMade) -> list[OvertookView]:
    return [
        OvertookView(
            contact_id=one.contact_id if caller.leads else "",
            rank=one.rank,
            reason=one.why,
            text=overtaking(one.why),
        )
        for one in made.overtaken
    ]


def _reason(room: AgentsRoom, caller: Principal, reason: AnyReason) -> ReasonView:
    if isinstance(reason, r.ReservedForAnother) and not caller.leads:
        reason = msgspec.structs.replace(reason, agent="")
    values: Mapping[str, int | str] = msgspec.structs.asdict(reason)
    return ReasonView(
        code=str(reason.__struct_config__.tag),
        values={name: value for name, value in values.items() if value not in ("", 0)},
        text=sentence(reason, {one.id: (one.name.vi, one.name.en) for one in room.catalogue.queues}),
    )


def _names(room: AgentsRoom, queue_id: str) -> tuple[str, str]:
    """What a queue is called in both languages; by its id once the catalogue has it no more."""
    queue = room.current.queue(queue_id)
    return (queue.name.vi, queue.name.en) if queue else (queue_id, queue_id)


def _text(
    room: AgentsRoom,
    caller: Principal,
    contact: Contact,
    made: OfferMade | None,
    waiting: WaitingView | None,
    more: list[WhyText],
) -> WhyText:
    queue, names = room.current.queue(contact.queue), _names(room, contact.queue)
    chosen = contact.agent_id or (made.agent_id if made else "")
    agent = (chosen, chosen) if _to(caller, chosen) == chosen else ("nhân viên khác", "another agent")
    parts = [situation(contact, names, agent, waiting), *more]
    now = WhyText(vi=" ".join(one.vi for one in parts), en=" ".join(one.en for one in parts))
    if made is None or waiting is not None:
        return now
    offered = why_text(made.reason, queue)
    return WhyText(
        vi=f"{now.vi} {offered.vi} Khi mời có {made.eligible} nhân viên đủ điều kiện.",
        en=f"{now.en} {offered.en} When it was offered, agents who could take it: {made.eligible}.",
    )


def _to(caller: Principal, name: str) -> str:
    """An agent's name as the caller may see it."""
    return name if caller.leads or name in ("", caller.subject) else _HIDDEN
