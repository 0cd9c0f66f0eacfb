"""The sender of webhooks to departments: Standard Webhooks signatures, one id for all attempts, the bytes of the first.

2xx is *received*; everything else comes again. 410 disables the endpoint: what is owed to it is parked until an administrator
enables it. A department that hangs or fails takes only the room of those that fail (I11).
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

import msgspec

from ...kernel import signing, tracing
from ...kernel.clock import Clock
from ...kernel.log import get_logger
from ...queues.deliveries.claiming import fix_body
from ...queues.deliveries.port import Attempted, Delivery, Parked, Postponed, Retry, Sent
from ...routing.policy import Department
from ...storage.database import Database
from ..payload import CONTENT_TYPE, body_of, event_of
from ..texts import Texts
from .addresses import Reach, Refused, Target, target_of
from .endpoints import Endpoints, EndpointState
from .outbound import Answer, NoAnswer, Outbound

_log = get_logger("escalations.webhook")

FAILING_AT_ONCE: Final = 4
"""How many departments that failed last time are tried at the same time; those that are well have the rest of the room."""
_BUSY_MS: Final = 1_000
_NOTED_EVERY_MS: Final = 60_000
_GONE: Final = 410
_REFUSED: Final = frozenset({400, 409, 413, 415, 422})
"""What says that this notice is wrong, not that the endpoint is (401, 403, 404: its secret or its address, so the others would fail too)."""
_THROTTLED: Final = frozenset({429, 502, 503, 504})
_SECONDS: Final = re.compile(r"[0-9]{1,8}")
_AGENT: Final = "ccc-router"


class Secrets(Protocol):
    """Where secrets are read."""

    def of(self, name: str) -> tuple[str, ...]:
        """All secrets in force under a name, newest first."""
        ...


class WebhookSender:
    """Sends one webhook. Departments' secrets are named by the department's id."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        department: Callable[[str], Department | None],
        secrets: Secrets,
        texts: Texts,
        endpoints: Endpoints,
        outbound: Outbound,
        *,
        public_url: str = "",
        loopback: bool = False,
    ) -> None:
        """``department`` looks one up in the catalogue in force; ``loopback`` allows this machine (tests and demo)."""
        self._database = database
        self._clock = clock
        self._department = department
        self._secrets = secrets
        self._texts = texts
        self._endpoints = endpoints
        self._outbound = outbound
        self._public_url = public_url
        self._loopback = loopback
        self._failing = asyncio.Semaphore(FAILING_AT_ONCE)

    async def send(self, delivery: Delivery) -> Attempted:
        """One attempt, if the department can be reached at all and its breaker is closed."""
        department = self._department(delivery.target)
        if department is None or not department.url:
            return Parked("no_endpoint")
        reach = Reach(private=department.private_network, loopback=self._loopback)
        target = target_of(department.url, reach)
        if isinstance(target, Refused):
            return Parked(target.reason)
        keys = signing.keys_of(self._secrets.of(department.id))
        if not keys:
            return Parked("no_secret")
        state = await self._endpoints.of(department.id)
        if state.disabled_at:
            return Parked("endpoint_disabled")
        if state.open_ms:
            return Postponed("breaker_open", state.open_ms)
        if not state.failures:
            return await self._try(delivery, state, target, reach, keys)
        if self._failing.locked():
            return Postponed("busy_with_failing", _BUSY_MS)
        async with self._failing:
            return await self._try(delivery, state, target, reach, keys)

    async def _try(
        self, delivery: Delivery, endpoint: EndpointState, target: Target, reach: Reach, keys: Sequence[bytes]
    ) -> Attempted:
        try:
            body = delivery.body or await self._first_body(delivery)
        except msgspec.ValidationError:
            return Parked("no_notice")
        headers = signing.sign(keys, delivery.id, self._clock.now_ms() // 1000, body)
        headers |= {"content-type": CONTENT_TYPE, "accept": "*/*", "user-agent": _AGENT} | tracing.headers()
        answer = await self._outbound.post(target, reach, headers, body)
        outcome = self._meaning(answer)
        match outcome:
            case Sent():
                # Not at every success: that would be a write for each webhook.
                if endpoint.failures or self._clock.now_ms() - endpoint.last_success_at > _NOTED_EVERY_MS:
                    await self._endpoints.well(endpoint.department)
            case Parked(gone=True):
                _log.warning("endpoint_gone", department=endpoint.department)
                await self._endpoints.disable(endpoint.department, "http_410")
            case Retry(aside=True):
                pass  # it is well enough to read and refuse one notice
            case _:
                await self._endpoints.ill(endpoint.department)
        return outcome

    async def _first_body(self, delivery: Delivery) -> bytes:
        texts = await self._texts.of(delivery)
        return await fix_body(self._database, delivery, body_of(event_of(delivery, texts, self._public_url)))

    def _meaning(self, answer: Answer | NoAnswer) -> Sent | Retry | Parked:
        if isinstance(answer, NoAnswer):
            return Parked(answer.reason) if answer.blocked else Retry(answer.reason)
        if 200 <= answer.status < 300:
            return Sent()
        if answer.status == _GONE:
            return Parked("http_410", gone=True)
        if answer.status in _REFUSED:
            return Retry(f"http_{answer.status}", aside=True)
        after = retry_after_ms(answer.headers.get("retry-after", ""), self._clock.now())
        return Retry(f"http_{answer.status}", after if answer.status in _THROTTLED else None)


def retry_after_ms(header: str, now: datetime) -> int | None:
    """How long a Retry-After header asks to wait (seconds, or an HTTP date); None when it is missing or none."""
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return int(text) * 1000
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(int((moment - now).total_seconds() * 1000), 0)
