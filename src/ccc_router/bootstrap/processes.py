"""Which parts make which process: one line a process. ``up`` is all of them in one."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ccc_router.bootstrap.parts.answering import answering, probed
from ccc_router.bootstrap.parts.deciding import deciding
from ccc_router.bootstrap.parts.mail import mailing, threading
from ccc_router.bootstrap.parts.readiness import the_pool
from ccc_router.bootstrap.parts.sending import LINKS, MAIL, sending
from ccc_router.bootstrap.spine import Spine, by_kafka, catalogued, secret_store, unset, working
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import Misconfigured
from ccc_router.settings import Settings

Part = Callable[[Spine], AbstractAsyncContextManager[object]]


@dataclass(frozen=True, slots=True)
class Process:
    """A kind of process: what it says of itself, its parts in the order they begin, and what all of its kind need alike.

    ``keys`` are secrets of the service's own; ``signs``: it checks tokens that another may have issued.
    """

    told: str
    parts: tuple[Part, ...]
    keys: tuple[str, ...] = ()
    signs: bool = False
    takes: bool = True
    """Whether it works on a pool's contacts, and so cannot without somebody who leads."""


PROCESSES: Final[Mapping[str, Process]] = MappingProxyType(
    {
        "up": Process(
            "Run everything in one process: channels, engine, agents' and departments' REST, deliveries.",
            (deciding, by_kafka, catalogued, threading, sending, mailing, answering),
        ),
        "serve": Process(
            "Answer HTTP: channels, agents' and departments' REST. As many as wanted, on any hosts.",
            (by_kafka, catalogued, threading, answering),
            keys=(MAIL, LINKS),
            signs=True,
        ),
        "engine": Process(
            "Decide: one leads the pool, the others stand by and take over when it ends.",
            (deciding, catalogued),
            takes=False,
        ),
        "deliver": Process(
            "Send what is owed: replies, call control, webhooks, mails. As many as wanted.",
            (catalogued, sending),
            keys=(MAIL, LINKS),
        ),
        "mail": Process(
            "Take mail by SMTP, and fetch it by IMAP.",
            (by_kafka, catalogued, threading, mailing),
            keys=(MAIL,),
        ),
    }
)
"""By the name of the command. Another kind of process is an entry here."""


def check(settings: Settings, process: str, clock: Clock) -> None:
    """Raise Misconfigured with a line for each setting that a process beside others must have and has not.

    What it made up in its own folder the others would not know: a token issued here would be refused there.
    """
    kind = PROCESSES[process]
    if process == "up":
        return
    faults = []
    if settings.database_url is None:
        faults.append(f"CCC_DATABASE_URL: must be set; {process} works beside other processes on one database")
    if kind.signs and settings.signing_key is None:
        faults.append("CCC_SIGNING_KEY: must be set, the same for every process")
    secrets = secret_store(settings, clock, alone=False)
    faults += [unset(name) for name in kind.keys if not secrets.of(name)]
    if sending in kind.parts and settings.mail_relay is not None and not settings.public_url:
        faults.append("CCC_PUBLIC_URL: must be set; mails to departments have links to a serve process in them")
    if faults:
        raise Misconfigured("\n".join(faults))


@asynccontextmanager
async def at_work(spine: Spine) -> AsyncIterator[None]:
    """The process's parts, one after the other; ended in the reverse order, in which nothing is lost. Raises Misconfigured, Stopped."""
    kind = PROCESSES[spine.process]
    if kind.takes:
        spine.looks.append(the_pool(spine))
    async with working(spine), probed(spine), AsyncExitStack() as stack:
        for part in kind.parts:
            await stack.enter_async_context(part(spine))
        yield
