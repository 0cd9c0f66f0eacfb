"""Facts and commands for tests, with only what matters said."""

from ccc_router.events.commands import AcceptOffer
from ccc_router.events.envelope import AnyInput
from ccc_router.events.facts import Handle, MessageReceived, Private
from ccc_router.events.inbox import RawDelivery, Submission
from ccc_router.events.vocabulary import Channel, Role
from ccc_router.kernel.ids import derive


def a_message(
    key: str,
    *,
    endpoint: str = "portal",
    channel: Channel = Channel.PORTAL,
    text: str = "Tôi muốn hỏi về thẻ BHYT",
    handle: Handle | None = None,
    refs: tuple[str, ...] = (),
    own_refs: tuple[str, ...] = (),
    fresh_case: bool = False,
) -> MessageReceived:
    """A customer's message as an adapter would make it."""
    return MessageReceived(
        channel=channel,
        endpoint=endpoint,
        message_id=derive("ms", endpoint, key),
        contact_id=derive("ct", endpoint, key),
        case_id=derive("cs", endpoint, key),
        fresh_case=fresh_case,
        private=Private(
            handles=() if handle is None else (handle,),
            name="Khách thử",
            text=text,
            refs=refs,
            own_refs=own_refs,
            address=key,
        ),
    )


def submitted(key: str, body: AnyInput | None = None, *, source: str = "portal") -> Submission:
    """One input to append; without a body a message."""
    return Submission(source, key, a_message(key, endpoint=source) if body is None else body)


def accept(offer_id: str, agent_id: str) -> AcceptOffer:
    """The agent takes the offer."""
    return AcceptOffer(actor=agent_id, actor_role=Role.AGENT, offer_id=offer_id)


def a_raw(raw_id: str, body: bytes = b"{}", **changes: object) -> RawDelivery:
    """A raw delivery; ``state`` and other fields can be given."""
    fields: dict[str, object] = {
        "raw_id": raw_id,
        "endpoint": "portal",
        "channel": Channel.PORTAL,
        "received_at": 1_795_395_600_000,
        "method": "POST",
        "path": "/",
        "query": "",
        "headers": {},
        "body": body,
        "state": "parsed",
    }
    return RawDelivery(**(fields | changes))  # type: ignore[arg-type]
