"""The intake on ports in memory, and the webhook routes over it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fastapi import FastAPI, Request, Response

from ccc_router.channels.channel import Blob
from ccc_router.channels.http import Limits, Webhooks, webhook_router
from ccc_router.channels.intake import Intake
from ccc_router.events.envelope import Appended
from ccc_router.events.inbox import InboxUnavailable, RawDelivery, Submission
from ccc_router.kernel.clock import SystemClock, from_ms
from ccc_router.kernel.errors import CccError
from ccc_router.rest.problems import problem_of
from ccc_router.routing.policy import Endpoint
from tests.support.channel_case import RECEIVED_AT


class FixedClock(SystemClock):
    """Stands at the moment the vectors were signed."""

    def now(self) -> datetime:
        return from_ms(RECEIVED_AT)

    def now_ms(self) -> int:
        return RECEIVED_AT


class KeptInbox:
    """An inbox in memory. ``away`` makes it refuse."""

    def __init__(self) -> None:
        self.inputs: dict[tuple[str, str], Submission] = {}
        self.raw: dict[str, RawDelivery] = {}
        self.away = False

    async def append(self, submissions: Sequence[Submission], raw: RawDelivery | None = None) -> list[Appended]:
        if self.away:
            raise InboxUnavailable(retry_after_s=2)
        if raw is not None:
            self.raw.setdefault(raw.raw_id, raw)
        answers = []
        for one in submissions:
            name = (one.source, one.key)
            answers.append(Appended(one.key, name in self.inputs))
            self.inputs.setdefault(name, one)
        return answers

    async def withdraw(self, source: str, key: str) -> bool:
        return self.inputs.pop((source, key), None) is not None


class KeptBlobs:
    """Blobs in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Blob] = {}

    async def keep(self, blobs: Sequence[Blob]) -> None:
        for blob in blobs:
            self.kept[blob.sha256] = blob


class KnownSecrets:
    """Secrets by name."""

    def __init__(self, known: Mapping[str, tuple[str, ...]]) -> None:
        self._known = known

    def of(self, name: str) -> tuple[str, ...]:
        return self._known.get(name, ())


class KnownEndpoints:
    """A catalogue of endpoints."""

    def __init__(self, *endpoints: Endpoint, agents: Mapping[str, str] | None = None) -> None:
        self._endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        self._agents = agents or {}

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        return self._endpoints.get(endpoint_id)

    def agents_of(self, endpoint_id: str) -> Mapping[str, str]:
        return self._agents


class Site:
    """Intake and webhook routes over memory."""

    def __init__(
        self,
        *endpoints: Endpoint,
        secrets: Mapping[str, tuple[str, ...]],
        agents: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.inbox = KeptInbox()
        self.blobs = KeptBlobs()
        self.directory = KnownEndpoints(*endpoints, agents=agents)
        self.secrets = KnownSecrets(secrets)
        clock = FixedClock()
        self.closed = False
        self.intake = Intake(self.inbox, self.blobs, self.secrets, self.directory, clock, closed=lambda: self.closed)
        self.app = FastAPI()
        webhooks = Webhooks(self.intake, self.secrets, self.directory, clock, limits or Limits())
        self.app.include_router(webhook_router(webhooks), prefix="/v1")
        self.app.add_exception_handler(CccError, _problem)


async def _problem(_request: Request, error: Exception) -> Response:
    return problem_of(error)
