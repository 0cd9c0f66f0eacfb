"""Replies to a page's visitors by the Send API, and below their comments.

Source: Messenger Platform, "Send API", "Private replies"; Graph API, "Comment". Every message bears our mark in its metadata: Meta's echo
of it is how we learn that it arrived when the answer to our call was lost. So a call that timed out is ``Unknown`` and is never
repeated by itself.
"""

from collections.abc import Sequence
from typing import Final

import httpx
import msgspec

from ccc_router.channels.channel import Directory, Secrets
from ccc_router.channels.fanpage import names, window
from ccc_router.channels.fanpage.graph import Graph, Upload
from ccc_router.channels.fanpage.parts import Parts, PartState
from ccc_router.channels.fanpage.reading import Node
from ccc_router.channels.outgoing import Outbox, Outgoing
from ccc_router.events.facts import Attachment
from ccc_router.events.vocabulary import DeliveryKind, Visibility
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.log import get_logger
from ccc_router.queues.deliveries.port import Attempted, Delivery, Failed, Parked, Sent, Unknown
from ccc_router.routing.policy import Endpoint

_log = get_logger("channels.fanpage")
LONGEST_MESSAGE: Final = 2000  # characters
LONGEST_COMMENT: Final = 8000
LARGEST_FILE: Final = 25 << 20  # bytes


class _Part(msgspec.Struct, frozen=True):
    path: str
    fields: Node
    attachment: Attachment | None = None


class FanpageSender:
    """Sends one reply. Secrets: ``<endpoint>.token`` (the page's access token), ``<endpoint>`` (the app's secret)."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        outbox: Outbox,
        parts: Parts,
        secrets: Secrets,
        directory: Directory,
        clock: Clock,
    ) -> None:
        self._client = client
        self._outbox = outbox
        self._parts = parts
        self._secrets = secrets
        self._directory = directory
        self._clock = clock

    async def send(self, delivery: Delivery) -> Attempted:
        """See `Sender.send`."""
        outgoing = await self._outbox.of(delivery)
        if outgoing is None:
            return Failed("message_gone")
        if outgoing.arrived:  # its echo came meanwhile
            return Sent()
        endpoint = self._directory.endpoint(outgoing.endpoint)
        if endpoint is None:
            return Parked("endpoint_gone")
        tokens = self._secrets.of(f"{endpoint.id}.token")
        if not tokens:
            return Parked("no_token")
        planned = plan(delivery, outgoing, endpoint, self._clock.now_ms())
        if isinstance(planned, Failed):
            return planned
        options = endpoint.options
        app_secret = next(iter(self._secrets.of(endpoint.id)), "")
        graph = Graph(self._client, options.get("base_url", ""), options.get("version", ""), tokens[0], app_secret)
        result = await self._send_all(graph, delivery, planned)
        if isinstance(result, Parked):
            _log.error("fanpage_stopped", endpoint=endpoint.id, reason=result.reason)
        return result

    async def _send_all(self, graph: Graph, delivery: Delivery, planned: Sequence[_Part]) -> Attempted:
        """The parts in order, each at most once. A part that was begun and has no end waits for its echo, or for a person."""
        begun = await self._parts.read(delivery.pool, delivery.id)
        result: Attempted = Sent()
        for number, part in enumerate(planned):
            if begun.get(number) == "sent":
                continue
            if begun.get(number) == "sending":  # the process died in between
                await self._parts.set(delivery.pool, delivery.id, number, "unknown")
                return Unknown("interrupted")
            upload = await self._upload(part.attachment)
            if isinstance(upload, Failed):
                return upload
            await self._parts.set(delivery.pool, delivery.id, number, "sending")
            result = await graph.post(part.path, part.fields, upload)
            if isinstance(result, Sent | Unknown):
                state: PartState = "sent" if isinstance(result, Sent) else "unknown"
                await self._parts.set(delivery.pool, delivery.id, number, state)
            else:
                await self._parts.forget(delivery.pool, delivery.id, number)
            if not isinstance(result, Sent):
                return result
        return result

    async def _upload(self, attachment: Attachment | None) -> Upload | Failed | None:
        if attachment is None:
            return None
        content = await self._outbox.content(attachment)
        if content is None:
            return Failed("attachment_gone")
        return Upload(attachment.name, attachment.media_type, content)


def plan(delivery: Delivery, outgoing: Outgoing, endpoint: Endpoint, now_ms: int) -> list[_Part] | Failed:
    """The calls a reply takes, or why it can never arrive."""
    address = names.read_address(outgoing.address)
    if address is None:
        return Failed("no_address")
    if any(one.size > LARGEST_FILE for one in outgoing.attachments):
        return Failed("attachment_too_large")
    if delivery.kind is DeliveryKind.ACKNOWLEDGEMENT and address.comment:
        return Failed("below_a_comment")  # the one private reply is an agent's, and a public one would be everybody's
    public = bool(address.comment) and outgoing.visibility is Visibility.PUBLIC
    if len(outgoing.text) > (LONGEST_COMMENT if public else LONGEST_MESSAGE):
        return Failed("text_too_long")
    if not outgoing.text and not outgoing.attachments:
        return Failed("nothing_to_say")
    if public:
        if outgoing.attachments:
            return Failed("attachment_in_public")
        return [_Part(f"{address.comment}/comments", {"message": outgoing.text})]
    age = now_ms - outgoing.last_inbound_at
    if address.comment:
        return _private_reply(delivery, outgoing, endpoint, address.comment, age)
    human = delivery.kind is DeliveryKind.REPLY
    why = window.messaging_type(age, human=human, tag_allowed=endpoint.options.get("human_agent", "yes") == "yes")
    if why is None:
        return Failed("window_closed")
    return _messages(delivery, outgoing, endpoint, {"recipient": {"id": address.person}, **why})


def _private_reply(
    delivery: Delivery, outgoing: Outgoing, endpoint: Endpoint, comment: str, age: int
) -> list[_Part] | Failed:
    if age > window.HUMAN_AGENT_MS:
        return Failed("window_closed")
    if outgoing.attachments:  # one private reply per comment: there is no second message for the file
        return Failed("attachment_in_private_reply")
    fields: Node = {"recipient": {"comment_id": comment}, "messaging_type": "RESPONSE"}
    return _messages(delivery, outgoing, endpoint, fields, private_reply=True)


def _messages(
    delivery: Delivery, outgoing: Outgoing, endpoint: Endpoint, fields: Node, *, private_reply: bool = False
) -> list[_Part]:
    path = f"{endpoint.options.get('page_id') or 'me'}/messages"
    contents: list[tuple[Node, Attachment | None]] = [({"text": outgoing.text}, None)] if outgoing.text else []
    contents += [({"attachment": {"type": _kind(one), "payload": {}}}, one) for one in outgoing.attachments]
    last = len(contents) - 1
    parts = []
    for number, (content, attachment) in enumerate(contents):
        mark = names.Mark(
            delivery.id,
            delivery.message_id,
            delivery.contact_id,
            delivery.case_id,
            private_reply=private_reply,
            last=number == last,
        )
        message = {**content, "metadata": names.write_mark(mark)}
        parts.append(_Part(path, {**fields, "message": message}, attachment))
    return parts


def _kind(attachment: Attachment) -> str:
    kind = attachment.media_type.partition("/")[0]
    return kind if kind in {"image", "audio", "video"} else "file"
