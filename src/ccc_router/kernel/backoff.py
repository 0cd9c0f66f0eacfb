"""How long to wait before trying again."""

from random import Random


def full_jitter(attempt: int, *, base_s: float, cap_s: float, rng: Random) -> float:
    """Seconds before try number `attempt` (1 is the first repetition): uniform in [0, min(cap, base * 2^(n-1))].

    Full jitter: many clients that failed together do not come back together.
    """
    return rng.uniform(0.0, ceiling(attempt, base_s=base_s, cap_s=cap_s))


def ceiling(attempt: int, *, base_s: float, cap_s: float) -> float:
    """The longest wait before try number `attempt`, in seconds."""
    return min(cap_s, base_s * 2.0 ** min(max(attempt, 1) - 1, 62))
