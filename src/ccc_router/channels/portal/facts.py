"""A visitor's forms into facts. Pure: the same form under the same key gives the same fact."""

import msgspec

from ccc_router.channels.found import case_id, contact_id, message_id
from ccc_router.channels.portal import names
from ccc_router.channels.portal.forms import ContactForm, MessageForm
from ccc_router.events.facts import Attachment, MessageReceived, Private
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.ids import reference
from ccc_router.routing.policy import Endpoint


class Ids(msgspec.Struct, frozen=True):
    """What a form will be called, known before anybody decides."""

    message_id: str
    contact_id: str
    case_id: str
    reference: str


def ids_of(endpoint: Endpoint, key: str) -> Ids:
    """The ids that derive from a dedup key, and the reference of the case."""
    case = case_id(endpoint.id, key)
    return Ids(message_id(endpoint.id, key), contact_id(endpoint.id, key), case, reference(case))


def opened(endpoint: Endpoint, ids: Ids, form: ContactForm, files: tuple[Attachment, ...], at: int) -> MessageReceived:
    """A contact form: always a case of its own, for it proves no one."""
    claims = {"phone": form.phone, "email": form.email, "consent": form.consent}
    private = Private(
        handles=(names.visitor_handle(endpoint.id, ids.reference),),
        name=form.name,
        subject=form.subject,
        text=form.text,
        own_refs=(names.ticket_ref(endpoint.id, ids.reference),),
        address=names.ticket_address(ids.reference),
        attachments=files,
        extra={name: said for name, said in claims.items() if said},
    )
    return MessageReceived(
        at=at,
        private=private,
        channel=Channel.PORTAL,
        endpoint=endpoint.id,
        message_id=ids.message_id,
        contact_id=ids.contact_id,
        case_id=ids.case_id,
        language=form.language or "",
        topic=form.topic or "",
        province=form.province or "",
        case_kind=form.kind.value if form.kind is not None else "",
        fresh_case=True,
    )


def followed(
    endpoint: Endpoint, ids: Ids, ticket: str, form: MessageForm, files: tuple[Attachment, ...], at: int
) -> MessageReceived:
    """A later message below the reference ``ticket``: it joins the case, or reopens it."""
    ref = names.ticket_ref(endpoint.id, ticket)
    private = Private(
        handles=(names.visitor_handle(endpoint.id, ticket),),
        text=form.text,
        refs=(ref,),
        own_refs=(ref,),
        address=names.ticket_address(ticket),
        attachments=files,
    )
    return MessageReceived(
        at=at,
        private=private,
        channel=Channel.PORTAL,
        endpoint=endpoint.id,
        message_id=ids.message_id,
        contact_id=ids.contact_id,
        case_id=ids.case_id,
    )
