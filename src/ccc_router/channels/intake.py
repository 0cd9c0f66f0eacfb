"""What happens to every delivery, whatever its channel: verify, parse, keep raw and facts in one transaction, answer.

- Not from whom it says: 401, and nothing of it is kept but a counter.
- Understood: raw delivery and facts are durable before the answer; the same delivery again makes no second fact (I1, I2).
- Not understood: kept raw, counted, alarmed, answered like any other; ``ccc-router reparse`` reads it once the adapter can.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal, TypeVar

import msgspec
from prometheus_client import Counter

from ccc_router.channels.channel import (
    Adapter,
    Blobs,
    Directory,
    Joined,
    Joiner,
    Keyed,
    Parsed,
    Refusal,
    Request,
    Secrets,
    Unreadable,
)
from ccc_router.events.facts import AnyFact, CallEvent, MessageReceived
from ccc_router.events.inbox import Inbox, InboxUnavailable, Overloaded, RawDelivery, Submission
from ccc_router.events.vocabulary import CallEventName, Channel
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import Invalid, Unauthenticated, Unavailable
from ccc_router.kernel.ids import derive
from ccc_router.kernel.log import get_logger
from ccc_router.routing.policy import Endpoint

_T = TypeVar("_T")
_State = Literal["parsed", "ignored", "unreadable"]
_log = get_logger("channels")
_INLINE_BYTES: Final = 64 * 1024  # hashing and reading more than this would hold up the event loop for over 1 ms
_INLINE_MAIL: Final = 1024  # HTML of a mail takes about 1 ms a kilobyte to clean and to lay out
_LONGEST_KEY: Final = 300

DELIVERIES: Final = Counter(
    "ccc_channel_deliveries",
    "Deliveries by endpoint and by what became of them",
    ["endpoint", "result"],
)
FACTS: Final = Counter("ccc_channel_facts", "Facts told by channels, new or told before", ["endpoint", "result"])


@lru_cache(maxsize=4096)
def _counter(metric: Counter, endpoint_id: str, result: str) -> Counter:
    return metric.labels(endpoint_id, result)


def count(metric: Counter, endpoint_id: str, result: str, amount: int = 1) -> None:
    """Count what became of something of an endpoint."""
    if amount:
        _counter(metric, endpoint_id, result).inc(amount)


class DiskAlmostFull(Unavailable):
    """There is no room for anything new; what is under way goes on."""

    code = "disk_almost_full"


class Receipt(msgspec.Struct, frozen=True):
    """The answer to a delivery: facts taken, facts known already, and things told that are no business of ours."""

    accepted: int = 0
    duplicate: int = 0
    ignored: int = 0


class Intake:
    """The way in. Holds no state but its ports; one serves all endpoints."""

    def __init__(
        self,
        inbox: Inbox,
        blobs: Blobs,
        secrets: Secrets,
        directory: Directory,
        clock: Clock,
        joiner: Joiner | None = None,
        *,
        closed: Callable[[], bool] = lambda: False,
    ) -> None:
        """``closed``: whether nothing new is taken now (the disk is almost full); what goes on, goes on."""
        self._closed = closed
        self._joiner = joiner
        self._inbox = inbox
        self._blobs = blobs
        self._secrets = secrets
        self._directory = directory
        self._clock = clock

    async def take(self, endpoint: Endpoint, request: Request, adapter: Adapter) -> Receipt:
        """Verify, then `accept`. Raises Unauthenticated (401) and InboxUnavailable (503)."""
        secrets = self._secrets.of(endpoint.id)
        refusal = await _aside(request, lambda: _verify(adapter, request, endpoint, secrets, self._clock.now()))
        if refusal is not None:
            count(DELIVERIES, endpoint.id, "refused")
            raise Unauthenticated(code=refusal.code)
        return await self.accept(endpoint, request, adapter)

    async def accept(self, endpoint: Endpoint, request: Request, adapter: Adapter) -> Receipt:
        """Take a delivery whose sender is known by the way it came (our own listener). Raises InboxUnavailable (503)."""
        agents = self._directory.agents_of(endpoint.id)
        inline = _INLINE_MAIL if adapter.channel is Channel.EMAIL else _INLINE_BYTES
        parsed = await _aside(request, lambda: parse(adapter, request, endpoint, agents), inline)
        if self._closed() and _is_new(parsed):
            count(DELIVERIES, endpoint.id, "unavailable")
            raise DiskAlmostFull(retry_after_s=30)
        try:
            if isinstance(parsed, Unreadable):
                return await self._set_aside(endpoint, request, adapter, parsed)
            try:
                return await self._keep(endpoint, request, adapter, parsed)
            except Invalid:
                # A fact no database can hold is a fault of ours, not of the vendor: he must not stop delivering.
                return await self._set_aside(endpoint, request, adapter, Unreadable("facts cannot be stored"))
        except (InboxUnavailable, Overloaded):
            count(DELIVERIES, endpoint.id, "unavailable")
            raise

    async def reread(self, raw: RawDelivery, find: Callable[[Endpoint], Adapter | None]) -> Receipt | None:
        """Read a kept delivery again; None when it is still not understood. Raises InboxUnavailable (503).

        `find` tells the endpoint's adapter: adapters may use this room, so this room does not know the registry.
        """
        endpoint = self._directory.endpoint(raw.endpoint)
        adapter = None if endpoint is None else find(endpoint)
        if endpoint is None or adapter is None:
            return None
        request = Request(
            method=raw.method,
            path=raw.path,
            query=raw.query,
            headers=raw.headers,
            body=raw.body,
            received_at=raw.received_at,
        )
        parsed = parse(adapter, request, endpoint, self._directory.agents_of(endpoint.id))
        if isinstance(parsed, Unreadable):
            return None
        try:
            return await self._keep(endpoint, request, adapter, parsed)
        except Invalid:
            return None

    async def _set_aside(
        self, endpoint: Endpoint, request: Request, adapter: Adapter, unreadable: Unreadable
    ) -> Receipt:
        await self._inbox.append((), raw_of(endpoint, request, adapter, "unreadable"))
        count(DELIVERIES, endpoint.id, "unreadable")
        _log.error("delivery_unreadable", endpoint=endpoint.id, reason=unreadable.reason)
        return Receipt(ignored=1)

    async def _keep(self, endpoint: Endpoint, request: Request, adapter: Adapter, parsed: Parsed) -> Receipt:
        if parsed.blobs:
            await self._blobs.keep(parsed.blobs)  # before the facts that name them; a blob without a fact harms nobody
        state: _State = "parsed" if parsed.facts or parsed.sightings or not parsed.ignored else "ignored"
        raw = await _aside(request, lambda: raw_of(endpoint, request, adapter, state))
        async with self._joined(endpoint, parsed) as joined:
            own = submissions_of(endpoint, parsed.facts)
            appended = await self._inbox.append([*own, *submissions_of(endpoint, joined.facts)], raw)
        duplicate = sum(1 for one in appended[: len(own)] if one.duplicate)
        accepted = len(own) - duplicate
        count(DELIVERIES, endpoint.id, state)
        count(FACTS, endpoint.id, "accepted", accepted)
        count(FACTS, endpoint.id, "duplicate", duplicate)
        return Receipt(accepted + joined.fresh, duplicate + joined.known, parsed.ignored)

    def _joined(self, endpoint: Endpoint, parsed: Parsed) -> AbstractAsyncContextManager[Joined]:
        if self._joiner is None or not parsed.sightings:
            return nullcontext(Joined())
        return self._joiner.join(endpoint, parsed.sightings)


def begins(fact: AnyFact) -> bool:
    """Whether a fact may open a contact. What else a channel tells (a hang-up, a receipt) ends or completes what is there."""
    if isinstance(fact, CallEvent):
        return fact.event in {CallEventName.OFFERED, CallEventName.QUEUED}
    return isinstance(fact, MessageReceived)


def _is_new(parsed: Parsed | Unreadable) -> bool:
    """Whether a delivery brings nothing but what is new. One in which something ends as well is taken: the switch would keep both."""
    return isinstance(parsed, Unreadable) or (bool(parsed.facts) and all(begins(one.fact) for one in parsed.facts))


def submissions_of(endpoint: Endpoint, facts: Sequence[Keyed]) -> list[Submission]:
    """The inputs of what was told, in its order."""
    return [Submission(endpoint.id, _safe(keyed), keyed.fact) for keyed in facts]


def raw_of(endpoint: Endpoint, request: Request, adapter: Adapter, state: _State) -> RawDelivery:
    """The delivery as it is kept. Its id depends on what was delivered, so the same delivery is kept once."""
    body = hashlib.sha256(request.body).hexdigest()
    return RawDelivery(
        raw_id=derive("rw", endpoint.id, request.method, request.path, request.query, body),
        endpoint=endpoint.id,
        channel=adapter.channel,
        received_at=request.received_at,
        method=request.method,
        path=request.path,
        query=request.query,
        headers={name: value for name, value in request.headers.items() if name in adapter.kept_headers},
        body=request.body,
        state=state,
    )


def _safe(keyed: Keyed) -> str:
    """A key every database can hold: long ones, and ones with strange characters, are replaced by their digest."""
    key = keyed.key
    return key if len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable() else derive("ky", key)


async def _aside(request: Request, work: Callable[[], _T], inline: int = _INLINE_BYTES) -> _T:
    """Run pure work here when the body has at most ``inline`` bytes, else in a thread."""
    if len(request.body) <= inline:
        return work()
    return await asyncio.to_thread(work)


def _verify(
    adapter: Adapter, request: Request, endpoint: Endpoint, secrets: Sequence[str], now: datetime
) -> Refusal | None:
    """An adapter must not raise; should one do so, the delivery is refused, never a 500."""
    try:
        return adapter.verify(request, endpoint, secrets, now)
    except Exception as error:  # noqa: BLE001 - see above
        _log.error("verify_raised", endpoint=endpoint.id, error=type(error).__name__)
        return Refusal()


def parse(adapter: Adapter, request: Request, endpoint: Endpoint, agents: Mapping[str, str]) -> Parsed | Unreadable:
    """``adapter.parse``; should it raise, the delivery is unreadable and waits for an adapter that can read it."""
    try:
        return adapter.parse(request, endpoint, agents)
    except Exception as error:  # noqa: BLE001 - a fault of ours must not lose a delivery
        return Unreadable(f"parse raised {type(error).__name__}")
