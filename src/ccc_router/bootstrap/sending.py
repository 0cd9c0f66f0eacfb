"""Everything that leaves: which sender makes the attempts of which kind of delivery."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ccc_router.bootstrap.spine import Spine
from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.channels.email.outbound.ledger import Ledger
from ccc_router.channels.email.outbound.letters import Letters
from ccc_router.channels.email.outbound.sender import MailSender
from ccc_router.channels.email.outbound.smtp import Post, relay_of
from ccc_router.channels.fanpage.graph import a_client
from ccc_router.channels.fanpage.parts import PostgresParts
from ccc_router.channels.fanpage.sender import FanpageSender
from ccc_router.channels.outgoing import PostgresOutbox
from ccc_router.channels.phone import control
from ccc_router.channels.replies import Replies
from ccc_router.events.vocabulary import Channel, DeliveryKind
from ccc_router.workers.deliver import CALLS, CUSTOMERS, Deliver, Way

MAIL: Final = "mail"
"""The secret that signs Message-IDs and plus-addresses, so that an answer finds its case."""


def mail_keys(spine: Spine) -> tuple[bytes, ...]:
    """The keys for marks in mail; made and kept in the data folder when there is none."""
    return tuple(key.encode() for key in spine.secrets.ensure(MAIL))


@asynccontextmanager
async def deliver(spine: Spine) -> AsyncIterator[Deliver]:
    """The loops that send, running until the context is left."""
    settings, database = spine.settings, spine.storage.database
    relay = settings.mail_relay
    keys = mail_keys(spine)
    post = Post(relay_of(relay.get_secret_value())) if relay is not None else None
    mail = MailSender(Letters(database), Ledger(database, keys[0]), post, Threading(keys), spine.current, spine.clock)
    async with a_client() as graph_client, control.a_client() as switch_client:
        page = FanpageSender(
            graph_client, PostgresOutbox(database), PostgresParts(database), spine.secrets, spine.current, spine.clock
        )
        replies = Replies(spine.current, {Channel.EMAIL: mail, Channel.FANPAGE: page})
        switches = control.ControlSender(
            switch_client, control.PostgresLines(database), spine.secrets, spine.current, spine.clock
        )
        ways = {
            DeliveryKind.CONTROL: Way(switches, CALLS, limit_s=3.0),
            DeliveryKind.REPLY: Way(replies, CUSTOMERS),
            DeliveryKind.ACKNOWLEDGEMENT: Way(mail, CUSTOMERS),
        }
        sending = Deliver(database, spine.clock, ways, reported=lambda _pool: spine.wake())
        sending.listen(spine.storage.wakeups)
        for loop in sending.loops.values():
            spine.supervisor.add(loop)
        try:
            yield sending
        finally:
            await sending.close(settings.drain_s / 2)
