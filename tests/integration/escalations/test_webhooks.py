"""Webhooks to a real server: signed with one id (I10), never to where they must not go, and no department slows another (I11)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from ccc_router.escalations.texts import Texts
from ccc_router.escalations.webhooks.addresses import Reach, Target
from ccc_router.escalations.webhooks.endpoints import TRIPS_AT, Endpoints
from ccc_router.escalations.webhooks.outbound import Answer, NoAnswer, Outbound
from ccc_router.escalations.webhooks.sender import WebhookSender, retry_after_ms
from ccc_router.events.vocabulary import DeliveryKind, DeliveryState
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor
from ccc_router.queues.deliveries.owing import write_ended, write_owed
from ccc_router.queues.deliveries.port import Attempted, Delivery, Parked, Postponed, Retry, Sent
from ccc_router.routing.decisions import DeliveryEnded, DeliveryOwed
from ccc_router.routing.policy import Department, Text
from ccc_router.storage.database import Database
from ccc_router.workers.deliver import Deliver, Way
from ccc_router.workers.schedules import Schedule
from tests.support import fake_department as fake
from tests.support.deliveries import POOL
from tests.support.fake_department import FakeDepartment
from tests.support.waiting import eventually

SOON = Schedule((timedelta(milliseconds=20),) * 3, DeliveryState.PARKED)
NAME = Text("Ban Thử", "Test")


class Secrets:
    """Secrets of the departments."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = secrets or (fake.SECRET,)

    def of(self, _name: str) -> tuple[str, ...]:
        return self.secrets


def sender_for(
    database: Database,
    departments: dict[str, Department],
    *,
    secrets: Secrets | None = None,
    total_s: float = 5.0,
    loopback: bool = True,
) -> WebhookSender:
    return WebhookSender(
        database,
        SystemClock(),
        departments.get,
        secrets or Secrets(),
        Texts(database),
        Endpoints(database, POOL),
        Outbound(total_s=total_s),
        public_url="https://ccc.example.org",
        loopback=loopback,
    )


def a_department(name: str, url: str) -> Department:
    return Department(id=name, name=NAME, calendar="office", url=url)


async def owe(database: Database, position: int, department: str = "d_1", **more: str) -> Delivery:
    """An owed notice, as the engine writes it; also as a sender gets it."""
    data = {
        "at": "1795395600000", "department": department, "state": "raised", "urgency": "normal", "reference": "7K3M-Q2XZ-9F1",
        "acknowledge_by": "1795399200000", "answer_by": "1795428000000", "summary_id": "ms_1",
    }  # fmt: skip
    owed = DeliveryOwed(
        delivery_id=f"dl_{position}",
        delivery=DeliveryKind.WEBHOOK,
        lane=f"department:{department}",
        target=department,
        escalation_id="es_1",
        case_id="cs_1",
        message_id="ms_1",
        type="ccc.escalation.raised.v1",
        data=data | more,
    )
    async with database.transaction() as connection:
        await write_owed(connection, POOL, [(position, owed, "")], 0)
    return Delivery(
        pool=POOL,
        id=owed.delivery_id,
        kind=owed.delivery,
        lane=owed.lane,
        target=department,
        escalation_id="es_1",
        case_id="cs_1",
        message_id="ms_1",
        type=owed.type,
        data=owed.data,
    )


async def write_summary(database: Database, text: str) -> None:
    await database.pool.execute(
        "INSERT INTO message (pool, id, contact_id, case_id, escalation_id, number, direction, visibility, author, form,"
        " text, at, position) VALUES ($1, 'ms_1', 'ct_1', 'cs_1', 'es_1', 1, 'internal', 'note', 'an', 'message', $2, 0, 1)",
        POOL,
        text,
    )


@contextlib.asynccontextmanager
async def delivering(database: Database, sender: WebhookSender, schedule: Schedule = SOON) -> AsyncIterator[None]:
    clock = SystemClock()
    supervisor = Supervisor(clock)
    deliver = Deliver(database, "main", clock, {DeliveryKind.WEBHOOK: Way(sender, schedule, interval_s=0.02)})
    for loop in deliver.loops.values():
        supervisor.add(loop)
    try:
        yield
    finally:
        await deliver.close(drain_s=0)
        await supervisor.stop(drain_s=1)


async def all_in(database: Database, state: str) -> None:
    async def there() -> bool:
        return bool(await database.pool.fetchval("SELECT bool_and(state = $1) FROM delivery", state))

    await eventually(there, what=f"all {state}", within_s=20)


async def test_i10_a_notice_is_verified_by_the_standard_library_and_is_a_cloudevent(database: Database) -> None:
    await write_summary(database, "Thẻ BHYT không còn giá trị")
    async with FakeDepartment().running() as department:
        item = await owe(database, 1)
        outcome = await sender_for(database, {"d_1": a_department("d_1", department.url)}).send(item)
    assert outcome == Sent()
    [request] = department.received
    assert request.event is not None, "the signature must be good"
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    event = from_http_event(HTTPMessage(headers=request.headers, body=request.body))
    assert event.get_type() == "ccc.escalation.raised.v1"
    assert event.get_id() == request.webhook_id == "dl_1"
    assert event.get_subject() == "escalation/es_1"
    data = request.event["data"]
    assert data["summary"] == "Thẻ BHYT không còn giá trị"
    assert data["answer_by"] == "2026-11-23T10:00:00.000Z"
    assert data["url"] == "https://ccc.example.org/v1/escalations/es_1"


async def test_i10_every_attempt_has_the_same_id_and_bytes_and_a_time_of_its_own(database: Database) -> None:
    """R-20: what is owed is in the transaction that decided it, signed with one id, tried again with jitter, parked where a person sees it."""

    def behave(number: int, _: fake.Received) -> fake.Behaviour:
        return fake.OK if number == 4 else [fake.answers(500), fake.CUTS_IN_THE_HEAD, fake.CUTS_AT_ONCE][number - 1]

    await write_summary(database, "first")
    async with FakeDepartment(behave).running() as department:
        await owe(database, 1)
        sender = sender_for(database, {"d_1": a_department("d_1", department.url)})
        async with delivering(database, sender):

            async def tried_once() -> bool:
                return len(department.received) >= 1

            await eventually(tried_once)
            await database.pool.execute("UPDATE message SET text = 'changed'")
            await all_in(database, "sent")
    assert {one.webhook_id for one in department.received} == {"dl_1"}
    assert len({one.body for one in department.received}) == 1
    assert all(one.event is not None for one in department.received)
    assert len(department.received) == 4


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (fake.answers(500), "http_500"),
        (fake.answers(404), "http_404"),
        (fake.answers(302, "Location: http://169.254.169.254/"), "http_302"),
        (fake.HANGS, "timeout"),
        (fake.CUTS_AT_ONCE, "connection_cut"),
        (fake.CUTS_IN_THE_HEAD, "connection_cut"),
        (fake.SPEAKS_NO_HTTP, "connection_cut"),
        (fake.ENDLESS_HEADERS, "connection_cut"),
    ],
)
async def test_i10_what_was_not_received_comes_again(
    database: Database, behaviour: fake.Behaviour, reason: str
) -> None:
    async with FakeDepartment(lambda _n, _r: behaviour).running() as department:
        sender = sender_for(database, {"d_1": a_department("d_1", department.url)}, total_s=0.3)
        outcome = await sender.send(await owe(database, 1))
    assert outcome == Retry(reason)
    assert department.connections == 1


@pytest.mark.parametrize("behaviour", [fake.OK, fake.CUTS_IN_THE_BODY, fake.HANGS_IN_THE_BODY, fake.TALKS_TOO_MUCH])
async def test_a_good_status_is_received_whatever_comes_after_it(database: Database, behaviour: fake.Behaviour) -> None:
    async with FakeDepartment(lambda _n, _r: behaviour).running() as department:
        sender = sender_for(database, {"d_1": a_department("d_1", department.url)})
        assert await sender.send(await owe(database, 1)) == Sent()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_retry_after_is_honoured(database: Database, status: int) -> None:
    async with FakeDepartment(lambda _n, _r: fake.answers(status, "Retry-After: 120")).running() as department:
        sender = sender_for(database, {"d_1": a_department("d_1", department.url)})
        assert await sender.send(await owe(database, 1)) == Retry(f"http_{status}", 120_000)


def test_retry_after_may_be_seconds_or_a_date_or_nonsense() -> None:
    now = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert retry_after_ms("7", now) == 7_000
    assert retry_after_ms("Mon, 23 Nov 2026 08:01:00 GMT", now) == 60_000
    assert retry_after_ms("Mon, 23 Nov 2026 07:00:00 GMT", now) == 0
    for nonsense in ("", "soon", "-1", "1e9", "99999999999999"):
        assert retry_after_ms(nonsense, now) is None


async def test_i10_gone_disables_the_endpoint_and_later_ones_are_parked_until_it_is_enabled(database: Database) -> None:
    def behave(number: int, _: fake.Received) -> fake.Behaviour:
        return fake.answers(410) if number == 1 else fake.OK

    async with FakeDepartment(behave).running() as department:
        for position in (1, 2, 3):
            await owe(database, position)
        sender = sender_for(database, {"d_1": a_department("d_1", department.url)})
        async with delivering(database, sender):
            await all_in(database, "parked")
            assert len(department.received) == 1
            endpoints = Endpoints(database, POOL)
            state = await endpoints.of("d_1")
            assert (state.disabled_reason, state.disabled_at > 0) == ("http_410", True)
            await endpoints.enable("d_1", "boss")
            async with database.transaction() as connection:
                again = [DeliveryEnded(f"dl_{position}", "owed") for position in (1, 2, 3)]
                await write_ended(connection, POOL, again)
            await all_in(database, "sent")
    assert [one.webhook_id for one in department.received] == ["dl_1", "dl_1", "dl_2", "dl_3"]


async def test_secrets_rotate_without_a_gap(database: Database) -> None:
    """During a rotation both secrets sign, so a receiver with either of them accepts."""
    for position, known in enumerate((fake.SECRET, fake.OLD_SECRET), start=1):
        async with FakeDepartment(secret=known).running() as department:
            sender = sender_for(
                database,
                {"d_1": a_department("d_1", department.url)},
                secrets=Secrets(fake.SECRET, fake.OLD_SECRET),
            )
            await sender.send(await owe(database, position))
        assert len(department.events) == 1


@pytest.mark.parametrize(
    ("department", "reason"),
    [
        (None, "no_endpoint"),
        (a_department("d_1", ""), "no_endpoint"),
        (a_department("d_1", "https://user@example.org/"), "user_info"),
        (a_department("d_1", "https://169.254.169.254/latest/meta-data"), "blocked_address"),
        (a_department("d_1", "https://[::ffff:127.0.0.1]/"), "blocked_address"),
        (a_department("d_1", "https://0x7f.1/"), "numeric_host"),
    ],
)
async def test_what_cannot_be_sent_is_parked_where_a_person_sees_it(
    database: Database, department: Department | None, reason: str
) -> None:
    sender = sender_for(database, {"d_1": department} if department else {})
    assert await sender.send(await owe(database, 1)) == Parked(reason)


async def test_this_machine_is_reached_only_when_the_setting_says_so(database: Database) -> None:
    async with FakeDepartment().running() as department:
        plain = sender_for(database, {"d_1": a_department("d_1", department.url)}, loopback=False)
        assert await plain.send(await owe(database, 1)) == Parked("not_https")
        private = replace_private(a_department("d_1", department.url))
        sender = sender_for(database, {"d_1": private}, loopback=False)
        assert await sender.send(await owe(database, 2)) == Parked("loopback_address")
    assert department.connections == 0


def replace_private(department: Department) -> Department:
    return Department(
        id=department.id, name=department.name, calendar="office", url=department.url, private_network=True
    )


async def test_without_a_secret_nothing_goes_out(database: Database) -> None:
    async with FakeDepartment().running() as department:
        secrets = Secrets("whsec_short")
        sender = sender_for(database, {"d_1": a_department("d_1", department.url)}, secrets=secrets)
        assert await sender.send(await owe(database, 1)) == Parked("no_secret")
    assert department.connections == 0


def resolving(*answers: list[str]) -> tuple[Callable[[str, int], object], list[str]]:
    """A resolver that gives one answer after the other, and the list of what it was asked."""
    left, asked = list(answers), []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return left.pop(0)

    return resolve, asked


async def test_dns_rebinding_the_connection_goes_to_the_checked_address() -> None:
    """The first answer is allowed, a second would be this machine's forbidden one: there is no second question."""
    async with FakeDepartment().running() as department:
        resolve, asked = resolving(["127.0.0.1"], ["169.254.169.254"])
        outbound = Outbound(resolve=resolve, total_s=2)  # type: ignore[arg-type]
        target = Target("http", "rebinding.example", department.port, "/")
        answer = await outbound.post(target, Reach(loopback=True), {}, b"{}")
    assert isinstance(answer, Answer)
    assert asked == ["rebinding.example"]
    assert department.received[0].headers["host"] == f"rebinding.example:{department.port}"


async def test_dns_rebinding_one_forbidden_address_among_good_ones_refuses_all() -> None:
    async with FakeDepartment().running() as department:
        resolve, _ = resolving(["127.0.0.1", "10.0.0.1"])
        outbound = Outbound(resolve=resolve, total_s=2)  # type: ignore[arg-type]
        target = Target("http", "rebinding.example", department.port, "/")
        answer = await outbound.post(target, Reach(loopback=True), {}, b"{}")
    assert answer == NoAnswer("private_address", blocked=True)
    assert department.connections == 0


async def test_the_environments_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with FakeDepartment().running() as department:
        target = Target("http", "127.0.0.1", department.port, "/")
        answer = await Outbound(total_s=2).post(target, Reach(loopback=True), {}, b"{}")
    assert isinstance(answer, Answer)


async def test_a_host_without_an_address_is_tried_again() -> None:
    resolve, _ = resolving([])
    outbound = Outbound(resolve=resolve, total_s=2)  # type: ignore[arg-type]
    assert await outbound.post(Target("https", "none.example", 443, "/"), Reach(), {}, b"") == NoAnswer("dns_failed")


async def test_a_server_without_tls_is_no_https_server() -> None:
    async with FakeDepartment(lambda _n, _r: fake.SPEAKS_NO_HTTP).running() as department:
        target = Target("https", "127.0.0.1", department.port, "/")
        answer = await Outbound(total_s=2).post(target, Reach(loopback=True), {}, b"{}")
    assert isinstance(answer, NoAnswer)


async def test_the_breaker_opens_after_failures_in_a_row_and_closes_with_a_success(database: Database) -> None:
    state = {"ok": False}
    async with FakeDepartment(lambda _n, _r: fake.OK if state["ok"] else fake.answers(500)).running() as department:
        sender = sender_for(database, {"d_1": a_department("d_1", department.url)})
        item = await owe(database, 1)
        outcomes: list[Attempted] = [await sender.send(item) for _ in range(TRIPS_AT + 1)]
        assert outcomes[:TRIPS_AT] == [Retry("http_500")] * TRIPS_AT
        paused = outcomes[-1]
        assert isinstance(paused, Postponed)
        assert 25_000 < paused.after_ms <= 30_000
        assert department.connections == TRIPS_AT
        await database.pool.execute("UPDATE department_endpoint SET open_until = clock_timestamp()")
        state["ok"] = True
        assert await sender.send(item) == Sent()
        assert (await Endpoints(database, POOL).of("d_1")).failures == 0


async def test_i11_departments_that_hang_slow_no_other(database: Database) -> None:
    """R-27: Ten departments hang; two hundred notices to another go through as if they did not."""
    async with FakeDepartment(lambda _n, _r: fake.HANGS).running() as dead, FakeDepartment().running() as well:
        departments = {f"dead_{n}": a_department(f"dead_{n}", dead.url) for n in range(10)}
        departments["well"] = a_department("well", well.url)
        for number, name in enumerate(departments):
            await owe(database, 1 + number, name)
        for name in departments:
            if name != "well":
                await Endpoints(database, POOL).ill(name)
        for position in range(100, 300):
            await owe(database, position, "well")
        async with delivering(database, sender_for(database, departments, total_s=60)):

            async def all_there() -> bool:
                return len(well.received) >= 201

            await eventually(all_there, within_s=50, what="the well one got everything while the others hang")
    assert [one.webhook_id for one in well.received][1:] == [f"dl_{position}" for position in range(100, 300)]
    assert dead.connections <= 4


async def test_i10_a_worker_that_dies_between_sending_and_writing_repeats_under_the_same_id(database: Database) -> None:
    sending = asyncio.Event()

    async with FakeDepartment().running() as department:
        await owe(database, 1)
        sender = sender_for(database, {"d_1": a_department("d_1", department.url)})

        class DiesAfterSending:
            async def send(self, delivery: Delivery) -> Attempted:
                await sender.send(delivery)
                sending.set()
                await asyncio.Event().wait()
                raise AssertionError("unreachable")

        clock = SystemClock()
        supervisor = Supervisor(clock)
        deliver = Deliver(
            database, "main", clock, {DeliveryKind.WEBHOOK: Way(DiesAfterSending(), SOON, interval_s=0.02)}
        )
        supervisor.add(deliver.loops[DeliveryKind.WEBHOOK])
        await sending.wait()
        await supervisor.stop(drain_s=0)
        await deliver.close(drain_s=0)
        async with delivering(database, sender):
            await all_in(database, "sent")
    assert [one.webhook_id for one in department.received] == ["dl_1", "dl_1"]
    assert len({one.body for one in department.received}) == 1
    assert await database.pool.fetchval("SELECT body FROM delivery") is None, "what was sent need not stay"


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
async def test_i10_what_is_refused_for_what_it_says_steps_aside_and_the_endpoint_is_well(
    database: Database, status: int
) -> None:
    async with FakeDepartment(lambda _n, _r: fake.answers(status)).running() as department:
        sender = sender_for(database, {"d_1": a_department("d_1", department.url)})
        item = await owe(database, 1)
        for _ in range(6):
            assert await sender.send(item) == Retry(f"http_{status}", aside=True)
        assert (await Endpoints(database, POOL).of("d_1")).failures == 0


@pytest.mark.parametrize("status", [401, 403, 404, 408, 425, 429, 500])
async def test_i11_what_says_something_of_the_endpoint_holds_its_lane(database: Database, status: int) -> None:
    async with FakeDepartment(lambda _n, _r: fake.answers(status)).running() as department:
        sender = sender_for(database, {"d_1": a_department("d_1", department.url)})
        assert await sender.send(await owe(database, 1)) == Retry(f"http_{status}")
        assert (await Endpoints(database, POOL).of("d_1")).failures == 1
