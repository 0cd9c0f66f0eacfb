"""Mails of our own making from ``fixtures/email``, and a mailbox that reads them.

In a fixture ``{{message_id}}``, ``{{case_address}}`` and the like stand for what this installation's key signs.
"""

import base64
from pathlib import Path
from typing import Final

from ccc_router.channels.channel import Parsed, Request
from ccc_router.channels.email.adapter import EmailAdapter
from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.channels.email.mailbox import with_tag
from ccc_router.channels.email.mime.mail import Mail, read
from ccc_router.events.facts import MessageReceived, Private
from ccc_router.kernel.ids import derive, reference
from ccc_router.routing.policy import Endpoint, Text

FIXTURES: Final = Path(__file__).parents[1] / "fixtures" / "email"
KEY: Final = b"a key that only the tests know.."
THREADING: Final = Threading([KEY])
CASE: Final = derive("cs", "tests", "case")
MESSAGE: Final = derive("ms", "tests", "message")
ADDRESS: Final = "cskh@bhxh.example.vn"
RECEIVED_AT: Final = 1_795_336_000_000  # 2026-11-22T08:26:40Z

MESSAGE_ID: Final = THREADING.message_id(CASE, MESSAGE, "bhxh.example.vn")
_MARKS: Final = {
    "{{message_id}}": MESSAGE_ID,
    "{{encoded_message_id}}": f"=?utf-8?b?{base64.b64encode(MESSAGE_ID.encode()).decode()}?=",
    "{{case_address}}": with_tag(ADDRESS, THREADING.case_tag(CASE)),
    "{{bounce_address}}": with_tag(ADDRESS, THREADING.bounce_tag(MESSAGE)),
    "{{reference}}": reference(CASE),
    "{{loop_token}}": THREADING.loop_token("cskh"),
}


def mailbox(endpoint_id: str = "cskh", address: str = ADDRESS, **options: str) -> Endpoint:
    """An email endpoint."""
    return Endpoint(
        id=endpoint_id,
        channel="email",
        name=Text(vi="Trung tâm Chăm sóc khách hàng", en="Customer Care Centre"),
        queue="general",
        address=address,
        options=options,
    )


def names(group: str = "") -> list[str]:
    """The fixtures of a group (all without one), as ``group/name``."""
    return sorted(path.relative_to(FIXTURES).with_suffix("").as_posix() for path in (FIXTURES / group).rglob("*.eml"))


def raw(name: str) -> bytes:
    """A fixture's bytes, with this installation's marks."""
    text = (FIXTURES / f"{name}.eml").read_bytes()
    for mark, value in _MARKS.items():
        text = text.replace(mark.encode(), value.encode())
    return text


def mail(name: str) -> Mail:
    """A fixture, read."""
    return read(raw(name))


def parsed(body: bytes, endpoint: Endpoint | None = None, **headers: str) -> Parsed:
    """What the adapter makes of a mail. Headers are given with underscores for dashes."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(method="SMTP", path="/cskh", headers=given, body=body, received_at=RECEIVED_AT)
    result = EmailAdapter([KEY]).parse(request, endpoint or mailbox(), {})
    assert isinstance(result, Parsed), result
    return result


def message(body: bytes, endpoint: Endpoint | None = None, **headers: str) -> tuple[MessageReceived, Private]:
    """The one message that a mail tells, with its private part."""
    (keyed,) = parsed(body, endpoint, **headers).facts
    assert isinstance(keyed.fact, MessageReceived), keyed.fact
    assert keyed.fact.private is not None
    return keyed.fact, keyed.fact.private


def fact(name: str, endpoint: Endpoint | None = None, **headers: str) -> tuple[MessageReceived, Private]:
    """`message` of a fixture."""
    return message(raw(name), endpoint, **headers)


def a_mail(text: str = "Xin hỏi.", **fields: str) -> bytes:
    """A plain mail; header fields are given with underscores for dashes."""
    head = {"From": "khach@example.com", "To": ADDRESS, "Subject": "Hoi", "Message-ID": "<m1@example.com>"}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
    return (lines + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text).encode("utf-8", "surrogateescape")
