"""The state machines as tables: which state may follow which. ``apply`` refuses what they do not hold."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)


class IllegalTransition(Exception):
    """A decision would break a lifecycle: a fault of the core, which parks its input."""


def check(table: Mapping[S, frozenset[S]], before: S, after: S, ref: str) -> None:
    """Raise ``IllegalTransition`` unless ``after`` may follow ``before``."""
    if after not in table[before]:
        raise IllegalTransition(f"{ref}: {before} cannot become {after}")
