"""Which way a reply leaves, and how often one address may come."""

import pytest

from ccc_router.channels.portal.rates import Rates
from ccc_router.channels.replies import Replies
from ccc_router.events.vocabulary import Channel, DeliveryKind
from ccc_router.kernel.errors import TooMany
from ccc_router.queues.deliveries.port import Delivery, Failed, Parked, Sent
from tests.support.channel_case import an_endpoint
from tests.support.channel_intake import KnownEndpoints
from tests.support.deliveries import ScriptedSender
from tests.support.fake_clock import FakeClock


def a_reply(target: str) -> Delivery:
    return Delivery(pool="main", id="dl_1", kind=DeliveryKind.REPLY, lane="reply:ct_1", target=target)


async def test_a_reply_leaves_by_the_channel_of_its_endpoint() -> None:
    page, portal = ScriptedSender(), ScriptedSender()
    directory = KnownEndpoints(
        an_endpoint("fanpage", "page-1"), an_endpoint("portal", "portal"), an_endpoint("phone", "hotline")
    )
    replies = Replies(directory, {Channel.FANPAGE: page, Channel.PORTAL: portal})
    assert await replies.send(a_reply("portal")) == Sent()
    assert (len(page.given), len(portal.given)) == (0, 1)
    assert await replies.send(a_reply("hotline")) == Failed("no_sender")
    assert await replies.send(a_reply("gone")) == Parked("endpoint_gone"), "a person may put the endpoint back"


async def test_one_address_has_its_burst_and_then_its_rate(clock: FakeClock) -> None:
    rates = Rates(clock, per_minute=6, burst=3)
    for _ in range(3):
        rates.take("a")
    with pytest.raises(TooMany) as refused:
        rates.take("a")
    assert refused.value.retry_after_s == 10
    rates.take("b")
    await clock.advance(9)
    with pytest.raises(TooMany):
        rates.take("a")
    await clock.advance(1.5)
    rates.take("a")
    with pytest.raises(TooMany):
        rates.take("a")


async def test_a_network_of_version_6_is_one_address(clock: FakeClock) -> None:
    rates = Rates(clock, per_minute=6, burst=2)
    rates.take("2001:db8:1:2::1")
    rates.take("2001:db8:1:2:ffff::9")
    with pytest.raises(TooMany):
        rates.take("2001:db8:1:2:3::1")
    for another in ("2001:db8:1:3::1", "::ffff:192.0.2.1", "::ffff:192.0.2.2", "192.0.2.1", "192.0.2.2", ""):
        for _ in range(2):
            rates.take(another)


async def test_many_addresses_do_not_fill_the_memory(clock: FakeClock) -> None:
    rates = Rates(clock, per_minute=60, burst=1)
    for number in range(60_000):
        rates.take(str(number))
    assert len(rates._buckets) <= 50_001
