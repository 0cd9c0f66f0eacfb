"""The HTTP interface: the rooms' routes, what their handlers work with, and who is let in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from fastapi import APIRouter, FastAPI
from prometheus_client import REGISTRY

from ccc_router.agents.routers import ROUTERS as AGENTS
from ccc_router.agents.services import AgentsRoom
from ccc_router.agents.store.cases import Cases
from ccc_router.agents.store.contacts import Contacts
from ccc_router.agents.store.counts import Counts
from ccc_router.agents.store.messages import Messages
from ccc_router.agents.store.recent import RESTS, Recent
from ccc_router.agents.store.records import Records
from ccc_router.agents.store.staff import Staff
from ccc_router.agents.waiting.follower import STREAM_S, Follower
from ccc_router.agents.waiting.waiters import Waiters
from ccc_router.bootstrap.bounding import LastBounds
from ccc_router.bootstrap.issuing import tokens
from ccc_router.bootstrap.parts.readiness import Readiness
from ccc_router.bootstrap.parts.sending import links, trusted
from ccc_router.bootstrap.parts.taking import intake
from ccc_router.bootstrap.spine import Spine
from ccc_router.bootstrap.whatif import LastDay
from ccc_router.channels.http import Limits, Webhooks, webhook_router
from ccc_router.channels.phone.ari_socket import ari_router
from ccc_router.channels.portal.http import PortalLimits, PortalRoutes, portal_router
from ccc_router.channels.portal.reading import Conversations
from ccc_router.channels.portal.service import Portal
from ccc_router.channels.portal.stream import WAKE as PORTAL_WAKE
from ccc_router.channels.portal.stream import Streams
from ccc_router.channels.portal.tickets import Tickets
from ccc_router.escalations import published
from ccc_router.escalations.routers import ROUTERS as ESCALATIONS
from ccc_router.escalations.services import EscalationsRoom
from ccc_router.escalations.store import Store
from ccc_router.escalations.webhooks.endpoints import Endpoints
from ccc_router.events.inbox import Inbox
from ccc_router.events.journal import WAKE as JOURNAL_WAKE
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.tasks import Loop
from ccc_router.queues.asking import Desk
from ccc_router.queues.catalogue import Current
from ccc_router.queues.heartbeats import Heartbeats
from ccc_router.queues.waits.waits import Waits
from ccc_router.rest.gates import Bounds, Gates
from ccc_router.rest.kept import KeptAnswers
from ccc_router.settings import Settings
from ccc_router.storage.database import Database
from ccc_router.web.app import create_app
from ccc_router.web.auth import Authenticator
from ccc_router.web.middleware import BodyLimits
from ccc_router.web.oidc import Issuer, IssuerSettings
from ccc_router.web.services import Services


@dataclass(frozen=True, slots=True)
class Rooms:
    """The app, and what must end before its server can."""

    app: FastAPI
    waiters: Waiters
    follower: Follower
    streams: Streams

    def close(self) -> None:
        """End the long polls and streams; their clients come again."""
        self.waiters.close()
        self.follower.close()
        self.streams.close()


@asynccontextmanager
async def rooms(spine: Spine) -> AsyncIterator[Rooms]:
    """Open the rooms; their loops run under the supervisor."""
    settings, clock, database = spine.settings, spine.clock, spine.storage.database
    taking, heartbeats, room = intake(spine), Heartbeats(database, settings.pool), _agents(spine)
    spine.supervisor.add(heartbeats.loop)

    async def heard(agent_id: str) -> None:
        heartbeats.beat(agent_id)

    limits = Limits(
        phone_bytes=settings.body_limit, fanpage_bytes=4 * settings.body_limit, email_bytes=settings.message_limit
    )
    webhooks = Webhooks(taking, spine.secrets, spine.current, clock, limits, public_url=settings.public_url)
    portal, streams = _portal(spine, room.waits)
    v1 = APIRouter(prefix="/v1")
    v1.include_router(webhook_router(webhooks))
    v1.include_router(ari_router(taking, spine.current, spine.secrets, clock))
    v1.include_router(portal_router(portal))
    metrics_token = settings.metrics_token
    async with httpx.AsyncClient(verify=trusted(), timeout=10, follow_redirects=False, trust_env=False) as http:
        app = create_app(
            Services(
                clock=clock,
                identify=Authenticator(tokens(settings, clock), _issuer(settings, http, clock), heard),
                replays=KeptAnswers(database, settings.pool),
                readiness=Readiness(spine),
                gates=_gates(settings),
                registry=REGISTRY,
                routers=(v1, *AGENTS, *ESCALATIONS),
                direct={f"/v1{pattern}": handler for pattern, handler in webhooks.direct().items()},
                state={"agents": room, "escalations": _escalations(spine)},
                limits=_limits(settings),
                metrics_token=metrics_token.get_secret_value() if metrics_token is not None else "",
                webhooks=published.webhooks(),
                schemas=published.schemas(),
            )
        )
        yield Rooms(app, room.waiters, room.follower, streams)


def _limits(settings: Settings) -> BodyLimits:
    return BodyLimits(
        default=settings.body_limit,
        by_prefix=(
            ("/v1/channels/email/", settings.message_limit),
            ("/v1/channels/fanpage/", 4 * settings.body_limit),
            ("/v1/channels/portal/", settings.attachment_limit + settings.body_limit),
            ("/v1/attachments", settings.attachment_limit),
        ),
    )


def _gates(settings: Settings) -> Gates:
    bounds = Bounds(
        endpoints=settings.endpoint_requests,
        agents=settings.agent_requests,
        leaders=settings.supervisor_requests,
        departments=settings.department_requests,
        reports=settings.report_requests,
        caller=settings.caller_requests,
        streams=settings.stream_limit,
        bodies=settings.body_memory,
    )
    return Gates(bounds)


def agents_room(
    database: Database,
    pool: str,
    clock: Clock,
    desk: Desk,
    inbox: Inbox,
    current: Current,
    *,
    aside: Database,
    stream_s: float = STREAM_S,
    rests: float = RESTS,
) -> tuple[AgentsRoom, tuple[Loop, ...], tuple[Loop, ...]]:
    """The room, its loops that look at their time, and those that look whenever the journal has grown.

    ``aside``: the database for what nobody's call waits for. ``stream_s``: see `Follower`. ``rests``: see `Recent`.
    """
    contacts, staff, records = Contacts(database, pool), Staff(database, pool), Records(database, pool, aside)
    waiters, follower = Waiters(contacts, staff, clock), Follower(records, clock, stream_s=stream_s)
    bounds, waits = LastBounds(aside, pool, current, clock), Waits(database, pool, current, clock)
    room = AgentsRoom(
        clock=clock,
        pool=pool,
        desk=desk,
        inbox=inbox,
        current=current,
        contacts=contacts,
        cases=Cases(database, pool),
        messages=Messages(database, pool),
        records=records,
        staff=staff,
        waiters=waiters,
        follower=follower,
        counts=Counts(aside, pool, clock, rests),
        boards=Recent(clock, rests),
        trial=LastDay(aside, pool),
        waits=waits,
        bounds=bounds,
    )
    return room, (bounds.loop, waits.loop), (waiters.loop, follower.loop)


def _agents(spine: Spine) -> AgentsRoom:
    database, pool = spine.storage.database, spine.settings.pool
    room, by_time, by_journal = agents_room(
        database, pool, spine.clock, spine.desk, spine.inbox, spine.current, aside=spine.storage.aside
    )
    for loop in by_time:
        spine.supervisor.add(loop)
    for loop in by_journal:
        spine.storage.wakeups.wake(spine.supervisor.add(loop), JOURNAL_WAKE, pool)
    return room


def _portal(spine: Spine, waits: Waits) -> tuple[PortalRoutes, Streams]:
    database, pool, clock = spine.storage.database, spine.settings.pool, spine.clock
    notifier = spine.storage.notifier
    conversations = Conversations(database, pool, waits.of)
    streams = Streams(conversations, clock)
    spine.storage.wakeups.on(PORTAL_WAKE, streams.hear)
    portal = Portal(
        spine.facts,
        Tickets(database, pool),
        conversations,
        spine.secrets,
        clock,
        lambda reference: notifier.notify(PORTAL_WAKE, reference),
        spine.desk,
        closed=spine.closed,
    )
    limits = PortalLimits(
        upload_bytes=spine.settings.attachment_limit, forms_per_minute=spine.settings.forms_per_minute
    )
    return PortalRoutes(portal, streams, spine.current, clock, limits), streams


def _escalations(spine: Spine) -> EscalationsRoom:
    database, pool = spine.storage.database, spine.settings.pool
    return EscalationsRoom(
        clock=spine.clock,
        desk=spine.desk,
        current=spine.current,
        store=Store(database, pool),
        endpoints=Endpoints(database, pool),
        links=links(spine),
    )


def _issuer(settings: Settings, http: httpx.AsyncClient, clock: Clock) -> Issuer | None:
    if not settings.oidc_issuer:
        return None
    chosen = IssuerSettings(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        jwks_url=settings.oidc_jwks_url,
        subject_claim=settings.oidc_subject_claim,
        role_claim=settings.oidc_role_claim,
        roles=settings.oidc_roles,
    )
    return Issuer(chosen, http=http, clock=clock)
