"""Mailboxes: mails of ours in ``fixtures/email``, handed over with the endpoint's token."""

from typing import Final

from ccc_router.channels.channel import Request
from tests.support import mails
from tests.support.channel_case import ChannelCase, a_request

TOKEN: Final = "a-token-of-the-mail-server"


def deliver(body: bytes) -> Request:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "message/rfc822"}
    return a_request("/v1/channels/email/cskh/messages", body, headers)


CASES = [
    ChannelCase(
        name="email",
        endpoint=mails.mailbox(),
        secrets=(TOKEN,),
        deliver=deliver,
        samples={
            name: mails.raw(name)
            for group in ("charsets", "quotes", "parts", "broken", "trust", "threads")
            for name in mails.names(group)
        },
        unknown=mails.raw("machines/from-our-own-address").replace(mails.MESSAGE_ID.encode(), b"<own@x>"),
        unreadable=b" \r\n",
        signature_headers=("authorization",),
        signs_body=False,
    )
]
