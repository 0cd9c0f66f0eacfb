"""The loops of the mailboxes: reading by IMAP, and forgetting what left long ago."""

from typing import Final

from ccc_router.channels.email.imap import ImapPoller
from ccc_router.channels.email.outbound.ledger import Ledger
from ccc_router.kernel.tasks import Loop

POLL_S: Final = 60.0
_PRUNE_S: Final = 3600.0


def mailbox_loop(poller: ImapPoller, interval_s: float = POLL_S) -> Loop:
    """Polls every mailbox that has IMAP options; new mail is at most ``interval_s`` seconds old when it is read."""

    async def poll() -> None:
        await poller.poll()

    return Loop("mailbox", poll, interval_s)


def ledger_loop(ledger: Ledger) -> Loop:
    """Prunes the ledger of sent mail once an hour."""
    return Loop("mail-ledger", ledger.prune, _PRUNE_S)
