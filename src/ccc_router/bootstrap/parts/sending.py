"""Everything that leaves: which sender makes the attempts of which kind of delivery."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache

import httpx

from ccc_router.bootstrap.spine import LINKS, Spine, mail_keys
from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.channels.email.outbound.ledger import Ledger
from ccc_router.channels.email.outbound.letters import Letters
from ccc_router.channels.email.outbound.sender import MailSender
from ccc_router.channels.email.outbound.smtp import ATTEMPT_S, Post, relay_of
from ccc_router.channels.fanpage import graph
from ccc_router.channels.fanpage.media import Media
from ccc_router.channels.fanpage.parts import PostgresParts
from ccc_router.channels.fanpage.sender import FanpageSender
from ccc_router.channels.outgoing import Automatic, PostgresOutbox
from ccc_router.channels.phone import control
from ccc_router.channels.portal.sender import PortalSender
from ccc_router.channels.portal.stream import WAKE as PORTAL_WAKE
from ccc_router.channels.portal.tickets import Tickets
from ccc_router.channels.replies import Replies
from ccc_router.escalations.links import Links
from ccc_router.escalations.mailed.sender import DepartmentMailSender
from ccc_router.escalations.texts import Texts
from ccc_router.escalations.webhooks.endpoints import Endpoints
from ccc_router.escalations.webhooks.outbound import Outbound
from ccc_router.escalations.webhooks.sender import WebhookSender
from ccc_router.events.vocabulary import Channel, DeliveryKind
from ccc_router.queues.deliveries.port import Sender
from ccc_router.workers.deliver import Deliver, Way
from ccc_router.workers.schedules import CALLS, CUSTOMERS, DEPARTMENTS


@cache
def trusted() -> ssl.SSLContext:
    """The authorities whose certificates are believed; read once for all clients, for there are many."""
    return httpx.create_ssl_context(trust_env=False)


def links(spine: Spine) -> Links:
    """The links in mails to departments."""
    return Links(spine.storage.database, spine.settings.pool, spine.key(LINKS)[0].encode())


@asynccontextmanager
async def sending(spine: Spine) -> AsyncIterator[Deliver]:
    """The loops that send, running until the context is left; attempts under way then end, or are given back (I17)."""
    async with AsyncExitStack() as stack:
        deliver = Deliver(
            spine.storage.database,
            spine.settings.pool,
            spine.clock,
            await _ways(spine, stack),
            reported=lambda _: spine.wake(),
        )
        deliver.listen(spine.storage.wakeups)
        client = await stack.enter_async_context(graph.a_client(trusted()))
        media = Media(spine.storage.database, spine.settings.pool, client, spine.current, spine.clock)
        for loop in (*deliver.loops.values(), media.loop):
            spine.supervisor.add(loop)
        try:
            yield deliver
        finally:
            await deliver.close(spine.settings.drain_s / 2)


async def _ways(spine: Spine, stack: AsyncExitStack) -> dict[DeliveryKind, Way]:
    relay = spine.settings.mail_relay
    post = Post(relay_of(relay.get_secret_value())) if relay is not None else None
    mail = _mail(spine, post)
    page = _page(spine, await stack.enter_async_context(graph.a_client(trusted())))
    replies = Replies(spine.current, {Channel.EMAIL: mail, Channel.FANPAGE: page, Channel.PORTAL: _portal(spine)})
    lines = control.PostgresLines(spine.storage.database)
    switch = await stack.enter_async_context(control.a_client(trusted()))
    return {
        DeliveryKind.REPLY: Way(replies, CUSTOMERS, limit_s=ATTEMPT_S),
        DeliveryKind.ACKNOWLEDGEMENT: Way(
            Automatic(spine.storage.database, spine.current, spine.clock, replies), CUSTOMERS, limit_s=ATTEMPT_S
        ),
        DeliveryKind.CONTROL: Way(
            control.ControlSender(switch, lines, spine.secrets, spine.current, spine.clock),
            CALLS,
            at_once=64,
            limit_s=3,
        ),
        DeliveryKind.WEBHOOK: Way(_webhooks(spine), DEPARTMENTS, at_once=64, limit_s=25),
        DeliveryKind.DEPARTMENT_MAIL: Way(_department_mail(spine, post), DEPARTMENTS, limit_s=ATTEMPT_S),
    }


def _mail(spine: Spine, post: Post | None) -> Sender:
    database, keys = spine.storage.database, mail_keys(spine)
    return MailSender(Letters(database), Ledger(database, keys[0]), post, Threading(keys), spine.current, spine.clock)


def _page(spine: Spine, client: httpx.AsyncClient) -> Sender:
    database = spine.storage.database
    outbox, parts = PostgresOutbox(database), PostgresParts(database)
    return FanpageSender(client, outbox, parts, spine.secrets, spine.current, spine.clock)


def _portal(spine: Spine) -> Sender:
    database, notifier = spine.storage.database, spine.storage.notifier
    tickets = Tickets(database, spine.settings.pool)
    hint = lambda reference: notifier.notify(PORTAL_WAKE, reference)  # noqa: E731
    return PortalSender(PostgresOutbox(database), tickets, hint, spine.current)


def _webhooks(spine: Spine) -> Sender:
    database, settings = spine.storage.database, spine.settings
    return WebhookSender(
        database,
        spine.clock,
        spine.current.department,
        spine.secrets,
        Texts(database),
        Endpoints(database, settings.pool),
        Outbound(),
        public_url=settings.public_url,
        loopback=settings.department_loopback or (spine.alone and settings.catalogue is None),
    )


def _department_mail(spine: Spine, post: Post | None) -> Sender:
    settings = spine.settings
    return DepartmentMailSender(
        spine.current.department,
        Texts(spine.storage.database),
        links(spine),
        post.send if post is not None else None,
        sender=settings.mail_from,
        public_url=settings.public_url or f"http://{settings.host}:{settings.port}",
    )
