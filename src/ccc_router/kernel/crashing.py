"""Named places at which a test ends the process, as a power cut would: before and after each commit, send and answer.

`CCC_CRASH_AT=engine.commit.before` ends it the first time it comes there, `CCC_CRASH_AT=engine.commit.before:7` the seventh. Without the
variable a place costs one look at a global. The registry below is the only list; a test holds it against the code, in both directions.
"""

import difflib
import os
from enum import StrEnum
from typing import Final

STATUS: Final = 137
"""What the process ends with: what a shell says of one that was killed with signal 9."""


class Site(StrEnum):
    """A commit, a send or an answer. ``where`` is the function that has it (module below the package), ``what`` is what is done there."""

    where: str
    what: str

    def __new__(cls, name: str, where: str, what: str) -> "Site":
        """A member is its name; the rest is told beside it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.where = where
        member.what = what
        return member

    INBOX = "inbox.append", "events.inbox_postgres:PostgresInbox._write", "inputs and raw deliveries become durable"
    KAFKA = "kafka.append", "events.kafka.inbox:KafkaInbox._send", "facts are produced to Kafka and acknowledged"
    WITHDRAW = (
        "inbox.withdraw",
        "events.inbox_postgres:PostgresInbox.withdraw",
        "a command without an answer is taken back",
    )
    TAKE = "engine.take", "queues.taking.taking:Taking.take", "the engine reads inputs inside its transaction"
    COMMIT = (
        "engine.commit",
        "queues.session:Session.turn",
        "entries, rows, owed deliveries and outcomes become durable",
    )
    CATALOGUE = (
        "engine.catalogue",
        "queues.engine:Engine._activated",
        "a committed catalogue is put in force in this process",
    )
    TELL = "engine.tell", "queues.engine:Engine._tell", "callers are told their outcomes"
    PARTITION = "journal.partition", "events.partitions:_attach", "a partition of the journal is made"
    NOTIFY = "notify", "storage.wakeups:Notifier._send", "other processes are sent hints"
    LEASE_TAKE = "lease.take", "storage.leases:take", "the lease is taken and its epoch raised"
    LEASE_RENEW = "lease.renew", "storage.leases:renew", "the lease is extended"
    LEASE_RELEASE = "lease.release", "storage.leases:release", "the lease is given back"
    RELAY = (
        "relay.send",
        "events.kafka.journal:JournalTopic.publish",
        "entries are sent to the journal's topic and acknowledged",
    )
    RELAY_BEGIN = "relay.begin", "workers.relay:Relay._take", "a topic is noted for the first time"
    RELAY_MOVE = "relay.move", "workers.relay:Relay._move", "how far the topic is becomes durable"
    HEARTBEAT = "heartbeat", "queues.heartbeats:Heartbeats.write", "who was heard of is written"
    CLAIM = "delivery.claim", "queues.deliveries.claiming:claim", "due deliveries are claimed"
    BODY = "delivery.body", "queues.deliveries.claiming:fix_body", "the bytes of the first attempt are fixed"
    SEND = "delivery.send", "workers.deliver:Deliver._try", "an attempt is made: webhook, reply, mail or call control"
    END = "delivery.end", "workers.deliver:Deliver._end", "the end is marked and reported to the inbox"
    PUT_OFF = "delivery.put-off", "workers.deliver:Deliver._put_off", "a failed or cut attempt is owed again"
    NEXT = "delivery.next", "queues.deliveries.claiming:let_next", "the next of the lane may go"
    MOVED = "delivery.moved", "queues.deliveries.claiming:_let_go", "lanes whose head stepped aside go on"
    WELL = "department.well", "escalations.webhooks.endpoints:Endpoints.well", "a department's breaker is closed"
    ILL = "department.ill", "escalations.webhooks.endpoints:Endpoints.ill", "a department's failure is counted"
    DISABLE = "department.disable", "escalations.webhooks.endpoints:Endpoints.disable", "a department is gone (410)"
    ENABLE = "department.enable", "escalations.webhooks.endpoints:Endpoints.enable", "a person says it is there again"
    LINK = "department.link", "escalations.links:Links.make", "a mailed department's link is kept"
    LINK_USE = "department.link-use", "escalations.links:Links.use", "a link is used up"
    KEY_BEGIN = (
        "key.begin",
        "rest.kept:KeptAnswers.begin",
        "an Idempotency-Key is written before the request is handled",
    )
    KEY_FINISH = "key.finish", "rest.kept:KeptAnswers.finish", "its answer is kept before it is given"
    TICKET = "portal.ticket", "channels.portal.tickets:Tickets.open", "a visitor's ticket and its first line are made"
    LINE = "portal.line", "channels.portal.tickets:Tickets.add_line", "a visitor's message gets its number"
    UPLOAD = "portal.upload", "channels.portal.tickets:Tickets.keep_upload", "a visitor's file is kept"
    PROOF = "portal.proof", "channels.portal.tickets:Tickets.spend", "a solved challenge is used up"
    FILE = "agent.upload", "agents.store.messages:Messages.keep_upload", "an agent's file is kept"
    DRAFT = "agent.draft", "agents.store.messages:Messages.keep_draft", "a draft is kept"
    BLOBS = "blobs.keep", "queues.store.blobs:PostgresBlobs.keep", "files of a delivery are kept before its facts"
    MAIL_TAKEN = "smtp.answer", "channels.email.listener:_Protocol.push", "a mail server is told 250"
    MAIL_NOTE = "mail.note", "channels.email.outbound.ledger:Ledger.note", "an answer is noted before it leaves"
    MAIL_CLAIM = (
        "mail.claim",
        "channels.email.outbound.ledger:Ledger.claim",
        "an acknowledgement is noted before it leaves",
    )
    MAIL_DOUBT = "mail.doubt", "channels.email.outbound.ledger:Ledger.doubt", "a mail that may have arrived is noted"
    MAIL_PRUNE = "mail.prune", "channels.email.outbound.ledger:Ledger.prune", "old notes of mails are removed"
    CURSOR = "imap.cursor", "channels.email.cursors:PostgresCursors.put", "how far a mailbox was read is kept"
    SAID = (
        "automatic.say",
        "channels.outgoing:Automatic._say",
        "what is said by itself is written down before it leaves",
    )
    PART = (
        "page.part",
        "channels.fanpage.parts:PostgresParts.set",
        "a part of a page's reply is marked before its call and after",
    )
    PART_FORGET = (
        "page.forget",
        "channels.fanpage.parts:PostgresParts.forget",
        "a part that surely did not arrive is forgotten",
    )
    MEDIA_CLAIM = "page.media-claim", "channels.fanpage.media:Media.run_once", "files to fetch are claimed"
    MEDIA = "page.media", "channels.fanpage.media:Media._keep", "fetched files are kept"
    SIGHTING = (
        "phone.sighting",
        "channels.phone.ari.store:PostgresSightings._add",
        "what Asterisk said is kept until it is a fact",
    )
    FORETOLD = "wait.foretold", "queues.waits.foretold:Foretold.keep", "a foretold wait is kept"
    ERASE = "erase", "bootstrap.records:erase", "a customer is erased and the fact is in the inbox"
    PRUNE = "prune", "workers.prune:Pruning._prune", "rows whose time is over are removed"


NAMES: Final = tuple(f"{site.value}.{moment}" for site in Site for moment in ("before", "after"))
"""Every crash point: each site before what it does is durable or gone, and after, when nobody was told of it yet."""


class _Armed:
    """Where to end, and how many times more it may be passed."""

    def __init__(self, name: str, times: int) -> None:
        self.name = name
        self.left = times


_armed: _Armed | None = None


def fault_of(setting: str) -> str:
    """What is wrong with a value of CCC_CRASH_AT, with the nearest name; "" when nothing is."""
    name, _, times = setting.partition(":")
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        return "there is no such crash point" + (f"; did you mean {near[0]}?" if near else "")
    if times and not (times.isdecimal() and int(times) > 0):
        return "what follows the colon counts from 1"
    return ""


def arm(setting: str) -> None:
    """End this process at that point from now on; "" never. Raises ValueError for what `fault_of` finds."""
    global _armed
    if fault := setting and fault_of(setting):
        raise ValueError(fault)
    name, _, times = setting.partition(":")
    _armed = _Armed(name, int(times or 1)) if setting else None


def before(site: Site) -> None:
    """What ``site`` does is about to become durable, or to leave."""
    if _armed is not None:
        _reach(_armed, f"{site.value}.before")


def after(site: Site) -> None:
    """It is done, and nobody was told."""
    if _armed is not None:
        _reach(_armed, f"{site.value}.after")


def _reach(armed: _Armed, name: str) -> None:
    if armed.name != name:
        return
    armed.left -= 1
    if armed.left == 0:
        os._exit(STATUS)


def table() -> str:
    """The rows of docs/faults.md."""
    return "".join(f"| `{site.value}` | `{site.where}` | {site.what} |\n" for site in Site)
