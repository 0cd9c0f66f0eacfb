"""The adapter of fanpages: Meta's signature on the raw bytes, and batches split into single events.

Source: Messenger Platform, "Webhooks"; Graph API, "Webhooks: getting started". Meta escapes every letter beyond ASCII in the body it
signs, so the signature holds for the bytes as they came and for no other spelling of the same document.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from ccc_router.channels.channel import Parsed, Refusal, Request, Unreadable
from ccc_router.channels.fanpage import feed, messaging
from ccc_router.channels.fanpage.reading import Node, ident, node, nodes
from ccc_router.channels.found import Found
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.signing import hex_digest, same
from ccc_router.routing.policy import Endpoint

_HEADER: Final = "x-hub-signature-256"
_PREFIX: Final = "sha256="


class FanpageAdapter:
    """Speaks for every page. Endpoint options: ``page_id`` (events of other pages are ignored), ``base_url``, ``version``."""

    channel: Final = Channel.FANPAGE
    kept_headers: Final = frozenset[str]()

    def verify(
        self, request: Request, _endpoint: Endpoint, secrets: Sequence[str], _now: datetime, /
    ) -> Refusal | None:
        """The HMAC-SHA256 of the body under the app's secret. Meta sends no time, so there is none to check."""
        given = request.headers.get(_HEADER, "")
        fits = [same(given, _PREFIX + hex_digest(secret.encode(), request.body)) for secret in secrets]
        return None if any(fits) else Refusal()

    def parse(self, request: Request, endpoint: Endpoint, _agents: Mapping[str, str], /) -> Parsed | Unreadable:
        """Every event of every entry by itself; what is no business of ours is counted."""
        try:
            document = json.loads(request.body)
        except (ValueError, RecursionError):
            return Unreadable("not JSON")
        if not isinstance(document, dict) or not isinstance(document.get("entry"), list):
            return Unreadable("no entries")
        found = Found(endpoint.id)
        if document.get("object") != "page":
            found.ignore()
            return found.parsed()
        for entry in nodes(document["entry"]):
            _read_entry(entry, endpoint, found)
        return found.parsed()


def challenge(query: Mapping[str, str], tokens: Sequence[str]) -> str | None:
    """The answer to Meta's question whether the URL is ours, or None when the question does not know our token."""
    fits = [same(query.get("hub.verify_token", ""), token) for token in tokens]
    if query.get("hub.mode") != "subscribe" or not any(fits):
        return None
    return query.get("hub.challenge", "")


def _read_entry(entry: Node, endpoint: Endpoint, found: Found) -> None:
    page_id = ident(entry.get("id"))
    ours = endpoint.options.get("page_id", "")
    foreign = bool(ours) and page_id != ours
    for event in nodes(entry.get("messaging")):
        if foreign:
            found.ignore()
        else:
            messaging.read(event, page_id, endpoint, found)
    for change in nodes(entry.get("changes")):
        if foreign or change.get("field") != "feed":
            found.ignore()
        else:
            feed.read(node(change.get("value")), page_id, entry.get("time"), endpoint, found)
    for _event in nodes(entry.get("standby")):  # another app holds the conversation now
        found.ignore()
