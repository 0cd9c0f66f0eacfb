"""Times and choices by chance: seconds of a mean in, milliseconds out; 0 is always 0."""

from collections.abc import Mapping
from math import exp, log
from random import Random


def lognormal_ms(mean_s: float, sigma: float, dice: Random) -> int:
    """A lognormal time with the mean asked for."""
    return int(1000 * exp(dice.normalvariate(log(mean_s) - sigma**2 / 2, sigma))) if mean_s else 0


def exponential_ms(mean_s: float, dice: Random) -> int:
    """An exponential time with the mean asked for."""
    return int(1000 * dice.expovariate(1 / mean_s)) if mean_s else 0


def one_of(shares: Mapping[str, float], dice: Random) -> str:
    """One of the names, each as likely as its share."""
    return dice.choices(list(shares), list(shares.values()))[0]
