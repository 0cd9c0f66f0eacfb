"""The feed port: how the engine reads records itself, without ever losing its offset."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from ccc_router.events.kafka.record import Told


class Offset(NamedTuple):
    """How far a partition was taken: the offset of its next record, and the digest of the one before."""

    next: int
    mark: bytes


class Fed(NamedTuple):
    """A record. ``id`` grows in the order of reading and is below zero, so that it is no inbox row's.

    ``at`` is the producer's time (ms), ``value`` the bytes as they came; ``told`` is what they say, or why they cannot be read.
    ``anew``: its partition was begun anew before it, so that the offset kept for it is of no use.
    """

    id: int
    partition: int
    offset: int
    at: int
    value: bytes
    told: Told | ValueError
    anew: bool


class Feed(Protocol):
    """Records of one topic, read ahead. They stay until the engine says that they are settled."""

    @property
    def topic(self) -> str:
        """Whose offsets are meant."""
        ...

    @property
    def caught_up(self) -> bool:
        """Whether what was there when the feed was opened is settled; True as well when Kafka could not be asked for seconds."""
        ...

    def open(self, offsets: Mapping[int, Offset]) -> None:
        """Begin to read after these offsets, every other partition from its beginning. Returns at once, Kafka there or not."""
        ...

    async def close(self) -> None:
        """Read no more, forget what was read and not settled."""
        ...

    def waiting(self, limit: int) -> list[Fed]:
        """The oldest records that are not settled, at most ``limit``; they stay."""
        ...

    def these(self, ids: Iterable[int]) -> list[Fed]:
        """Those of these records that are not settled."""
        ...

    def settle(self, records: Iterable[Fed]) -> None:
        """These are committed, and their offsets with them."""
        ...
