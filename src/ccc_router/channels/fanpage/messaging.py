"""Messenger events into facts.

Source: Messenger Platform, webhook events reference: messages, message_echoes, message_edits, messaging_postbacks, message_deliveries,
message_reads. Reactions, referrals, opt-ins, hand-overs and whatever Meta adds are kept raw and ignored.
"""

import json

from ccc_router.channels.fanpage import names
from ccc_router.channels.fanpage.reading import Node, ident, moment, node, nodes, text
from ccc_router.channels.found import Found, digest, message_id
from ccc_router.events.facts import (
    AnsweredOutside,
    DeliveryReported,
    MessageChanged,
    MessageReceived,
    Private,
    ReceiptReceived,
)
from ccc_router.events.vocabulary import Channel, DeliveryState
from ccc_router.routing.policy import Endpoint


def read(event: Node, page_id: str, endpoint: Endpoint, found: Found) -> None:
    """Add what one event of ``messaging`` tells."""
    sender, recipient = ident(node(event, "sender").get("id")), ident(node(event, "recipient").get("id"))
    at = moment(event.get("timestamp"))
    message = node(event, "message")
    if message and message.get("is_echo") is True:
        _echo(message, recipient, at, endpoint, found)
    elif not sender or sender == page_id:
        found.ignore()
    elif message and message.get("is_deleted") is True:
        _changed(message, "deleted", "", at, endpoint, found)
    elif message:
        _message(message, sender, at, endpoint, found)
    elif edit := node(event, "message_edit"):
        _changed(edit, "edited", text(edit.get("text")), at, endpoint, found)
    elif postback := node(event, "postback"):
        _postback(postback, sender, at, endpoint, found)
    elif receipt := node(event, "delivery"):
        _receipt("delivered", receipt, sender, endpoint, found)
    elif receipt := node(event, "read"):
        _receipt("read", receipt, sender, endpoint, found)
    else:
        found.ignore()


def _message(message: Node, person: str, at: int, endpoint: Endpoint, found: Found) -> None:
    words = text(message.get("text"))
    payload = text(node(message, "quick_reply").get("payload"), 1000)
    extra = {
        "attachments": attachments(message),
        "quick_reply": payload,
        "referral": text(node(message, "referral").get("ref"), 1000),
    }
    mid = ident(message.get("mid"))
    key = f"mid:{mid}" if mid else f"message:{person}:{digest(at, words, extra['attachments'])}"
    _received(key, words, extra, person, at, endpoint, found, payload=payload)


def _postback(postback: Node, person: str, at: int, endpoint: Endpoint, found: Found) -> None:
    payload = text(postback.get("payload"), 1000)
    extra = {"postback": payload, "referral": text(node(postback, "referral").get("ref"), 1000)}
    mid = ident(postback.get("mid"))
    key = f"mid:{mid}" if mid else f"postback:{person}:{digest(at, payload)}"
    _received(key, text(postback.get("title")), extra, person, at, endpoint, found, payload=payload, postback=True)


def _received(
    key: str,
    words: str,
    extra: dict[str, str],
    person: str,
    at: int,
    endpoint: Endpoint,
    found: Found,
    *,
    payload: str,
    postback: bool = False,
) -> None:
    message, contact, case = found.ids(key)
    conversation = names.conversation_ref(endpoint.id, person)
    private = Private(
        handles=(names.person_handle(endpoint.id, person),),
        text=words,
        refs=(conversation,),
        own_refs=(conversation,),
        address=names.person_address(person),
        extra={name: value for name, value in extra.items() if value},
    )
    fact = MessageReceived(
        at=at,
        private=private,
        channel=Channel.FANPAGE,
        endpoint=endpoint.id,
        message_id=message,
        contact_id=contact,
        case_id=case,
        form="postback" if postback else "message",
        topic=endpoint.topics.get(payload, ""),
    )
    found.add(key, fact)


def _echo(message: Node, person: str, at: int, endpoint: Endpoint, found: Found) -> None:
    """A message the page sent: ours if it bears our mark, even when Meta's answer to our sending is not here yet."""
    mid = ident(message.get("mid"))
    if not mid or not person:
        found.ignore()
        return
    key = f"mid:{mid}"
    conversation = names.conversation_ref(endpoint.id, person)
    mark = names.read_mark(text(message.get("metadata"), 1000))
    if mark is None:
        extra = {"attachments": attachments(message)}
        private = Private(
            text=text(message.get("text")),
            refs=(conversation,),
            extra={name: value for name, value in extra.items() if value},
        )
        outside = AnsweredOutside(
            at=at,
            private=private,
            channel=Channel.FANPAGE,
            endpoint=endpoint.id,
            message_id=message_id(endpoint.id, key),
        )
        found.add(key, outside)
        return
    if not mark.last:
        found.ignore()
        return
    opened = None
    if mark.private_reply and mark.case_id:
        opened = Private(refs=(f"case:{mark.case_id}",), own_refs=(conversation,))
    sent = DeliveryReported(
        at=at,
        private=opened,
        delivery_id=mark.delivery_id,
        state=DeliveryState.SENT,
        attempt=0,
        external_id=mid,
        contact_id=mark.contact_id,
        message_id=mark.message_id,
    )
    found.add(key, sent)


def _changed(message: Node, change: str, words: str, at: int, endpoint: Endpoint, found: Found) -> None:
    mid = ident(message.get("mid"))
    if not mid:
        found.ignore()
        return
    deleted = change == "deleted"
    fact = MessageChanged(
        at=at,
        private=None if deleted else Private(text=words),
        channel=Channel.FANPAGE,
        endpoint=endpoint.id,
        message_id=message_id(endpoint.id, f"mid:{mid}"),
        change="deleted" if deleted else "edited",
    )
    which = "" if deleted else ident(message.get("num_edit")) or digest(words)
    found.add(f"{change}:{mid}:{which}" if which else f"{change}:{mid}", fact)


def _receipt(receipt: str, event: Node, person: str, endpoint: Endpoint, found: Found) -> None:
    """All our messages up to the watermark came that far. The list of message ids may be missing, the watermark is always there."""
    watermark = moment(event.get("watermark"))
    if not watermark:
        found.ignore()
        return
    fact = ReceiptReceived(
        at=watermark,
        private=Private(refs=(names.conversation_ref(endpoint.id, person),)),
        channel=Channel.FANPAGE,
        endpoint=endpoint.id,
        receipt="read" if receipt == "read" else "delivered",
        watermark=watermark,
    )
    found.add(f"{receipt}:{person}:{watermark}", fact)


def attachments(message: Node) -> str:
    """Files of a message as JSON, a list of ``{type, url, title}``; "" when there are none. The addresses expire."""
    files = [
        {
            "type": text(item.get("type"), 40),
            "url": text(node(item, "payload").get("url"), 4000),
            "title": text(item.get("title") or node(item, "payload").get("title"), 500),
        }
        for item in nodes(message.get("attachments"))
    ]
    return json.dumps(files, ensure_ascii=False, separators=(",", ":")) if files else ""
