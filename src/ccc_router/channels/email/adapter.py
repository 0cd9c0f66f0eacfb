"""The adapter of the email channel: raw RFC 5322 bytes, however they came, become facts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from ccc_router.channels.channel import Parsed, Refusal, Request, Unreadable
from ccc_router.channels.email.inbound.facts import ENVELOPE_FROM, ENVELOPE_TO, HOP, facts_of
from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel import signing
from ccc_router.routing.policy import Endpoint

_SHORTEST_TOKEN: Final = 16


class EmailAdapter:
    """Takes ``message/rfc822``. ``keys`` sign and check our Message-IDs and plus-addresses; the first signs."""

    channel: Final = Channel.EMAIL
    kept_headers: Final = frozenset({ENVELOPE_FROM, ENVELOPE_TO, HOP})

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._threading = Threading(keys)

    def use(self, threading: Threading) -> None:
        """Take the keys of this installation. Called once, when the service is wired."""
        self._threading = threading

    def verify(self, request: Request, endpoint: Endpoint, secrets: Sequence[str], now: datetime) -> Refusal | None:  # noqa: ARG002
        """A bearer token that is one of the endpoint's secrets, or a Standard Webhooks signature made with one."""
        if signing.SIGNATURE_HEADER in request.headers:
            keys = signing.keys_of(secrets)
            verified = signing.verify(keys, request.headers, request.body, now.timestamp())
            return None if isinstance(verified, signing.Verified) else Refusal(code=f"signature_{verified.value}")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = given.strip()
        # No early return: every secret is compared, so the time tells nothing about which one matched.
        matches = [signing.same(token, secret) for secret in secrets if len(secret) >= _SHORTEST_TOKEN]
        return None if scheme.lower() == "bearer" and any(matches) else Refusal()

    def parse(self, request: Request, endpoint: Endpoint, agents: Mapping[str, str]) -> Parsed | Unreadable:  # noqa: ARG002
        """The facts of the mail. Any bytes are some mail; only nothing at all is unreadable."""
        if not request.body.strip():
            return Unreadable("empty")
        return facts_of(request, endpoint, self._threading)
