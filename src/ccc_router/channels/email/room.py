"""The email room put together: what bootstrap asks for, and gives to the loops."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from ccc_router.channels.channel import Secrets
from ccc_router.channels.email.adapter import EmailAdapter
from ccc_router.channels.email.cursors import PostgresCursors
from ccc_router.channels.email.imap import ImapPoller
from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.channels.email.listener import Limits, SmtpListener
from ccc_router.channels.email.outbound.ledger import Ledger
from ccc_router.channels.email.outbound.letters import Letters
from ccc_router.channels.email.outbound.sender import MailSender
from ccc_router.channels.email.outbound.smtp import Post, relay_of
from ccc_router.channels.intake import Intake
from ccc_router.kernel.clock import Clock
from ccc_router.queues.catalogue import Current
from ccc_router.routing.policy import Endpoint
from ccc_router.storage.database import Database

_ON_THE_WIRE: Final = 1.45  # base 64 and its line ends


class EmailRoom(msgspec.Struct, frozen=True):
    """``sender`` for REPLY deliveries of mailboxes and for ACKNOWLEDGEMENT ones; ``listener`` is started by whoever owns it."""

    sender: MailSender
    listener: SmtpListener
    poller: ImapPoller
    ledger: Ledger
    post: Post | None


def mail_keys(signing_keys: Sequence[str]) -> tuple[bytes, ...]:
    """The keys of our Message-IDs and plus-addresses, derived from the installation's: a token is never one of these."""
    return tuple(hmac.new(key.encode(), b"mail threading", hashlib.sha256).digest() for key in signing_keys)


def email_room(
    database: Database,
    pool: str,
    intake: Intake,
    adapter: EmailAdapter,
    secrets: Secrets,
    current: Current,
    clock: Clock,
    signing_keys: Sequence[str],
    *,
    relay: str = "",
    smtp_host: str = "127.0.0.1",
    smtp_port: int = 0,
    message_limit: int = 25 * 1024 * 1024,
) -> EmailRoom:
    """Wire the room; ``adapter`` is the registry's and gets the keys. ``message_limit`` is in decoded bytes.

    Raises ValueError without a signing key, or for a ``relay`` that is none.
    """
    keys = mail_keys(signing_keys)
    if not keys:
        raise ValueError("the email room needs a signing key")
    threading = Threading(keys)
    adapter.use(threading)
    ledger = Ledger(database, keys[-1])
    post = Post(relay_of(relay)) if relay else None

    def endpoints() -> Iterable[Endpoint]:
        return current.catalogue.endpoints if current.catalogue is not None else ()

    limits = Limits(bytes=int(message_limit * _ON_THE_WIRE))
    return EmailRoom(
        sender=MailSender(Letters(database), ledger, post, threading, current, clock),
        listener=SmtpListener(intake, adapter, endpoints, clock, host=smtp_host, port=smtp_port, limits=limits),
        poller=ImapPoller(intake, adapter, endpoints, secrets, PostgresCursors(database, pool), clock),
        ledger=ledger,
        post=post,
    )
