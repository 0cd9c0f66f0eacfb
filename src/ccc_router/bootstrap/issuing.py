"""Who issues and checks the service's own tokens."""

from ccc_router.kernel.clock import Clock
from ccc_router.settings import Settings
from ccc_router.web.tokens import Tokens


def tokens(settings: Settings, clock: Clock) -> Tokens:
    """What issues and checks our own tokens."""
    return Tokens(settings.signing_keys(), issuer="ccc-router", audience="ccc-router", clock=clock)
