"""Cases and customers."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query

from ...events.commands import CallCustomer, EditCase, PromiseCallback
from ...events.facts import Private
from ...events.vocabulary import CaseState
from ...kernel import ids
from ...kernel.clock import to_ms
from ...kernel.errors import Invalid
from ...rest.access import ONLY_STAFF, AsAgent, AsStaff, Guarded
from ...rest.numbers import typed_number
from ...rest.paging import Cursor, Limit, Page, decode, encode
from ...rest.problems import answers
from ...rest.schemas import Code, Id
from ...routing.rows import Case, Contact
from ..bodies import CallbackBody, CallBody, CasePatch
from ..documents import (
    CallbackView,
    CaseSummary,
    CaseView,
    ContactOpenedView,
    CustomerFound,
    CustomerView,
)
from ..services import AgentsRoom, CommandKey, Room, do
from ..shaping import case_contact, case_escalation, case_summary, masked, summary_fields
from .naming import possible_values

router = APIRouter(prefix="/v1", tags=["cases"], route_class=Guarded)


@router.get("/cases", summary="Cases")
async def list_cases(
    caller: AsStaff,
    room: Room,
    state: Annotated[CaseState | None, Query(description="Only in this state.")] = None,
    topic: Annotated[Code | None, Query(description="Only on this topic.")] = None,
    customer: Annotated[Id | None, Query(description="Only of this customer.")] = None,
    reference: Annotated[
        str, Query(max_length=40, description="The one with this reference, as the customer says it.")
    ] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[CaseSummary]:
    """Newest first. An agent sees those whose contacts he is offered, owns or handled."""
    if reference:
        return await _by_reference(room, None if caller.leads else caller.subject, reference)
    found = await room.cases.listed(
        agent_id="" if caller.leads else caller.subject,
        state=state or "",
        topic=topic or "",
        customer_id=customer or "",
        after=decode(cursor, int, str),
        limit=limit + 1,
    )
    shown = found[:limit]
    more = encode(shown[-1].opened_at, shown[-1].id) if len(found) > limit else None
    return Page(items=[case_summary(case) for case in shown], next=more)


async def _by_reference(room: AgentsRoom, agent_id: str | None, text: str) -> Page[CaseSummary]:
    reference = ids.parse_reference(text)
    found = await room.cases.by_reference(reference) if reference else None
    if found is not None and agent_id is not None:
        found = await room.cases.seen_by(agent_id, found.id)
    return Page(items=[case_summary(found)] if found else [])


@router.get("/cases/{case_id}", summary="A case with all that belongs to it")
async def get_case(caller: AsStaff, case_id: Id, room: Room) -> CaseView:
    """Its customer, contacts and escalations."""
    return await _view(room, await room.case_for(caller, case_id))


@router.patch("/cases/{case_id}", summary="Change a case", responses=answers(409))
async def patch_case(caller: AsStaff, case_id: Id, body: CasePatch, room: Room, key: CommandKey) -> CaseView:
    """Topic, legal kind, province, priority; what is left out stays."""
    await room.case_for(caller, case_id)
    command = EditCase(
        actor=caller.subject,
        actor_role=caller.role,
        case_id=case_id,
        topic=body.topic,
        case_kind=body.kind,
        province=body.province,
        priority=body.priority,
    )
    await do(room, command, key)
    return await _view(room, await room.case_for(caller, case_id))


@router.post("/cases/{case_id}/call", status_code=201, summary="Call the customer", responses=answers(409))
async def call_customer(
    caller: AsAgent, case_id: Id, room: Room, key: CommandKey, body: CallBody | None = None
) -> ContactOpenedView:
    """Opens an outbound contact that is mine; my phone rings first, then the customer's."""
    await room.case_for(caller, case_id)
    agent = room.me(caller)
    endpoint = (body.endpoint if body else None) or agent.phone_endpoint
    call_id = ids.derive("call", caller.source, key)
    contact_id = ids.derive("ct", endpoint, "call", call_id)  # as of any call, so that the switch's events meet it
    command = CallCustomer(
        actor=caller.subject,
        actor_role=caller.role,
        case_id=case_id,
        contact_id=contact_id,
        endpoint=endpoint,
        call_id=call_id,
    )
    await do(room, command, key)
    return ContactOpenedView(contact_id=contact_id, case_id=case_id)


@router.post(
    "/contacts/{contact_id}/callback", status_code=202, summary="Call the customer back", responses=answers(409)
)
async def call_back(
    caller: AsStaff, contact_id: Id, room: Room, key: CommandKey, body: CallbackBody | None = None
) -> CallbackView:
    """202: a waiting call is hung up and waits on with its rank, an agent's own in wrap-up goes back to the queue; a contact of
    another channel gets a callback on its case. Again: another time or number. 422 `no_number`: none is known; 409 `outside_hours`."""
    contact = await room.contact_for(caller, contact_id)
    number = typed_number(body.number) if body is not None and body.number else ""
    if not number and not await room.contacts.has_number(contact):
        raise Invalid("No number of the customer is known: name one.", code="no_number")
    not_before = body.not_before if body is not None else None
    command = PromiseCallback(
        actor=caller.subject,
        actor_role=caller.role,
        private=Private(address=number) if number else None,
        contact_id=contact.id,
        case_id=contact.case_id,
        not_before=to_ms(not_before) if not_before else 0,
    )
    made = await do(room, command, key)
    return CallbackView(contact_id=str(made["contact_id"]), case_id=contact.case_id, not_before=not_before)


async def _view(room: AgentsRoom, case: Case) -> CaseView:
    name, handles = await room.cases.customer(case.customer_id)
    contacts = [msgspec.json.decode(row, type=Contact) for row in await room.cases.contacts(case.id)]
    shown = masked(handles[:1])[0] if handles else None
    return CaseView.model_validate(
        summary_fields(case)
        | {
            "customer": CustomerView(customer_id=case.customer_id, name=name, handle=shown),
            "handles": masked(handles),
            "contacts": [case_contact(one) for one in contacts],
            "escalations": [case_escalation(one) for one in await room.cases.escalations(case.id)],
        }
    )


@router.get("/customers", summary="Find a customer", dependencies=[ONLY_STAFF])
async def find_customers(
    room: Room,
    q: Annotated[
        str,
        Query(
            min_length=2,
            max_length=100,
            description="The beginning of any word of the name, accents or not; or a whole handle.",
        ),
    ],
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Page[CustomerFound]:
    """`nguyen van` finds Nguyễn Văn An. Handles are shown masked."""
    after = decode(cursor, str)
    found = await room.cases.search(q, possible_values(q), after=str(after[0]) if after else "", limit=limit + 1)
    shown = found[:limit]
    items = [
        CustomerFound(
            customer_id=one.customer_id, name=one.name, handles=masked((await room.cases.customer(one.customer_id))[1])
        )
        for one in shown
    ]
    return Page(items=items, next=encode(shown[-1].customer_id) if len(found) > limit else None)
