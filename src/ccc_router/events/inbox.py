"""The inbox port: the durable, deduplicated buffer of inputs the engine has not processed."""

import re
from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec

from ccc_router.events.envelope import AnyInput, Appended
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.errors import Unavailable

LONGEST_KEY: Final = 400
"""Characters of a dedup key: a row of an index has an end. Adapters shorten what vendors make longer."""


class Submission(msgspec.Struct, frozen=True):
    """One input to append.

    ``source`` is the endpoint's id for facts, ``<role>:<subject>`` for commands. ``key`` is the dedup key, unique per source.
    ``traceparent`` is the trace it belongs to; left out, that of the work under way. A copy of the same key brings none.
    """

    source: str
    key: str
    body: AnyInput
    traceparent: str = ""


class RawDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as it came, kept so that it can be parsed again. The same ``raw_id`` is kept once.

    ``headers`` have lower-case names and are only those a later parse needs. ``received_at`` is in milliseconds.
    """

    raw_id: str
    endpoint: str
    channel: Channel
    received_at: int
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    state: Literal["parsed", "ignored", "unreadable"]


class InboxUnavailable(Unavailable):
    """The inbox cannot be written now; nothing was taken."""

    code = "inbox_unavailable"


class Overloaded(Unavailable):
    """More is waiting than can be handled in time; nothing was taken."""

    code = "overloaded"


class SourceOverloaded(Overloaded):
    """So much of yours is waiting that nothing more is taken; nothing was taken."""

    code = "source_overloaded"
    status = 429


URGENT: Final = re.compile("(agent|supervisor|admin|department|system):|heartbeats$")
"""Sources of what people and our own watch ask: taken before what channels bring, and never refused for its sake. The column
``inbox.urgent`` says the same."""


class Inbox(Protocol):
    """Where inputs are made durable."""

    async def append(self, submissions: Sequence[Submission], raw: RawDelivery | None = None) -> list[Appended]:
        """Keep the inputs and the raw delivery in one transaction; durable when it returns. Same key again: ``duplicate``.

        Equal keys in one call are one input. Raises InboxUnavailable when the database is away (the input may still have been
        taken: repeat it under the same key), Overloaded when too much waits (SourceOverloaded: of this source; I14) and Invalid
        when a row cannot be stored.
        """
        ...

    async def withdraw(self, source: str, key: str) -> bool:
        """Take back an input the engine has not read. False when it was read already, or is being read."""
        ...
