"""R-11: how long nobody may lead: what the take-over is made of adds up to less than five seconds (docs/operations.md)."""

from ccc_router.queues import session
from ccc_router.queues.engine import IDLE_S
from ccc_router.storage import leases


def test_r11_what_a_taker_waits_for_is_less_than_five_seconds() -> None:
    """The longest lease of one who fell silent, the look for it, and the end of his backend. How long it takes, the soak measures."""
    longest_ms = leases.DEFAULT_TTL_MS + 1_000 * IDLE_S + leases._END_WAIT_MS
    assert longest_ms < 5_000


def test_i15_a_holder_may_miss_a_renewal_and_still_lead() -> None:
    assert 2 * 1_000 * session._RENEW_S < leases.DEFAULT_TTL_MS
