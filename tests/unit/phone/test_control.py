"""Call control out: signed, in time, and a call that moved on is no failure."""

import json

import httpx
import msgspec
import pytest
from standardwebhooks import Webhook

from ccc_router.channels.phone.control import ControlSender, Line, encode
from ccc_router.events.vocabulary import ControlCommand, DeliveryKind
from ccc_router.kernel.clock import Clock, SystemClock, format_utc
from ccc_router.queues.deliveries.port import Attempted, Delivery, Failed, Postponed, Retry, Sent
from ccc_router.queues.waits.telling import PATIENCE_MS, Standing
from tests.support.channel_case import an_endpoint
from tests.support.channel_intake import KnownEndpoints, KnownSecrets
from tests.support.fake_clock import MORNING_MS, FakeClock

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OTHER = "whsec_" + "QUJD" * 11 + "QUI="
SWITCH = msgspec.structs.replace(
    an_endpoint("phone", "hotline", "csta"), control_url="http://switch.example/control?site=hn"
)
CONNECT = Delivery(
    pool="main", id="dl_0001", kind=DeliveryKind.CONTROL, lane="call:ct_1", target="hotline", contact_id="ct_1", case_id="cs_1",
    command=ControlCommand.CONNECT, not_after=MORNING_MS + 20_000,
    data={"call_id": "hn-7f31", "offer_id": "of_1", "agent_id": "an.nguyen", "agent_endpoint": "PJSIP/1001"},
)  # fmt: skip


class KnownLines:
    """The customer's leg and number."""

    def __init__(self, number: str = "+84912345678") -> None:
        self.number = number
        self.standing: Standing | None = None

    async def of(self, delivery: Delivery) -> Line:
        return Line("hn-7f31-a", self.number, self.standing)


class Switch:
    """Takes what is posted; answers with ``status`` or raises."""

    def __init__(self, status: int = 202, error: Exception | None = None) -> None:
        self.status = status
        self.error = error
        self.lines = KnownLines()
        self.requests: list[httpx.Request] = []

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return httpx.Response(self.status, headers={"location": "http://elsewhere.example/"})

    def sender(self, clock: Clock, **secrets: tuple[str, ...]) -> ControlSender:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.handle), follow_redirects=False)
        known = {name.replace("_", "."): values for name, values in secrets.items()} or {"hotline": (SECRET,)}
        return ControlSender(client, self.lines, KnownSecrets(known), KnownEndpoints(SWITCH), clock)

    async def send(self, delivery: Delivery = CONNECT, **secrets: tuple[str, ...]) -> Attempted:
        return await self.sender(FakeClock(), **secrets).send(delivery)


async def test_a_command_is_what_the_contract_says() -> None:
    switch = Switch()
    assert await switch.send() == Sent()
    (request,) = switch.requests
    assert str(request.url) == SWITCH.control_url
    assert json.loads(request.content) == {
        "command_id": "dl_0001", "command": "connect", "call_id": "hn-7f31", "leg_id": "hn-7f31-a", "contact_id": "ct_1",
        "offer_id": "of_1", "agent_id": "an.nguyen", "agent_endpoint": "PJSIP/1001", "not_after": "2026-11-23T01:00:20.000Z",
    }  # fmt: skip
    assert request.headers["webhook-id"] == "dl_0001"


async def test_the_receivers_library_verifies_it() -> None:
    """Interoperability: its five minutes of tolerance are around the machine's clock, so this one runs on it."""
    switch, clock = Switch(), SystemClock()
    delivery = msgspec.structs.replace(CONNECT, not_after=clock.now_ms() + 20_000)
    assert await switch.sender(clock).send(delivery) == Sent()
    (request,) = switch.requests
    told = Webhook(SECRET).verify(request.content, dict(request.headers))
    assert told["command"] == "connect"


async def test_every_attempt_has_the_same_id_and_body_and_a_time_of_its_own() -> None:
    switch, clock = Switch(503), FakeClock()
    sender = switch.sender(clock)
    assert await sender.send(CONNECT) == Retry("http_503")
    await clock.advance(1)
    await sender.send(CONNECT)
    first, second = switch.requests
    assert first.content == second.content
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


async def test_the_switchs_secret_of_its_own_goes_before_that_of_the_events_and_two_sign_twice() -> None:
    switch = Switch()
    await switch.send(hotline=(SECRET,), hotline_control=(OTHER, SECRET))
    assert len(switch.requests[0].headers["webhook-signature"].split()) == 2


@pytest.mark.parametrize(("status", "word"), [(404, "call_gone"), (409, "moved_on"), (412, "moved_on")])
async def test_a_call_that_moved_on_is_no_failure(status: int, word: str) -> None:
    assert await Switch(status).send() == Sent(word)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Sent()),
        (204, Sent()),
        (301, Failed("http_301")),
        (307, Failed("http_307")),
        (400, Failed("http_400")),
        (401, Failed("http_401")),
        (410, Failed("http_410")),
        (408, Retry("http_408")),
        (429, Retry("http_429")),
        (500, Retry("http_500")),
        (503, Retry("http_503")),
    ],
)
async def test_what_the_switch_answers(status: int, outcome: Attempted) -> None:
    switch = Switch(status)
    assert await switch.send() == outcome
    assert len(switch.requests) == 1, "no redirect is followed"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx.ConnectError("no"), Retry("connection_failed")),
        (httpx.ReadTimeout("slow"), Retry("timeout")),
        (httpx.RemoteProtocolError("bad"), Retry("connection_failed")),
    ],
)
async def test_a_switch_that_is_away_is_tried_again(error: Exception, outcome: Attempted) -> None:
    assert await Switch(error=error).send() == outcome


async def test_i12_nothing_is_sent_after_its_last_moment() -> None:
    switch = Switch()
    late = msgspec.structs.replace(CONNECT, not_after=MORNING_MS)
    assert await switch.send(late) == Failed("too_late")
    assert switch.requests == []


async def test_an_endpoint_without_control_or_secret_gets_nothing() -> None:
    switch = Switch()
    elsewhere = msgspec.structs.replace(CONNECT, target="tracked")
    assert await switch.send(elsewhere) == Failed("no_control_url")
    assert await switch.send(hotline=("not-a-whsec",)) == Failed("no_secret")
    assert switch.requests == []


def test_only_a_dial_tells_the_customers_number() -> None:
    line = Line("leg", "+84912345678")
    assert b"84912345678" not in encode(CONNECT, line)
    dial = msgspec.structs.replace(CONNECT, command=ControlCommand.DIAL)
    assert json.loads(encode(dial, line))["called"] == "+84912345678"


async def test_nobody_is_dialled_whose_number_was_erased() -> None:
    switch = Switch()
    switch.lines = KnownLines("")
    dial = msgspec.structs.replace(CONNECT, command=ControlCommand.DIAL)
    assert await switch.send(dial) == Failed("no_number")
    assert switch.requests == []
    assert await switch.send(CONNECT) == Sent()


WAIT = msgspec.structs.replace(
    CONNECT, command=ControlCommand.ANNOUNCE, lane="wait:ct_1", created_at=MORNING_MS,
    data={"call_id": "hn-7f31", "announcement": "wait", "wait": "waits", "callback": "possible"},
)  # fmt: skip
ANNOUNCE = {
    "command_id": "dl_0001", "command": "announce", "call_id": "hn-7f31", "leg_id": "hn-7f31-a", "contact_id": "ct_1",
    "announcement": "wait", "not_after": format_utc(CONNECT.not_after),
}  # fmt: skip


@pytest.mark.parametrize(
    ("standing", "data", "said"),
    [
        (
            Standing(position=4, soon_ms=61_500, late_ms=200_001), {"callback": "possible"},
            {"position": 4, "wait_from_s": 61, "wait_to_s": 201, "callback": "possible"},
        ),
        (Standing(closed=True, opens_at=MORNING_MS), {"wait": "closed", "opens_at": "1"}, {"closed": True, "opens_at": format_utc(MORNING_MS)}),
        (Standing(closed=True), {"wait": "closed"}, {"closed": True}),
    ],
)  # fmt: skip
async def test_r26_a_caller_is_told_his_place_in_numbers_and_nothing_that_is_not_known(
    standing: Standing, data: dict[str, str], said: dict[str, object]
) -> None:
    switch = Switch()
    switch.lines.standing = standing
    told = {"call_id": "hn-7f31", "announcement": "wait", "wait": "waits"} | data
    assert await switch.send(msgspec.structs.replace(WAIT, data=told)) == Sent()
    [request] = switch.requests
    given = json.loads(request.content)
    assert given == ANNOUNCE | said


async def test_r26_the_place_alone_is_told_once_nobody_foretold_the_wait() -> None:
    switch = Switch()
    switch.lines.standing = Standing(position=2)
    assert isinstance(await switch.send(WAIT), Postponed)
    assert not switch.requests
    assert await switch.send(msgspec.structs.replace(WAIT, created_at=MORNING_MS - PATIENCE_MS)) == Sent()
    given = json.loads(switch.requests[0].content)
    assert given["position"] == 2
    assert "wait_to_s" not in given


async def test_r26_who_waits_no_longer_is_told_nothing_and_nobody_is_told_twice() -> None:
    switch = Switch()
    assert await switch.send(WAIT) == Failed("waits_no_longer")
    switch.lines.standing = Standing(late_ms=1)
    assert await switch.send(msgspec.structs.replace(WAIT, attempt=2)) == Failed("told_once")
    assert not switch.requests
