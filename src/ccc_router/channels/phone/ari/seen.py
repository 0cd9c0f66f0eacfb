"""One ARI event, read by itself: what it says of one channel, in words of our own. Pure.

Field names and event names are those of Asterisk's REST API documentation (22); traps that only recordings show are told
where they are met.
"""

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from ccc_router.channels.phone.wording import Document, hashed, identifier, integer, moment, part, text
from ccc_router.routing.policy import Endpoint


class Word(StrEnum):
    """What is said of a channel."""

    CALLS = "calls"  # a customer's channel came in
    JOINS = "joins"  # an agent's channel was answered; offer and perhaps call are named
    REPLACES = "replaces"  # it takes the place of another channel (attended transfer)
    DIALLED_BY = "dialled_by"  # the dialplan called it for another channel
    SHOWN = "shown"  # it was shown the caller's number before it rang
    RINGING = "ringing"
    ANSWERED = "answered"
    REFUSED = "refused"
    WAITS = "waits"  # entered a holding bridge
    TALKS = "talks"  # entered a mixing bridge, with the others in it
    HELD = "held"
    RETRIEVED = "retrieved"
    TRANSFERS = "transfers"
    LEFT = "left"  # left our application; not necessarily hung up
    DESTROYED = "destroyed"


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """A word about ``leg`` (channel id) at ``at`` (the switch's clock, ms). ``key`` is unique per event and word.

    ``other`` is the channel or address the word is about, ``members`` are the channels in the bridge, ``address`` is the phone as the
    catalogue knows it (``PJSIP/agent1``), ``up`` says whether the channel had been answered.
    """

    key: str
    leg: str
    word: Word
    at: int
    address: str = ""
    number: str = ""
    called: str = ""
    name: str = ""
    other: str = ""
    offer_id: str = ""
    cause: str = ""
    up: bool = False
    members: tuple[str, ...] = ()


_NO_LEGS: Final = (
    "Snoop/", "Announcer/", "Recorder/", "CBAnn/", "CBRec/", "ConfBridgeRecorder/", "UnicastRTP/", "AudioSocket/",
    "WebSocket/", "Bridge/",
)  # fmt: skip
_INSTANCE: Final = re.compile(r"-[0-9a-fA-F]{6,}(?:;[12])?$")
_DIAL: Final = {"BUSY": "busy", "CONGESTION": "failed", "CHANUNAVAIL": "failed", "CANCEL": "cancelled"}
# Q.850 causes of a channel that was never answered. 0 and 127 are said of ordinary ends too, but not before an answer.
_CAUSES: Final = {
    16: "cancelled",
    17: "busy",
    18: "no_answer",
    19: "no_answer",
    20: "no_answer",
    21: "declined",
    26: "cancelled",
}


def key_of(event: Document) -> str:
    """The dedup key: ARI numbers no events, so the whole event in canonical form; a replay keeps its time."""
    return hashed(json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=True))


def address_of(channel: Document) -> str:
    """The phone behind a channel: its name without the instance, ``PJSIP/agent1-0000002a`` -> ``PJSIP/agent1``."""
    return _INSTANCE.sub("", text(channel, "name"))[:100]


def read(event: Document, endpoint: Endpoint, received_at: int) -> Iterator[Seen]:
    """What the event says; nothing for events that say nothing of a call. Words of one event have keys of their own."""
    kind = text(event, "type")
    at = moment(text(event, "timestamp")) or received_at
    key = key_of(event)
    reader = _READERS.get(kind)
    if reader is not None:
        for seen in reader(event, endpoint):
            if seen.leg:
                yield msgspec.structs.replace(seen, key=f"{key}:{seen.word}", at=at)


def is_leg(channel: Document) -> bool:
    """Whether the channel is somebody's phone: not a snoop, an announcer, a recorder or a media socket."""
    return bool(identifier(channel, "id")) and not text(channel, "name").startswith(_NO_LEGS)


def _said(channel: Document, word: Word, **more: object) -> Seen:
    base = Seen(key="", leg=identifier(channel, "id") if is_leg(channel) else "", word=word, at=0)
    return msgspec.structs.replace(base, address=address_of(channel), up=text(channel, "state") == "Up", **more)


def _texts(given: Document, name: str) -> list[str]:
    """The ids or arguments in an array, "" for what is no text, so that each keeps its place."""
    values = given.get(name)
    return [identifier({"one": one}, "one") for one in values] if isinstance(values, list) else []


def _calls(channel: Document, args: list[str]) -> Seen:
    caller = part(channel, "caller")
    called = args[1] if len(args) > 1 and args[0] == "inbound" else ""
    number = text(caller, "number") or (args[2] if len(args) > 2 and args[0] == "inbound" else "")
    return _said(
        channel, Word.CALLS, number=number, called=called or text(part(channel, "dialplan"), "exten"), name=text(caller, "name")
    )  # fmt: skip


def _stasis_start(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    """Args say who it is: ``agent,<offer>[,<customer's channel>]``; no args but a replaced channel is a transfer, no new call."""
    channel = part(event, "channel")
    args = _texts(event, "args")
    replaced = identifier(part(event, "replace_channel"), "id")
    if replaced:
        yield _said(channel, Word.REPLACES, other=replaced)
    elif args[:1] == ["agent"]:
        offer, call = (*args[1:3], "", "")[:2]
        yield _said(channel, Word.JOINS, offer_id=offer, other=call)
    elif args[:1] != ["snoop"]:
        yield _calls(channel, args)


def _created(event: Document, endpoint: Endpoint) -> Iterator[Seen]:
    """A channel that rings in on a trunk is a customer's even if no application ever gets it."""
    channel = part(event, "channel")
    trunks = [one.strip() for one in endpoint.options.get("trunks", "").split(",") if one.strip()]
    if text(channel, "state") == "Ring" and address_of(channel) in trunks:
        yield _calls(channel, [])


def _shown(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    """While it is being originated for a customer, a channel is shown his number; before it rings, that is the only link there is."""
    channel = part(event, "channel")
    shown, own = text(part(channel, "connected"), "number"), text(part(channel, "caller"), "number")
    originated = text(part(channel, "dialplan"), "app_name") == "AppDial2" and text(channel, "state") == "Down"
    if originated and shown and shown != own and not text(channel, "name").endswith(";2"):
        yield _said(channel, Word.SHOWN, number=shown)


def _state_change(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    channel = part(event, "channel")
    if text(channel, "state") == "Ringing":
        yield _said(channel, Word.RINGING)


def _dial(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    """Only a Dial of the dialplan names its caller. NOANSWER is no verdict: it is said of the declined and the cancelled too."""
    peer, caller = part(event, "peer"), part(event, "caller")
    status = text(event, "dialstatus")
    if caller:
        yield _said(peer, Word.DIALLED_BY, other=identifier(caller, "id"))
    if status == "RINGING":
        yield _said(peer, Word.RINGING)
    elif status == "ANSWER" and caller:
        yield _said(peer, Word.ANSWERED)
    elif status in _DIAL:
        yield _said(peer, Word.REFUSED, cause=_DIAL[status])


def _entered(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    channel, bridge = part(event, "channel"), part(event, "bridge")
    if text(bridge, "bridge_type") == "holding":
        yield _said(channel, Word.WAITS)
    else:
        yield _said(channel, Word.TALKS, members=tuple(_texts(bridge, "channels")[:50]))


def _hold(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    yield _said(part(event, "channel"), Word.HELD)


def _unhold(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    yield _said(part(event, "channel"), Word.RETRIEVED)


def _stasis_end(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    yield _said(part(event, "channel"), Word.LEFT)


def _destroyed(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    code = integer(event, "cause")
    channel = part(event, "channel")
    up = text(channel, "state") == "Up"
    yield _said(channel, Word.DESTROYED, cause=str(code) if up else _CAUSES.get(code, "failed"))


def _transfer(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    """A REFER handed to the application: done when the application says that the target answered."""
    if text(event, "state") == "channel_answered":
        target = part(part(event, "refer_to"), "requested_destination")
        source = part(part(event, "referred_by"), "source_channel")
        yield _said(source, Word.TRANSFERS, other=text(target, "destination")[:100])


def _blind(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    if text(event, "result") == "Success":
        yield _said(part(event, "channel"), Word.TRANSFERS, other=text(event, "exten")[:100])


def _attended(event: Document, _endpoint: Endpoint) -> Iterator[Seen]:
    if text(event, "result") == "Success":
        target = part(event, "transfer_target")
        yield _said(part(event, "transferer_first_leg"), Word.TRANSFERS, other=address_of(target))


_READERS: Final = {
    "StasisStart": _stasis_start,
    "StasisEnd": _stasis_end,
    "ChannelCreated": _created,
    "ChannelDestroyed": _destroyed,
    "ChannelStateChange": _state_change,
    "ChannelConnectedLine": _shown,
    "ChannelCallerId": _shown,
    "Dial": _dial,
    "ChannelEnteredBridge": _entered,
    "ChannelHold": _hold,
    "ChannelUnhold": _unhold,
    "ChannelTransfer": _transfer,
    "BridgeBlindTransfer": _blind,
    "BridgeAttendedTransfer": _attended,
}
