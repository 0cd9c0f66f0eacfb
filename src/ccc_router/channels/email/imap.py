"""Reading a mailbox by IMAP, for where no mail server can push to us.

How far a folder was read is a cursor of ours (UIDVALIDITY and UID), never the flags of the mailbox: another program may have read
a mail before us. The cursor moves after the mails are durable, so a crash reads again, and what is read twice is told once (I2).
The library is synchronous and runs in a thread.
"""

import asyncio
import contextlib
import imaplib
import re
import ssl
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol

import imap_tools
import msgspec

from ccc_router.channels.channel import Adapter, Request, Secrets
from ccc_router.channels.email.inbound.facts import HOP
from ccc_router.channels.intake import Intake
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import CccError
from ccc_router.kernel.log import get_logger
from ccc_router.routing.policy import Endpoint

_log = get_logger("channels.email")

_TIMEOUT_S: Final = 30.0
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d{1,12})")
_UID: Final = re.compile(rb"UID (\d{1,10})")
_CUT: Final = b"\r\n\r\n"
_LARGEST: Final = 36 * 1024 * 1024
_HEAD_OF_LARGE: Final = 256 * 1024


class Cursor(msgspec.Struct, frozen=True):
    """How far a folder was read: every mail up to ``uid`` under this ``uid_validity``."""

    uid_validity: int
    uid: int


class Cursors(Protocol):
    """Where cursors are kept."""

    async def get(self, endpoint: str, folder: str) -> Cursor | None:
        """The cursor, None before the first read."""
        ...

    async def put(self, endpoint: str, folder: str, cursor: Cursor) -> None:
        """Durable when it returns; a cursor never goes back under one ``uid_validity``."""
        ...


class Account(msgspec.Struct, frozen=True):
    """An endpoint's IMAP options, read. ``tls``: ``ssl``, ``starttls`` or ``none`` (loopback only)."""

    host: str
    port: int
    user: str
    folder: str
    tls: str
    token: bool
    first_days: int


def account_of(endpoint: Endpoint) -> Account | None:
    """The account of a mailbox that is polled, None for one that is not."""
    options = endpoint.options
    host = options.get("imap_host", "")
    if not host:
        return None
    tls = options.get("imap_tls", "ssl")
    if tls == "none" and host not in {"127.0.0.1", "::1", "localhost"}:
        tls = "starttls"
    port = options.get("imap_port", "")
    days = options.get("imap_first_days", "7")
    return Account(
        host=host,
        port=int(port) if port.isdecimal() else (993 if tls == "ssl" else 143),
        user=options.get("imap_user", "") or endpoint.address,
        folder=options.get("imap_folder", "INBOX"),
        tls=tls,
        token=options.get("imap_auth", "password") == "xoauth2",
        first_days=int(days) if days.isdecimal() else 7,
    )


class ImapPoller:
    """Reads every mailbox that has IMAP options. The password is the secret ``<endpoint>.imap``."""

    def __init__(
        self,
        intake: Intake,
        adapter: Adapter,
        endpoints: Callable[[], Iterable[Endpoint]],
        secrets: Secrets,
        cursors: Cursors,
        clock: Clock,
    ) -> None:
        self._intake = intake
        self._adapter = adapter
        self._endpoints = endpoints
        self._secrets = secrets
        self._cursors = cursors
        self._clock = clock

    async def poll(self) -> int:
        """Read what is new in every mailbox, one after the other; tell how many mails were taken.

        A mailbox that cannot be read is logged and tried at the next poll; it keeps no other waiting.
        """
        taken = 0
        for endpoint in list(self._endpoints()):
            account = account_of(endpoint) if endpoint.channel == "email" else None
            passwords = self._secrets.of(f"{endpoint.id}.imap")
            if account is None or not passwords:
                continue
            try:
                taken += await self._read(endpoint, account, passwords[0])
            except (imap_tools.ImapToolsError, imaplib.IMAP4.error, OSError, CccError) as error:
                # No text of the error: servers repeat the user's name in it.
                _log.warning("imap_failed", endpoint=endpoint.id, error=type(error).__name__)
        return taken

    async def _read(self, endpoint: Endpoint, account: Account, password: str) -> int:
        mailbox = await asyncio.to_thread(_open, account, password)
        try:
            validity, following = await asyncio.to_thread(_numbering, mailbox, account.folder)
            cursor = await self._cursors.get(endpoint.id, account.folder)
            since = None
            if cursor is None or cursor.uid_validity != validity:
                # The server numbers anew (or we begin): read the last days again; what is known is told once.
                since = self._clock.now() - timedelta(days=account.first_days if cursor is None else 30)
                cursor = Cursor(validity, 0)
            uids = await asyncio.to_thread(_uids_after, mailbox, cursor.uid, since)
            for uid in uids:
                raw = await asyncio.to_thread(_fetch, mailbox, uid)
                if raw is not None:
                    await self._take(endpoint, raw)
                await self._cursors.put(endpoint.id, account.folder, Cursor(validity, uid))
            if since is not None and not uids:
                # Nothing of the last days: what is older stays unread for good.
                await self._cursors.put(endpoint.id, account.folder, Cursor(validity, max(0, following - 1)))
            return len(uids)
        finally:
            await asyncio.to_thread(_close, mailbox)

    async def _take(self, endpoint: Endpoint, raw: bytes) -> None:
        headers = {} if endpoint.options.get("imap_trusted", "yes") != "no" else {HOP: "untrusted"}
        request = Request(
            method="IMAP",
            path=f"/{endpoint.id}",
            headers=headers,
            body=raw,
            received_at=self._clock.now_ms(),
        )
        await self._intake.accept(endpoint, request, self._adapter)


def _open(account: Account, password: str) -> imap_tools.BaseMailBox:
    context = ssl.create_default_context()
    mailbox: imap_tools.BaseMailBox
    if account.tls == "ssl":
        mailbox = imap_tools.MailBox(account.host, account.port, timeout=_TIMEOUT_S, ssl_context=context)
    elif account.tls == "starttls":
        mailbox = imap_tools.MailBoxStartTls(account.host, account.port, timeout=_TIMEOUT_S, ssl_context=context)
    else:
        mailbox = imap_tools.MailBoxUnencrypted(account.host, account.port, timeout=_TIMEOUT_S)
    try:
        if account.token:
            mailbox.xoauth2(account.user, password, initial_folder=None)
        else:
            mailbox.login(account.user, password, initial_folder=None)
        mailbox.folder.set(account.folder, readonly=True)
    except BaseException:
        _drop(mailbox)
        raise
    return mailbox


def _close(mailbox: imap_tools.BaseMailBox) -> None:
    with contextlib.suppress(imap_tools.ImapToolsError, imaplib.IMAP4.error, OSError):
        mailbox.logout()
    _drop(mailbox)


def _drop(mailbox: imap_tools.BaseMailBox) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        mailbox.client.shutdown()


def _numbering(mailbox: imap_tools.BaseMailBox, folder: str) -> tuple[int, int]:
    """UIDVALIDITY, and the UID the next mail will have at least."""
    status = mailbox.folder.status(folder, ["UIDVALIDITY", "UIDNEXT"])
    return int(status["UIDVALIDITY"]), int(status.get("UIDNEXT", 0))


def _uids_after(mailbox: imap_tools.BaseMailBox, uid: int, since: datetime | None) -> list[int]:
    """The UIDs above ``uid`` in order. ``n:*`` always names the last mail, even when it is older."""
    criteria = f"UID {uid + 1}:*" + (f" SINCE {since.strftime('%d-%b-%Y')}" if since is not None else "")
    return sorted(found for one in mailbox.uids(criteria) if (found := int(one)) > uid)


def _fetch(mailbox: imap_tools.BaseMailBox, uid: int) -> bytes | None:
    """The raw mail; of one that is too large only its head and beginning; None when it is gone meanwhile."""
    size = next(
        (int(found[1]) for line in _lines(mailbox, uid, "(UID RFC822.SIZE)") if (found := _SIZE.search(line))), 0
    )
    if not size:
        return None
    if size <= _LARGEST:
        raw = _literal(mailbox, uid, "(UID BODY.PEEK[])")
    else:
        head = _literal(mailbox, uid, "(UID BODY.PEEK[HEADER])") or b""
        start = _literal(mailbox, uid, f"(UID BODY.PEEK[TEXT]<0.{_HEAD_OF_LARGE}>)") or b""
        raw = head.rstrip(b"\r\n") + _CUT + start
    return raw or None


def _lines(mailbox: imap_tools.BaseMailBox, uid: int, what: str) -> list[bytes]:
    status, data = mailbox.client.uid("FETCH", str(uid), what)
    if status != "OK":
        raise imaplib.IMAP4.error("FETCH failed")
    return [line for one in data for line in (one if isinstance(one, tuple) else (one,)) if isinstance(line, bytes)]


def _literal(mailbox: imap_tools.BaseMailBox, uid: int, what: str) -> bytes | None:
    status, data = mailbox.client.uid("FETCH", str(uid), what)
    if status != "OK":
        raise imaplib.IMAP4.error("FETCH failed")
    for one in data:
        if isinstance(one, tuple) and (found := _UID.search(one[0])) and int(found[1]) == uid:
            return bytes(one[1])
    return next((bytes(one[1]) for one in data if isinstance(one, tuple)), None)
