"""The port of a channel: what an adapter is given, and what it gives back.

An adapter is two functions without side effects. ``verify`` looks at the bytes as they came, ``parse`` turns them into
facts. Everything else (keeping the raw delivery, deduplication, answering, counting) is done once, in ``intake``.
How to write one: docs/channels.md.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

import msgspec

from ccc_router.events.facts import AnyFact
from ccc_router.events.vocabulary import Channel
from ccc_router.routing.policy import Endpoint


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery as it came.

    ``url`` is the public URL as the caller used it (some vendors sign it); ``path`` begins with a slash, ``query`` is raw and has no
    question mark. ``headers`` have lower-case names. ``received_at`` is our time of receipt in milliseconds.
    """

    method: str = "POST"
    path: str = "/"
    url: str = ""
    query: str = ""
    headers: dict[str, str] = {}
    body: bytes = b""
    received_at: int = 0


class Keyed(msgspec.Struct, frozen=True):
    """A fact under its dedup key: the same thing told again has the same key, two things never share one.

    Keys are unique per endpoint, at most 300 characters, and depend on what the vendor identifies, never on when it came.
    """

    key: str
    fact: AnyFact


class Blob(msgspec.Struct, frozen=True):
    """The bytes of a file that came with a delivery; facts name it by ``sha256`` (hex)."""

    sha256: str
    media_type: str
    content: bytes


class Sighting(msgspec.Struct, frozen=True):
    """Part of a story that one delivery cannot tell by itself: the dialect's `Joiner` makes facts of several.

    ``key`` is unique per endpoint like a fact's, ``body`` only the joiner reads. ``told``: the delivery's own facts tell it already.
    """

    key: str
    body: bytes
    told: bool = False


class Parsed(msgspec.Struct, frozen=True):
    """The body was understood. ``ignored`` counts what it told that is no business of ours: kept raw, nothing more.

    ``sightings`` are for a vendor whose single events do not say what they belong to; most dialects have none.
    """

    facts: tuple[Keyed, ...] = ()
    ignored: int = 0
    blobs: tuple[Blob, ...] = ()
    sightings: tuple[Sighting, ...] = ()


class Joined(msgspec.Struct, frozen=True):
    """What sightings came to: facts that can be told now; of those not told already, how many were new and how many known."""

    facts: tuple[Keyed, ...] = ()
    fresh: int = 0
    known: int = 0


class Joiner(Protocol):
    """Joins sightings of one endpoint into facts. It keeps them durably until they are facts."""

    def join(self, endpoint: Endpoint, sightings: Sequence[Sighting]) -> AbstractAsyncContextManager[Joined]:
        """What can be told now; whoever leaves the context without an error has kept it. Raises InboxUnavailable."""
        ...


class Unreadable(msgspec.Struct, frozen=True):
    """Good signature, but the body was not understood. ``reason`` is for the log: no part of the body in it."""

    reason: str


class Refusal(msgspec.Struct, frozen=True):
    """The delivery is not from whom it says: ``status`` (401) and a stable ``code``. Nothing of it is kept."""

    status: int = 401
    code: str = "unauthenticated"


class Adapter(Protocol):
    """One dialect of one channel. It holds no state; the same arguments always give the same answer."""

    @property
    def channel(self) -> Channel:
        """The channel of its facts."""
        ...

    @property
    def kept_headers(self) -> frozenset[str]:
        """Lower-case names of the headers that ``parse`` reads: only these are kept with the raw delivery."""
        ...

    def verify(self, request: Request, endpoint: Endpoint, secrets: Sequence[str], now: datetime, /) -> Refusal | None:
        """Check the signature or token on the raw bytes, in constant time; any of ``secrets`` will do (rotation).

        Never raises, whatever the headers hold: a forged request must not become a 500. Without a secret everything is refused.
        """
        ...

    def parse(self, request: Request, endpoint: Endpoint, agents: Mapping[str, str], /) -> Parsed | Unreadable:
        """Turn a verified delivery into facts. Pure; never raises on bad input.

        ``agents`` maps an agent's phone address, as the switch of this endpoint knows it, to the agent's id.
        """
        ...


class Secrets(Protocol):
    """Where secrets are read. They are never in the catalogue, the database or a log."""

    def of(self, name: str) -> tuple[str, ...]:
        """All secrets in force under ``name`` (several during a rotation, newest first), or none.

        An endpoint's signing secret is named like the endpoint; others of it have a suffix: ``page-1.verify``, ``page-1.token``.
        """
        ...


class Directory(Protocol):
    """The catalogue in force, as far as channels need it."""

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint of this id, or None."""
        ...

    def agents_of(self, endpoint_id: str) -> Mapping[str, str]:
        """The phone addresses on this endpoint and whose they are."""
        ...


class Blobs(Protocol):
    """Where bytes of files are kept, once per content."""

    async def keep(self, blobs: Sequence[Blob]) -> None:
        """Durable when it returns; the same content again is fine. Raises Unavailable when the database is away."""
        ...
