"""From rows to documents."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from ..events.vocabulary import Channel, ContactState, Direction, OfferReason
from ..kernel.clock import from_ms
from ..kernel.text import mask_handle, mask_phone
from ..rest.schemas import moment
from ..routing.policy import Queue
from ..routing.rows import Agent, Case, Contact, Escalation, Handover, Offer, awaits_action
from .documents import (
    CallbackStanding,
    CallView,
    CaseContact,
    CaseEscalation,
    CaseSummary,
    ContactView,
    CustomerView,
    HandoverView,
    MaskedHandle,
    OfferView,
    PresenceView,
    WhyText,
)
from .services import AgentsRoom
from .store.cases import Handle
from .store.contacts import Face
from .store.sureness import sureness

_NOBODY: Final = Face()
_WHY: Final[Mapping[OfferReason, tuple[str, str]]] = {
    OfferReason.NEW: ("Đến lượt ở hàng đợi {vi}.", "Next in the queue {en}."),
    OfferReason.STICKY: ("Bạn đã biết hồ sơ này.", "You know this case."),
    OfferReason.TRANSFER: ("Được chuyển đến cho bạn.", "It was transferred to you."),
    OfferReason.RETURNED: (
        "Quay lại hàng đợi {vi}, giữ nguyên thứ tự.",
        "It came back to the queue {en} and kept its place.",
    ),
    OfferReason.MISSED: (
        "Người trước không nhận, giữ nguyên thứ tự ở hàng đợi {vi}.",
        "Somebody missed it; it kept its place in the queue {en}.",
    ),
    OfferReason.NOT_BEGUN: (
        "Người trước nhận nhưng chưa bắt đầu xử lý, giữ nguyên thứ tự ở hàng đợi {vi}.",
        "Somebody took it and did not begin; it kept its place in the queue {en}.",
    ),
    OfferReason.CALLBACK: (
        "Gọi lại cho khách hàng, giữ nguyên thứ tự ở hàng đợi {vi}.",
        "The customer is to be called back; it kept its place in the queue {en}.",
    ),
    OfferReason.ASSIGNED: ("Người phụ trách giao cho bạn.", "A supervisor gave it to you."),
}


async def offer_view(room: AgentsRoom, offer: Offer) -> OfferView | None:
    """The offer's document; None when its contact is gone, which is when the offer is over."""
    contact = await room.contacts.contact(offer.contact_id)
    if contact is None:
        return None
    face = (await room.contacts.faces([contact.id])).get(contact.id, _NOBODY)
    now = await room.engine_now()
    queue = room.current.queue(contact.queue)
    return OfferView(
        offer_id=offer.id,
        contact_id=contact.id,
        case_id=contact.case_id,
        queue=contact.queue,
        channel=contact.channel,
        direction=contact.direction,
        language=contact.language,
        topic=contact.topic,
        customer=_customer(contact.customer_id, face),
        subject=face.subject,
        priority=contact.priority,
        attempt=offer.attempt,
        reason=offer.reason,
        waited_s=max(0, (now - contact.arrived_at) // 1000),
        target_at=from_ms(offer.target_at),
        expires_at=from_ms(offer.expires_at),
        ttl_ms=max(0, offer.expires_at - now),
        call=_call(room, contact, face),
        open_messages=face.unanswered,
        from_pool=contact.came_through[-1] if contact.came_through else "",
        why=why_text(offer.reason, queue),
    )


def why_text(reason: OfferReason, queue: Queue | None) -> WhyText:
    """Why it is offered, in a sentence."""
    vi, en = _WHY[reason]
    names = {"vi": queue.name.vi if queue else "", "en": queue.name.en if queue else ""}
    return WhyText(vi=vi.format(**names), en=en.format(**names))


async def contact_views(room: AgentsRoom, contacts: Sequence[Contact]) -> list[ContactView]:
    """The contacts' documents, with one look-up for all faces."""
    if not contacts:
        return []
    faces = await room.contacts.faces([contact.id for contact in contacts])
    references = await room.cases.references([contact.case_id for contact in contacts])
    return [
        _contact(room, contact, faces.get(contact.id, _NOBODY), references.get(contact.case_id, ""))
        for contact in contacts
    ]


async def contact_view(room: AgentsRoom, contact: Contact) -> ContactView:
    """One contact's document."""
    return (await contact_views(room, [contact]))[0]


def _contact(room: AgentsRoom, contact: Contact, face: Face, reference: str) -> ContactView:
    return ContactView(
        contact_id=contact.id,
        case_id=contact.case_id,
        reference=reference,
        channel=contact.channel,
        endpoint=contact.endpoint,
        direction=contact.direction,
        state=contact.state,
        state_since=moment(contact.state_since),
        queue=contact.queue,
        language=contact.language,
        topic=contact.topic,
        priority=contact.priority,
        arrived_at=from_ms(contact.arrived_at),
        answered_at=moment(contact.answered_at),
        agent=contact.agent_id,
        offer_id=contact.offer_id,
        reason=contact.reason,
        attempt=contact.attempt,
        wait_until=moment(contact.wait_until),
        begin_by=moment(contact.ends_at) if awaits_action(contact) else None,
        wrap_up_ends_at=moment(contact.ends_at) if contact.state is ContactState.WRAP_UP else None,
        disposition=contact.disposition,
        customer=_customer(contact.customer_id, face),
        subject=face.subject,
        messages=contact.messages,
        customer_message=contact.customer_message,
        open_messages=face.unanswered,
        answered_outside=contact.answered_outside,
        needs_attention=bool(contact.attention),
        escalation_id=contact.escalation_id,
        call=_call(room, contact, face),
        callback=_callback(contact),
        place_from=contact.place_from,
        handed_over=_handover(contact.handed_over),
        from_pool=contact.came_through[-1] if contact.came_through else "",
    )


def _handover(handed: Handover | None) -> HandoverView | None:
    return HandoverView(pool=handed.pool, queue=handed.queue) if handed is not None else None


def _callback(contact: Contact) -> CallbackStanding | None:
    promised = contact.callback
    if promised is None:
        return None
    return CallbackStanding(
        promised_at=from_ms(promised.promised_at),
        by=promised.by,
        not_before=moment(promised.not_before),
        tries=promised.tries,
    )


def _customer(customer_id: str, face: Face) -> CustomerView:
    shown = masked([face.handle])[0] if face.handle is not None else None
    return CustomerView(customer_id=customer_id, name=face.name, handle=shown)


def _call(room: AgentsRoom, contact: Contact, face: Face) -> CallView | None:
    if contact.channel is not Channel.PHONE or contact.call is None:
        return None
    endpoint = room.current.endpoint(contact.endpoint)
    ours = endpoint.address if endpoint else ""
    theirs = mask_phone(face.handle.value) if face.handle is not None and face.handle.kind == "phone" else ""
    calling, called = (theirs, ours) if contact.direction is Direction.INBOUND else (ours, theirs)
    return CallView(call_id=contact.call.call_id, calling=calling, called=called, recording=contact.call.recording)


def presence_view(agent: Agent, owned: Sequence[Contact]) -> PresenceView:
    """What the agent says of himself and what follows from his work."""
    return PresenceView(
        agent=agent.id,
        state=agent.presence,
        reason=agent.reason,
        since=moment(agent.presence_since),
        after_current=agent.sign_out_after,
        doing=_doing(agent, owned),
        lost=agent.lost,
        phone_registered=agent.phone_registered,
        assignments=len(agent.assignments),
    )


def _doing(agent: Agent, owned: Sequence[Contact]) -> Literal["idle", "offered", "busy", "wrap_up"]:
    states = {contact.state for contact in owned if contact.id in agent.assignments}
    if states - {ContactState.WRAP_UP}:
        return "busy"
    if states:
        return "wrap_up"
    return "offered" if agent.offer_id else "idle"


def case_summary(case: Case) -> CaseSummary:
    """The case in a list."""
    return CaseSummary.model_validate(summary_fields(case))


def summary_fields(case: Case) -> dict[str, object]:
    """The fields of a case's row that its documents share."""
    return {
        "case_id": case.id,
        "reference": case.reference,
        "state": case.state,
        "topic": case.topic,
        "kind": case.kind,
        "province": case.province,
        "priority": case.priority,
        "customer_id": case.customer_id,
        "knows": case.knows,
        "opened_at": from_ms(case.opened_at),
        "due_at": moment(case.due_at),
        "needs_attention": case.attention,
        "handed_over": _handover(case.handed_over),
    }


def case_contact(contact: Contact) -> CaseContact:
    """A contact in its case's document."""
    return CaseContact(
        contact_id=contact.id,
        channel=contact.channel,
        direction=contact.direction,
        state=contact.state,
        arrived_at=from_ms(contact.arrived_at),
        agent=contact.agent_id,
        disposition=contact.disposition,
    )


def case_escalation(escalation: Escalation) -> CaseEscalation:
    """An escalation in its case's document."""
    return CaseEscalation(
        escalation_id=escalation.id,
        department=escalation.department,
        state=escalation.state,
        raised_at=from_ms(escalation.raised_at),
        acknowledge_by=moment(escalation.acknowledge_by),
        answer_by=moment(escalation.answer_by),
        overdue=escalation.acknowledge_overdue or escalation.answer_overdue,
    )


def masked(handles: Sequence[Handle]) -> list[MaskedHandle]:
    """Handles as far as they may be seen."""
    shown = []
    for one in handles:
        sure = sureness(one.channel, verified=one.verified, evidence=one.evidence)
        said = one.evidence if sure.by == "agent" else ""
        value = mask_handle(one.kind, one.value)
        shown.append(
            MaskedHandle(
                kind=one.kind, value=value, verified=one.verified, confidence=sure.confidence, by=sure.by, evidence=said
            )
        )
    return shown
