"""Handing a mail to the relay: one attempt, and what it came to in the words of the deliveries' port."""

from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

from ccc_router.queues.deliveries.port import Attempted, Failed, Parked, Retry, Sent, Unknown

_TIMEOUT_S: Final = 15.0
_DATA_TIMEOUT_S: Final = 60.0
ATTEMPT_S: Final = 100.0
"""Longer than any attempt takes. Whoever cuts attempts must not cut sooner: a cut body is doubt, not a failure."""
_SUBMISSION, _SUBMISSIONS = 587, 465


class Relay(msgspec.Struct, frozen=True):
    """Where mail goes out. ``tls``: ``ssl`` from the first byte, ``starttls`` demanded, ``offered`` if the relay offers it, ``none``."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: str = "offered"


def relay_of(url: str) -> Relay:
    """Read ``smtp[s]://user:password@host:port[?tls=starttls|none]``. Raises ValueError, without repeating it, when it is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("a mail relay is smtp://host:port or smtps://host:port")
    secure = parts.scheme == "smtps"
    asked = parts.query.removeprefix("tls=") if parts.query.startswith("tls=") else "offered"
    if asked not in {"offered", "starttls", "none"}:
        raise ValueError("tls of a mail relay is starttls or none")
    return Relay(
        host=parts.hostname,
        port=parts.port or (_SUBMISSIONS if secure else _SUBMISSION),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls="ssl" if secure else asked,
    )


def wire_address(address: str) -> str:
    """The address in ASCII: an international domain by IDNA. Raises ValueError for an international local part."""
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise ValueError("the relay cannot take an international local part")
    return f"{local}@{domain.encode('idna').decode('ascii')}"


class Post:
    """Sends finished mails through one relay."""

    def __init__(self, relay: Relay, *, timeout_s: float = _TIMEOUT_S, data_timeout_s: float = _DATA_TIMEOUT_S) -> None:
        self._relay = relay
        self._timeout_s = timeout_s
        self._data_timeout_s = data_timeout_s

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> Attempted:
        """Try once. ``envelope_from`` "" is the null sender.

        Until the body is begun every trouble is ``Retry`` or, if the relay refuses us and not the recipient, ``Parked``. When the
        connection is lost or silent after that, nobody can say what became of it: ``Unknown``.
        """
        client = aiosmtplib.SMTP(
            hostname=self._relay.host,
            port=self._relay.port,
            username=self._relay.user or None,
            password=self._relay.password or None,
            use_tls=self._relay.tls == "ssl",
            start_tls={"starttls": True, "none": False}.get(self._relay.tls),
            timeout=self._timeout_s,
        )
        try:
            await client.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            return Parked(f"relay_login_{error.code}") if error.code >= 500 else Retry(f"relay_login_{error.code}")
        except aiosmtplib.SMTPResponseException as error:
            return Retry(f"relay_{error.code}")
        except (aiosmtplib.SMTPException, OSError) as error:
            return Retry(f"connect_{_name(error)}")
        try:
            return await self._hand_over(client, envelope_from, recipient, raw)
        finally:
            client.close()

    async def _hand_over(self, client: aiosmtplib.SMTP, envelope_from: str, recipient: str, raw: bytes) -> Attempted:
        try:
            size = [f"SIZE={len(raw)}"] if client.supports_extension("size") else []
            await client.mail(envelope_from, options=size)
            await client.rcpt(recipient)
        except aiosmtplib.SMTPSenderRefused as error:
            return Retry(f"sender_{error.code}") if error.code < 500 else _refused_by_relay(error.code)
        except aiosmtplib.SMTPResponseException as error:
            return Failed(f"recipient_{error.code}") if error.code >= 500 else Retry(f"recipient_{error.code}")
        except (aiosmtplib.SMTPException, OSError) as error:
            return Retry(f"connection_{_name(error)}")
        try:
            await client.data(raw, timeout=self._data_timeout_s)
        except aiosmtplib.SMTPResponseException as error:
            return Failed(f"content_{error.code}") if error.code >= 500 else Retry(f"content_{error.code}")
        except (aiosmtplib.SMTPException, OSError) as error:
            return Unknown(f"data_{_name(error)}")
        return Sent()


def _refused_by_relay(code: int) -> Attempted:
    """552 is about the size of this mail; any other refusal of our own address needs a person."""
    return Failed("too_large") if code == 552 else Parked(f"sender_{code}")


def _name(error: Exception) -> str:
    """A short stable word for a kind of trouble."""
    if isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return "timeout"
    return "lost" if isinstance(error, aiosmtplib.SMTPServerDisconnected | ConnectionError) else "failed"
