"""Asterisk's ARI events, posted one or several at a time, or taken from the socket that Asterisk dials (`ari_socket`).

A customer's StasisStart is a fact by itself. Everything else is a sighting: the board joins them (`ari.board`), for a leg that only
rings names neither call nor offer. Intake only; set-up and limits: docs/phone.md.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from ccc_router.channels.channel import Keyed, Parsed, Refusal, Request, Sighting, Unreadable
from ccc_router.channels.phone import access
from ccc_router.channels.phone.ari.board import Place, fact_of
from ccc_router.channels.phone.ari.seen import Seen, Word, key_of, read
from ccc_router.channels.phone.wording import Document, document, moment, objects, part, text
from ccc_router.events.facts import PhoneRegistered
from ccc_router.events.vocabulary import CallEventName, Channel, LegRole
from ccc_router.routing.policy import Endpoint

_ONLINE: Final = {"online": True, "offline": False}


class AsteriskAri:
    """The ``asterisk-ari`` dialect."""

    channel = Channel.PHONE
    kept_headers: frozenset[str] = frozenset()

    def verify(
        self, request: Request, _endpoint: Endpoint, secrets: Sequence[str], _now: datetime, /
    ) -> Refusal | None:
        """HTTP Basic, as Asterisk's websocket client sends it."""
        return access.basic(request, secrets)

    def parse(self, request: Request, endpoint: Endpoint, agents: Mapping[str, str], /) -> Parsed | Unreadable:
        """Facts and sightings; events that say nothing of a call or a phone are ignored."""
        try:
            events = objects(document(request.body))
        except ValueError:
            return Unreadable("not JSON objects")
        facts: list[Keyed] = []
        sightings: list[Sighting] = []
        ignored = 0
        for event in events:
            if not text(event, "type"):
                return Unreadable("type missing")
            if text(event, "type") in _NAMES_A_CHANNEL and not part(event, "channel").get("id"):
                return Unreadable("channel missing")
            told = list(read(event, endpoint, request.received_at))
            facts += [_arrival(endpoint, seen) for seen in told if seen.word is Word.CALLS]
            sightings += [Sighting(seen.key, msgspec.json.encode(seen), told=seen.word is Word.CALLS) for seen in told]
            phones = _registered(event, endpoint, agents, request.received_at)
            facts += phones
            ignored += not told and not phones
        return Parsed(tuple({one.key: one for one in facts}.values()), ignored, sightings=tuple(sightings))


_NAMES_A_CHANNEL: Final = frozenset({"StasisStart", "StasisEnd", "ChannelDestroyed", "ChannelEnteredBridge"})


def _arrival(endpoint: Endpoint, seen: Seen) -> Keyed:
    """The same key and fact that the board has for it: whoever comes first, it is told once."""
    fact = fact_of(endpoint, seen, Place(seen.leg, LegRole.CUSTOMER), CallEventName.OFFERED)
    return Keyed(f"ari:{seen.key}:{CallEventName.OFFERED}", fact)


def _registered(event: Document, endpoint: Endpoint, agents: Mapping[str, str], received_at: int) -> list[Keyed]:
    """Whether an agent's phone is there, as far as the switch knows."""
    if text(event, "type") not in ("PeerStatusChange", "EndpointStateChange"):
        return []
    known = part(event, "endpoint")
    phone = f"{text(known, 'technology')}/{text(known, 'resource')}"
    registered = _ONLINE.get(text(known, "state").lower())
    if registered is None or phone not in agents:
        return []
    at = moment(text(event, "timestamp")) or received_at
    return [
        Keyed(
            f"ari:{key_of(event)}:phone",
            PhoneRegistered(endpoint=endpoint.id, phone=phone, registered=registered, at=at),
        )
    ]
