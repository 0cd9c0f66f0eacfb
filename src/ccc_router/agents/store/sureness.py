"""How sure it is that a handle is its customer's, and by what (R-25). It is shown to people; nothing joins two customers by it: that is for
what is verified alone (ADR 0013).
"""

from typing import Final, Literal, NamedTuple

from ...events.vocabulary import Channel

Confidence = Literal["high", "medium", "low"]
Proof = Literal["channel", "agent", "page", "ticket", "caller_id", "sender", "said"]


class Sureness(NamedTuple):
    """``by`` is what speaks for it."""

    confidence: Confidence
    by: Proof


_PROVED: Final = Sureness("high", "channel")
_CHECKED: Final = Sureness("medium", "agent")
_CLAIMED: Final[dict[Channel, Sureness]] = {
    Channel.FANPAGE: Sureness("medium", "page"),
    Channel.PORTAL: Sureness("medium", "ticket"),
    Channel.PHONE: Sureness("low", "caller_id"),
    Channel.EMAIL: Sureness("low", "sender"),
}
_SAID: Final = Sureness("low", "said")


def sureness(channel: str, *, verified: bool, evidence: str) -> Sureness:
    """Of a handle as its row has it: ``channel`` is where it was claimed ("" for a verified one), ``evidence`` an agent's word for it.

    What a channel proves (a mail whose domain signed it, an account that logged in) is more than an agent's word, and that more than a
    page's id or a ticket's secret, which name the same person again and nobody. A caller id and an unsigned sender can be forged.
    """
    if verified:
        return _CHECKED if evidence else _PROVED
    return _CLAIMED.get(Channel(channel), _SAID) if channel in set(Channel) else _SAID
