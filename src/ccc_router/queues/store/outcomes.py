"""What a command's caller is told."""

from collections.abc import Mapping
from typing import Final

import msgspec

from ccc_router.events.codec import canonical
from ccc_router.routing import Step

WAKE: Final = "ccc_outcomes"
"""The channel of hints that there are new outcomes; the payload is the pool."""

_NOT_FOUND: Final = "unknown"


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    code: str = ""
    detail: str = ""
    result: dict[str, object] = {}


class Outcome(msgspec.Struct, frozen=True):
    """200 with ``result``; 409 with ``code`` and ``detail`` (who or what stands against it); 404 for code ``unknown``; 500 parked."""

    status: int
    code: str = ""
    detail: str = ""
    result: Mapping[str, object] = {}

    def document(self) -> bytes:
        """What is kept of it beside the status."""
        return canonical(_Kept(self.code, self.detail, dict(self.result)))


def outcome_of(step: Step) -> Outcome:
    """The outcome of a command's step."""
    if step.refused is not None:
        status = 404 if step.refused.code == _NOT_FOUND else 409
        return Outcome(status, step.refused.code, step.refused.detail)
    return Outcome(200, result=step.result or {})


def read_outcome(status: int, body: bytes) -> Outcome:
    """An outcome as its row holds it."""
    kept = msgspec.json.decode(body, type=_Kept)
    return Outcome(status, kept.code, kept.detail, kept.result)
