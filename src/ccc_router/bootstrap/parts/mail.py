"""The two ways in by which mail systems reach us besides HTTP: the SMTP listener and the IMAP poller."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ccc_router.bootstrap.parts.taking import intake
from ccc_router.bootstrap.spine import Spine, mail_keys
from ccc_router.channels.email.cursors import PostgresCursors
from ccc_router.channels.email.imap import ImapPoller
from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.channels.email.outbound.ledger import Ledger
from ccc_router.channels.registry import EMAIL
from ccc_router.kernel.errors import Misconfigured
from ccc_router.kernel.log import get_logger
from ccc_router.rest.gates import gate
from ccc_router.routing.policy import Endpoint
from ccc_router.workers.mailbox import ledger_loop, mailbox_loop

if TYPE_CHECKING:
    from ccc_router.channels.email.listener import SmtpListener

_log = get_logger("serving")


@asynccontextmanager
async def threading(spine: Spine) -> AsyncIterator[None]:
    """Mails that come in find their cases by our marks."""
    EMAIL.use(Threading(mail_keys(spine)))
    yield


@asynccontextmanager
async def mailing(spine: Spine) -> AsyncIterator["SmtpListener | None"]:
    """Mail comes in until the context is left; then mails under way are taken first (I17). Raises Misconfigured."""
    settings, database, current = spine.settings, spine.storage.database, spine.current
    taking = intake(spine)

    def endpoints() -> Iterable[Endpoint]:
        known = current.catalogue.endpoints if current.catalogue is not None else ()
        return [one for one in known if not one.shared_from]  # what comes by the others comes to another pool

    cursors = PostgresCursors(database, settings.pool)
    poller = ImapPoller(taking, EMAIL, endpoints, spine.secrets, cursors, spine.clock)
    spine.supervisor.add(mailbox_loop(poller))
    spine.supervisor.add(ledger_loop(Ledger(database, mail_keys(spine)[0])))
    if not settings.smtp_port:
        yield None
        return
    # Without a port its library need not be loaded.
    from ccc_router.channels.email.listener import Limits, SmtpListener

    listener = SmtpListener(
        taking,
        EMAIL,
        endpoints,
        spine.clock,
        host=settings.smtp_host,
        port=settings.smtp_port,
        limits=Limits.of_files(settings.message_limit),
        memory=gate("mail", settings.body_memory),
    )
    try:
        await listener.start()
    except OSError as error:
        raise Misconfigured(f"CCC_SMTP_PORT: cannot listen there ({type(error).__name__})") from error
    _log.info("listening_smtp", host=settings.smtp_host, port=listener.port)
    try:
        yield listener
    finally:
        await listener.close(settings.drain_s / 2)
