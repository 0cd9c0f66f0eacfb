"""One attempt over SMTP, and what every answer of a relay means."""

import pytest

from ccc_router.channels.email.outbound.smtp import Post, Relay, relay_of, wire_address
from ccc_router.queues.deliveries.port import Attempted, Failed, Parked, Retry, Sent, Unknown
from tests.support.fake_relay import DROP, HANG, relay

RAW = b"From: cskh@bhxh.example.vn\r\nTo: khach@example.com\r\n\r\n.d\xe1\xba\xa5u\r\n.\r\n"


async def attempt(**answers: str) -> Attempted:
    async with relay(**answers) as fake:
        post = Post(Relay("127.0.0.1", fake.port), timeout_s=0.3, data_timeout_s=0.3)
        return await post.send("cskh@bhxh.example.vn", "khach@example.com", RAW)


async def test_a_mail_arrives_as_it_is() -> None:
    async with relay() as fake:
        assert await Post(Relay("127.0.0.1", fake.port)).send("", "khach@example.com", RAW) == Sent()
        (taken,) = fake.taken
    assert (taken.sender, taken.recipients, taken.raw) == ("", ["khach@example.com"], RAW)


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ({"HELLO": "421 busy"}, Retry("relay_421")),
        ({"HELLO": "554 no"}, Retry("relay_554")),
        ({"HELLO": HANG}, Retry("connect_timeout")),
        ({"HELLO": DROP}, Retry("connect_lost")),
        ({"MAIL": "451 later"}, Retry("sender_451")),
        ({"MAIL": "550 not you"}, Parked("sender_550")),
        ({"MAIL": "552 too big"}, Failed("too_large")),
        ({"MAIL": DROP}, Retry("connection_lost")),
        ({"RCPT": "450 busy"}, Retry("recipient_450")),
        ({"RCPT": "550 unknown"}, Failed("recipient_550")),
        ({"RCPT": HANG}, Retry("connection_timeout")),
        ({"DATA": "451 later"}, Retry("content_451")),
        ({"DATA": "554 spam"}, Failed("content_554")),
        ({"END": "452 full"}, Retry("content_452")),
        ({"END": "552 too big"}, Failed("content_552")),
        ({"END": HANG}, Unknown("data_timeout")),
        ({"END": DROP}, Unknown("data_lost")),
    ],
    ids=str,
)
async def test_each_answer_has_its_meaning(answers: dict[str, str], outcome: Attempted) -> None:
    """4xx comes again, 5xx about this mail is final, 5xx about us needs a person, silence after the body is doubt."""
    assert await attempt(**answers) == outcome


async def test_nobody_listens() -> None:
    async with relay() as fake:
        port = fake.port
    assert await Post(Relay("127.0.0.1", port), timeout_s=1).send("a@b.vn", "c@d.vn", RAW) == Retry("connect_lost")


def test_relays_are_read_and_bad_ones_refused_without_repeating_them() -> None:
    assert relay_of("smtp://127.0.0.1:2525?tls=none") == Relay("127.0.0.1", 2525, tls="none")
    assert relay_of("smtps://u%40x:p%3Aw@mx.example.vn") == Relay("mx.example.vn", 465, "u@x", "p:w", "ssl")
    for url in ("http://secret@x", "smtp://secret@", "secret.example.vn", "smtp://u:secret@x?tls=maybe"):
        with pytest.raises(ValueError, match="mail relay") as found:
            relay_of(url)
        assert "secret" not in str(found.value)


def test_addresses_on_the_wire_are_ascii() -> None:
    assert wire_address("a@ví-dụ.vn") == "a@xn--v-d-rma6749a.vn"
    with pytest.raises(ValueError, match="local part"):
        wire_address("đồng@example.vn")
