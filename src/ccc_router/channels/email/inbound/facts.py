"""A mail in the words of the event stream: a customer wrote, or something became of what we wrote."""

import hashlib
from typing import Final, NamedTuple

from ccc_router.channels.channel import Blob, Keyed, Parsed, Request
from ccc_router.channels.email.inbound import automatic, bounces
from ccc_router.channels.email.inbound.identity import dedup_key
from ccc_router.channels.email.inbound.refs import Threading, refs_of
from ccc_router.channels.email.inbound.trust import dmarc
from ccc_router.channels.email.mailbox import Mailbox, mailbox_of, tag_of
from ccc_router.channels.email.mime.headers import Address, valid_address
from ccc_router.channels.email.mime.mail import Mail, read
from ccc_router.events.facts import Attachment, Handle, MessageReceived, Private, ReceiptReceived
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.ids import derive
from ccc_router.routing.policy import Endpoint

ENVELOPE_FROM: Final = "x-ccc-envelope-from"
"""Header of a delivery: the envelope's sender, ``<>`` for the null sender; missing when the way in does not tell."""
ENVELOPE_TO: Final = "x-ccc-envelope-to"
"""Header of a delivery: the envelope's recipients, separated by commas."""
HOP: Final = "x-ccc-hop"
"""Header of a delivery: ``untrusted`` when it did not come from our own mail server."""

_MOST_KEPT_IDS: Final = 20


class Envelope(NamedTuple):
    """What the delivery says besides the mail. ``sender`` is None when unknown, "" for the null sender."""

    sender: str | None
    recipients: tuple[str, ...]
    trusted_hop: bool


def envelope_of(request: Request) -> Envelope:
    """Read the envelope from the headers that a listener or the mail server adds."""
    told = request.headers.get(ENVELOPE_FROM)
    recipients = tuple(filter(valid_address, request.headers.get(ENVELOPE_TO, "").replace(",", " ").split()))
    sender = None if told is None else told.strip().strip("<>")
    return Envelope(sender, recipients, request.headers.get(HOP, "") != "untrusted")


def facts_of(request: Request, endpoint: Endpoint, threading: Threading) -> Parsed:
    """The facts of one mail. Pure."""
    mailbox = mailbox_of(endpoint)
    envelope = envelope_of(request)
    mail = read(request.body)
    key = dedup_key(request.body, mailbox)
    report = bounces.report_of(mail, envelope.sender, envelope.recipients, threading)
    if isinstance(report, bounces.NotOurs):
        return Parsed(ignored=1)
    if report is not None:
        fact = ReceiptReceived(
            at=mail.date,
            channel=Channel.EMAIL,
            endpoint=endpoint.id,
            receipt=report.receipt,
            message_ids=(report.message_id,),
            permanent=report.permanent,
            private=Private(refs=(f"case:{report.case_id}",)) if report.case_id else None,
        )
        return Parsed((Keyed(key, fact),))
    if mailbox.owns(mail.sender.address) and not _written_for_another(mail, mailbox):
        return Parsed(ignored=1)  # our own mail, in a copy or in a circle
    return _message(mail, envelope, endpoint, mailbox, threading, key)


def _written_for_another(mail: Mail, mailbox: Mailbox) -> bool:
    """A web form writes in its own name, or ours, and puts the person who filled it into Reply-To."""
    wished = mail.reply_to.address.lower()
    return bool(wished) and wished != mail.sender.address.lower() and not mailbox.owns(wished)


def _message(
    mail: Mail, envelope: Envelope, endpoint: Endpoint, mailbox: Mailbox, threading: Threading, key: str
) -> Parsed:
    verdict = dmarc(mail, mailbox, trusted_hop=envelope.trusted_hop)
    form = _written_for_another(mail, mailbox)
    signs = automatic.signs(mail, envelope.sender, mailbox, threading, form=form)
    refs = refs_of(mail, envelope.recipients, mailbox, threading)
    writer = _writer(mail, envelope, form=form and bool({"robot", "own_address"} & {*signs.quiet}))
    attachments, blobs = _files(mail, endpoint, key)
    fact = MessageReceived(
        at=mail.date,
        channel=Channel.EMAIL,
        endpoint=endpoint.id,
        message_id=derive("ms", endpoint.id, key),
        contact_id=derive("ct", endpoint.id, key),
        case_id=derive("cs", endpoint.id, key),
        topic=_topic(mail, envelope, endpoint),
        automatic=bool(signs.machine),
        acknowledge=mailbox.acknowledge and not any((*signs, refs.strong, verdict == "fail")) and bool(writer.address),
        private=Private(
            handles=_handles(writer, mail, verified=verdict == "pass"),
            name=writer.name or mail.sender.name,
            subject=mail.subject,
            text=mail.text,
            full_text=mail.full_text,
            html=mail.html,
            refs=refs.strong,
            weak_refs=() if verdict == "fail" else refs.weak,  # whoever writes in another's name takes part in nothing
            own_refs=refs.own,
            address=_answer_to(mail, writer, mailbox),
            attachments=attachments,
            extra=_extra(mail, signs, verdict, writer),
        ),
    )
    return Parsed((Keyed(key, fact),), blobs=blobs)


def _writer(mail: Mail, envelope: Envelope, *, form: bool) -> Address:
    """Whose mail it is: From; for a web form Reply-To; for a mail without a readable From the envelope's sender."""
    if form:
        return mail.reply_to
    if mail.sender.address:
        return mail.sender
    sender = envelope.sender or ""
    return Address(mail.sender.name, sender if valid_address(sender) else "")


def _handles(writer: Address, mail: Mail, *, verified: bool) -> tuple[Handle, ...]:
    if not writer.address:
        return ()
    proven = verified and writer.address == mail.sender.address
    return (Handle("email", writer.address.lower(), proven),)


def _answer_to(mail: Mail, writer: Address, mailbox: Mailbox) -> str:
    """Where an answer goes: Reply-To when there is one, but never to ourselves."""
    wished = mail.reply_to.address
    return wished if wished and not mailbox.owns(wished) else writer.address


def _topic(mail: Mail, envelope: Envelope, endpoint: Endpoint) -> str:
    """A published plus-part may name a topic: cskh+bhyt@…"""
    tags = (tag_of(one) for one in (*envelope.recipients, *(one.address for one in mail.recipients)))
    return next((endpoint.topics[tag] for tag in tags if tag in endpoint.topics), "")


def _files(mail: Mail, endpoint: Endpoint, key: str) -> tuple[tuple[Attachment, ...], tuple[Blob, ...]]:
    attachments: list[Attachment] = []
    blobs: dict[str, Blob] = {}
    for number, file in enumerate(mail.files):
        digest = hashlib.sha256(file.content).hexdigest()
        blobs[digest] = Blob(digest, file.media_type, file.content)
        attachments.append(
            Attachment(
                attachment_id=derive("at", endpoint.id, key, number),
                name=file.name,
                media_type=file.media_type,
                size=len(file.content),
                sha256=digest,
                inline=file.inline,
            )
        )
    return tuple(attachments), tuple(blobs.values())


def _extra(mail: Mail, signs: automatic.Signs, verdict: str, writer: Address) -> dict[str, str]:
    """What an answer and the person reading need besides: never shown to the customer."""
    warnings = []
    if mail.reply_to.address and mail.reply_to.address.lower() != writer.address.lower():
        warnings.append("reply_to_differs")
    if "@" in writer.name and writer.address.lower() not in writer.name.lower():
        warnings.append("name_shows_another_address")
    if verdict == "fail":
        warnings.append("sender_not_proven")
    extra = {
        "message_id": mail.message_id,
        "references": " ".join((*mail.references, *mail.in_reply_to)[-_MOST_KEPT_IDS:]),
        "automatic": " ".join(signs.machine),
        "quiet": " ".join(signs.quiet),
        "warnings": " ".join(warnings),
        "faults": " ".join(mail.faults),
        "files_left": "; ".join(f"{one.name} ({one.reason})" for one in mail.left),
        "inline": " ".join(f"{n}:{one.content_id}" for n, one in enumerate(mail.files) if one.inline),
    }
    return {name: value for name, value in extra.items() if value}
