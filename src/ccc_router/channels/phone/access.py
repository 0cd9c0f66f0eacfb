"""Who a delivery is from: signatures and tokens of switches, checked on the raw bytes in constant time, never raising.

Every secret is tried and every comparison made, whether or not one matched before, so that the time tells nothing.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime

from ccc_router.channels.channel import Refusal, Request
from ccc_router.kernel import signing

MISSING = Refusal(code="signature_missing")
WRONG = Refusal(code="signature_wrong")


def basic(request: Request, secrets: Sequence[str]) -> Refusal | None:
    """HTTP Basic (RFC 7617). A secret is ``user:password``; one without a colon is a password that any user may have."""
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return MISSING
    try:
        given = base64.b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        return WRONG
    password = given.partition(b":")[2]
    return any_of(secrets, lambda secret: signing.same(given if ":" in secret else password, secret))


def standard_webhooks(request: Request, secrets: Sequence[str], now: datetime) -> Refusal | None:
    """The headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature`` of the Standard Webhooks specification."""
    verdict = signing.verify(signing.keys_of(secrets), request.headers, request.body, now.timestamp())
    if isinstance(verdict, signing.Verified):
        return None
    return MISSING if verdict is signing.Refusal.MISSING_HEADER else WRONG


def either(request: Request, secrets: Sequence[str], now: datetime) -> Refusal | None:
    """Standard Webhooks where the sender signs, else HTTP Basic."""
    if signing.SIGNATURE_HEADER in request.headers:
        return standard_webhooks(request, secrets, now)
    return basic(request, secrets)


def any_of(secrets: Sequence[str], matches: Callable[[str], bool]) -> Refusal | None:
    """Nothing when one of the secrets matches; all are tried. Without a secret everything is refused."""
    verdicts = [matches(secret) for secret in secrets if secret]
    return None if any(verdicts) else WRONG
