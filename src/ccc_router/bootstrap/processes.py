"""Which parts make which process: one line a process. ``up`` is all of them in one.

A part is named by where it is and loaded when a process that has it begins: who answers no HTTP does not load what does.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pkgutil import resolve_name
from types import MappingProxyType
from typing import Final

from ccc_router.bootstrap.parts.readiness import the_pool
from ccc_router.bootstrap.spine import LINKS, MAIL, Spine, secret_store, unset, working
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import Misconfigured
from ccc_router.settings import Settings

Part = Callable[[Spine], AbstractAsyncContextManager[object]]

_BY_KAFKA: Final = "spine:by_kafka"
_CATALOGUED: Final = "spine:catalogued"
_DECIDING: Final = "parts.deciding:deciding"
_THREADING: Final = "parts.mail:threading"
_MAILING: Final = "parts.mail:mailing"
_SENDING: Final = "parts.sending:sending"
_RELAYING: Final = "parts.relaying:relaying"
_ANSWERING: Final = "parts.answering:answering"
_PROBED: Final = "parts.probing:probed"


@dataclass(frozen=True, slots=True)
class Process:
    """A kind of process: what it says of itself, its parts in the order they begin, and what all of its kind need alike.

    ``keys`` are secrets of the service's own; ``signs``: it checks tokens that another may have issued.
    """

    told: str
    parts: tuple[str, ...]
    keys: tuple[str, ...] = ()
    signs: bool = False
    takes: bool = True
    """Whether it works on a pool's contacts, and so cannot without somebody who leads."""

    def load(self) -> list[Part]:
        """Its parts, the port for probes before them."""
        return [resolve_name(f"{__package__}.{place}") for place in (_PROBED, *self.parts)]


PROCESSES: Final[Mapping[str, Process]] = MappingProxyType(
    {
        "up": Process(
            "Run everything in one process: channels, engine, agents' and departments' REST, deliveries.",
            (_DECIDING, _BY_KAFKA, _CATALOGUED, _THREADING, _SENDING, _MAILING, _RELAYING, _ANSWERING),
        ),
        "serve": Process(
            "Answer HTTP: channels, agents' and departments' REST. As many as wanted, on any hosts.",
            (_BY_KAFKA, _CATALOGUED, _THREADING, _ANSWERING),
            keys=(MAIL, LINKS),
            signs=True,
        ),
        "engine": Process(
            "Decide: one leads the pool, the others stand by and take over when it ends.",
            (_DECIDING, _CATALOGUED),
            takes=False,
        ),
        "deliver": Process(
            "Send what is owed: replies, call control, webhooks, mails. As many as wanted.",
            (_CATALOGUED, _SENDING),
            keys=(MAIL, LINKS),
        ),
        "mail": Process(
            "Take mail by SMTP, and fetch it by IMAP.",
            (_BY_KAFKA, _CATALOGUED, _THREADING, _MAILING),
            keys=(MAIL,),
        ),
        "relay": Process(
            "Say the journal on its Kafka topic: one relays the pool's, the others stand by and take over when it ends.",
            (_RELAYING,),
            takes=False,
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
    if _RELAYING in kind.parts and settings.kafka() is None:
        faults.append("CCC_KAFKA_SERVERS: must be set; there is no topic without it")
    secrets = secret_store(settings, clock, alone=False)
    faults += [unset(name) for name in kind.keys if not secrets.of(name)]
    if _SENDING in kind.parts and settings.mail_relay is not None and not settings.public_url:
        faults.append("CCC_PUBLIC_URL: must be set; mails to departments have links to a serve process in them")
    if faults:
        raise Misconfigured("\n".join(faults))


@asynccontextmanager
async def at_work(spine: Spine) -> AsyncIterator[None]:
    """The process's parts, one after the other; ended in the reverse order, in which nothing is lost. Raises Misconfigured, Stopped."""
    kind = PROCESSES[spine.process]
    parts = kind.load()  # all of them now: later it would hold up those that are at work already
    if kind.takes:
        spine.looks.append(the_pool(spine))
    async with working(spine), AsyncExitStack() as stack:
        for part in parts:
            await stack.enter_async_context(part(spine))
        yield
