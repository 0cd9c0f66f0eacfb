"""What is owed is sent in the order of its lane, at least once, and its end is reported in the same transaction (I10, I11)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest

from ccc_router.events.codec import decode_body
from ccc_router.events.facts import DeliveryReported
from ccc_router.events.vocabulary import DeliveryKind, DeliveryState
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor
from ccc_router.queues.deliveries import claiming
from ccc_router.queues.deliveries.owing import write_ended
from ccc_router.queues.deliveries.port import Attempted, Delivery, Failed, Parked, Postponed, Retry, Sent, Unknown
from ccc_router.routing.decisions import DeliveryEnded
from ccc_router.storage.database import Database
from ccc_router.workers.deliver import Deliver, Way
from ccc_router.workers.schedules import Schedule
from tests.support.deliveries import POOL, ScriptedSender, forever, owe
from tests.support.waiting import eventually

SOON = Schedule((timedelta(milliseconds=20),) * 3, DeliveryState.PARKED)
LATER = Schedule((timedelta(hours=1),), DeliveryState.PARKED)
WEBHOOK = DeliveryKind.WEBHOOK


@contextlib.asynccontextmanager
async def delivering(database: Database, ways: Mapping[DeliveryKind, Way]) -> AsyncIterator[Deliver]:
    clock = SystemClock()
    supervisor = Supervisor(clock)
    deliver = Deliver(database, "main", clock, ways)
    for loop in deliver.loops.values():
        supervisor.add(loop)
    try:
        yield deliver
    finally:
        await deliver.close(drain_s=0)
        await supervisor.stop(drain_s=1)


def way(sender: ScriptedSender, *, schedule: Schedule = SOON, at_once: int = 16, limit_s: float = 20.0) -> Way:
    return Way(sender, schedule, at_once=at_once, limit_s=limit_s, interval_s=0.02)


async def ends_in(database: Database, delivery_id: str, state: str) -> None:
    async def there() -> bool:
        return bool(await database.pool.fetchval("SELECT state = $2 FROM delivery WHERE id = $1", delivery_id, state))

    await eventually(there, what=f"{delivery_id} {state}")


async def reported(database: Database) -> list[DeliveryReported]:
    rows = await database.pool.fetch("SELECT body FROM inbox ORDER BY id")
    facts = [decode_body(row["body"]) for row in rows]
    return [fact for fact in facts if isinstance(fact, DeliveryReported)]


async def test_i10_a_delivery_is_tried_until_it_arrives_and_its_end_is_reported_once(database: Database) -> None:
    sender = ScriptedSender(lambda item: Sent("ext-1") if item.attempt == 3 else Retry("http_500"))
    await owe(database, 1, escalation_id="es_1", message_id="ms_1")
    async with delivering(database, {WEBHOOK: way(sender)}):
        await ends_in(database, "dl_1", "sent")
    assert sender.ids == ["dl_1"] * 3
    assert [item.attempt for item in sender.given] == [1, 2, 3]
    [fact] = await reported(database)
    assert (fact.delivery_id, fact.state, fact.external_id) == ("dl_1", DeliveryState.SENT, "ext-1")
    assert (fact.escalation_id, fact.message_id) == ("es_1", "ms_1")
    attempts = await database.pool.fetch("SELECT number, outcome, reason FROM delivery_attempt ORDER BY number")
    assert [tuple(row) for row in attempts] == [(1, "retry", "http_500"), (2, "retry", "http_500"), (3, "sent", "")]


async def test_i10_when_the_schedule_is_used_up_it_is_parked_where_a_person_sees_it(database: Database) -> None:
    """R-20: what is owed is in the transaction that decided it, signed with one id, tried again with jitter, parked where a person sees it."""
    sender = ScriptedSender(lambda _: Retry("http_500"))
    await owe(database, 1)
    async with delivering(database, {WEBHOOK: way(sender)}):
        await ends_in(database, "dl_1", "parked")
    assert len(sender.given) == 1 + len(SOON.waits)
    [fact] = await reported(database)
    assert (fact.state, fact.reason) == (DeliveryState.PARKED, "http_500")


async def test_i10_a_parked_one_is_sent_again_under_its_old_id(database: Database) -> None:
    answers: list[Attempted] = [Parked("gone"), Sent()]
    sender = ScriptedSender(lambda _: answers.pop(0))
    await owe(database, 1)
    async with delivering(database, {WEBHOOK: way(sender)}):
        await ends_in(database, "dl_1", "parked")
        async with database.transaction() as connection:
            await write_ended(connection, POOL, [DeliveryEnded("dl_1", "owed")])
        await ends_in(database, "dl_1", "sent")
    assert sender.ids == ["dl_1", "dl_1"]
    assert [fact.state for fact in await reported(database)] == [DeliveryState.PARKED, DeliveryState.SENT]


async def test_what_arrived_is_never_owed_again(database: Database) -> None:
    await owe(database, 1)
    async with delivering(database, {WEBHOOK: way(ScriptedSender())}):
        await ends_in(database, "dl_1", "sent")
    async with database.transaction() as connection:
        await write_ended(connection, POOL, [DeliveryEnded("dl_1", "owed")])
    await ends_in(database, "dl_1", "sent")


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Failed("no_such"), "failed"), (Unknown("cut"), "unknown"), (Parked("x"), "parked")],
)
async def test_an_end_is_written_and_reported_as_the_sender_said(
    database: Database, outcome: Attempted, state: str
) -> None:
    await owe(database, 1)
    async with delivering(database, {WEBHOOK: way(ScriptedSender(lambda _: outcome))}):
        await ends_in(database, "dl_1", state)
    [fact] = await reported(database)
    assert fact.state == state


async def test_i11_order_is_kept_in_a_lane_and_a_dead_lane_holds_up_no_other(database: Database) -> None:
    """R-20: what is owed is in the transaction that decided it, signed with one id, tried again with jitter, parked where a person sees it."""

    def script(item: Delivery) -> Attempted:
        return Retry("connect_failed") if item.lane == "department:dead" else Sent()

    sender = ScriptedSender(script)
    for position in range(1, 401):
        await owe(database, position, lane="department:dead")
    for position in range(401, 421):
        await owe(database, position, lane=f"department:{position % 2}")
    async with delivering(database, {WEBHOOK: way(sender, schedule=LATER)}):
        await ends_in(database, "dl_420", "sent")
        await ends_in(database, "dl_419", "sent")
    dead = [item for item in sender.given if item.lane == "department:dead"]
    assert [item.id for item in dead] == ["dl_1"]
    for lane in ("department:0", "department:1"):
        ids = [int(item.id[3:]) for item in sender.given if item.lane == lane]
        assert ids == sorted(ids)
        assert len(ids) == 10


async def test_i10_a_refused_one_holds_up_its_own_escalation_and_no_other(database: Database) -> None:
    """It comes again under its id, what is about the same escalation comes after it, also what is owed later; the others go on."""
    taken = {"now": False}

    def script(item: Delivery) -> Attempted:
        return Retry("http_422", aside=True) if item.escalation_id == "es_1" and not taken["now"] else Sent()

    sender = ScriptedSender(script)
    lane = "department:D_SI"
    again = "UPDATE delivery SET due = clock_timestamp() WHERE id = 'dl_1'"
    for position, escalation in enumerate(("es_1", "es_2", "es_1", "es_3"), 1):
        await owe(database, position, lane=lane, escalation_id=escalation)
    schedule = Schedule((timedelta(hours=1),) * 5, DeliveryState.PARKED)
    async with delivering(database, {WEBHOOK: way(sender, schedule=schedule)}):
        await ends_in(database, "dl_4", "sent")
        await owe(database, 5, lane=lane, escalation_id="es_1")
        await owe(database, 6, lane=lane, escalation_id="es_2")
        await ends_in(database, "dl_6", "sent")
        await database.pool.execute(again)
        await eventually(lambda: _refused(sender, 2), what="a second refusal")
        await owe(database, 7, lane=lane, escalation_id="es_3")
        await ends_in(database, "dl_7", "sent")
        assert [item.id for item in sender.given if item.escalation_id == "es_1"] == ["dl_1", "dl_1"]
        taken["now"] = True
        await database.pool.execute(again)
        for delivery_id in ("dl_1", "dl_3", "dl_5"):
            await ends_in(database, delivery_id, "sent")
    sent = [item.id for item in sender.given]
    assert sent == ["dl_1", "dl_2", "dl_4", "dl_6", "dl_1", "dl_7", "dl_1", "dl_3", "dl_5"]


async def _refused(sender: ScriptedSender, times: int) -> bool:
    return [item.id for item in sender.given].count("dl_1") >= times


async def look(database: Database, room: int = 16) -> claiming.Claimed:
    return await claiming.claim(database, "main", WEBHOOK, "wk_1", room=room, look_at=200, hold_s=60)


async def test_i11_what_stands_behind_is_looked_at_once(database: Database) -> None:
    """R-27: a dead department's lane costs nothing more, however often its head is tried again."""
    for position in range(1, 101):
        await owe(database, position, lane="department:dead")
    [head] = (await look(database)).claims
    assert head.delivery.id == "dl_1"
    behind = "SELECT count(*) FROM delivery WHERE due = 'infinity'"
    assert await database.pool.fetchval(behind) == 99
    await database.pool.execute("UPDATE delivery SET due = clock_timestamp() WHERE id = 'dl_1'")  # its claim is over
    again = await look(database)
    assert ([one.delivery.id for one in again.claims], again.looked_at) == (["dl_1"], 1)
    assert await database.pool.fetchval(behind) == 99


async def test_i11_looking_for_what_is_due_stops_at_what_is_not(database: Database) -> None:
    """By the index (pool, kind, due, id) of what is owed, and with due as its condition, not as a filter over everything that is owed."""
    await database.pool.execute(
        "INSERT INTO delivery (pool, id, position, kind, lane, target, due)"
        " SELECT 'main', 'dl_' || n, n, 'webhook', 'department:' || n % 7, 'd', 'infinity' FROM generate_series(1, 20000) AS n"
    )
    await database.pool.execute("ANALYZE delivery")
    candidates = claiming.CANDIDATES.replace("$1", "'webhook'").replace("$2", "200").replace("$3", "'main'")
    forgotten = claiming.FORGOTTEN.replace("$1", "'webhook'")
    async with database.pool.acquire() as connection:
        plan = "\n".join(
            row[0] for row in await connection.fetch(f"EXPLAIN (ANALYZE, COSTS off, TIMING off) {candidates}")
        )
        swept = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN (COSTS off) {forgotten}"))
    assert "Index Scan using delivery_due" in plan
    assert "Index Cond: ((pool = 'main'::text) AND (kind = 'webhook'::text) AND (due <= statement_timestamp()))" in plan
    assert "Rows Removed by Filter" not in plan
    assert swept.count("using delivery_behind") == 2
    assert "Seq Scan" not in plan + swept


async def test_i10_whoever_ended_one_and_died_leaves_the_next_of_its_lane_going(database: Database) -> None:
    """Its end was committed, but nobody brought the next forward: the next look of any worker does."""
    for position in (1, 2, 3):
        await owe(database, position)
    [head] = (await look(database)).claims
    async with database.transaction() as connection:
        assert await claiming.finish(connection, head, DeliveryState.SENT, "", "", 0.1)
    assert not (await look(database)).claims, "nobody told the next one"
    await claiming.bring_forward(database, WEBHOOK)
    assert [one.delivery.id for one in (await look(database)).claims] == ["dl_2"]
    await claiming.bring_forward(database, WEBHOOK)
    assert not (await look(database)).claims, "the third stands behind the second"
    sender = ScriptedSender()
    await database.pool.execute("UPDATE delivery SET due = clock_timestamp() WHERE id = 'dl_2'")
    async with delivering(database, {WEBHOOK: way(sender)}):
        await ends_in(database, "dl_3", "sent")


async def test_i11_a_kind_that_hangs_leaves_the_others_their_room(database: Database) -> None:
    """R-27: side work never slows routing."""
    hanging, prompt = ScriptedSender(forever), ScriptedSender()
    for position in range(1, 6):
        await owe(database, position, lane=f"department:{position}")
    await owe(database, 6, kind=DeliveryKind.REPLY, lane="reply:ct_1")
    async with delivering(database, {WEBHOOK: way(hanging, at_once=3), DeliveryKind.REPLY: way(prompt)}):
        await ends_in(database, "dl_6", "sent")
        assert hanging.most_at_once <= 3


async def test_a_lane_has_one_attempt_at_a_time(database: Database) -> None:
    gate = asyncio.Event()

    async def slow(_: Delivery) -> Attempted:
        await gate.wait()
        return Sent()

    sender = ScriptedSender(slow)
    for position in range(1, 11):
        await owe(database, position)
    async with delivering(database, {WEBHOOK: way(sender)}):

        async def begun() -> bool:
            return len(sender.given) == 1

        await eventually(begun)
        gate.set()
        await ends_in(database, "dl_10", "sent")
    assert sender.most_at_once == 1
    assert sender.ids == [f"dl_{position}" for position in range(1, 11)]


async def test_a_hanging_attempt_is_cut_and_counts_as_a_try(database: Database) -> None:
    sender = ScriptedSender(forever)
    await owe(database, 1)
    async with delivering(database, {WEBHOOK: way(sender, limit_s=0.01)}):
        await ends_in(database, "dl_1", "parked")
    [fact] = await reported(database)
    assert fact.reason == "took_too_long"
    assert [item.interrupted for item in sender.given] == [False, True, True, True]


async def test_a_sender_that_raises_counts_as_a_failed_try(database: Database) -> None:
    def script(item: Delivery) -> Attempted:
        if item.attempt == 1:
            raise ZeroDivisionError
        return Sent()

    sender = ScriptedSender(script)
    await owe(database, 1)
    async with delivering(database, {WEBHOOK: way(sender)}):
        await ends_in(database, "dl_1", "sent")
    assert len(sender.given) == 2


async def test_a_postponed_one_uses_up_no_try(database: Database) -> None:
    answers: list[Attempted] = [*[Postponed("breaker_open", 5)] * 6, Sent()]
    sender = ScriptedSender(lambda _: answers.pop(0))
    await owe(database, 1)
    async with delivering(database, {WEBHOOK: way(sender)}):
        await ends_in(database, "dl_1", "sent")
    assert {item.attempt for item in sender.given} == {1}
    assert await database.pool.fetchval("SELECT count(*) FROM delivery_attempt") == 1


async def test_after_its_last_moment_it_is_failed_without_a_try(database: Database) -> None:
    sender = ScriptedSender()
    await owe(database, 1, not_after=999, now=1_000)
    async with delivering(database, {WEBHOOK: way(sender)}):
        await ends_in(database, "dl_1", "failed")
    assert sender.given == []
    [fact] = await reported(database)
    assert fact.reason == "too_late"


async def test_i12_an_engine_whose_time_is_far_behind_still_gives_its_deliveries_their_time(database: Database) -> None:
    """After a time without an engine its clock lags; what counts is how long is left."""
    sender = ScriptedSender()
    await owe(database, 1, not_after=11_000, now=1_000)
    async with delivering(database, {WEBHOOK: way(sender)}):
        await ends_in(database, "dl_1", "sent")
    left = sender.given[0].not_after - SystemClock().now_ms()
    assert 0 < left <= 10_000


async def test_it_is_not_put_off_beyond_its_last_moment(database: Database) -> None:
    sender = ScriptedSender(lambda _: Retry("http_503"))
    await owe(database, 1, not_after=61_000, now=1_000)
    async with delivering(database, {WEBHOOK: way(sender, schedule=LATER)}):
        await ends_in(database, "dl_1", "failed")
    assert len(sender.given) == 1


async def test_i10_the_claim_of_a_dead_worker_returns_and_the_late_one_writes_nothing(database: Database) -> None:
    await owe(database, 1)
    first = await claiming.claim(database, "main", WEBHOOK, "wk_dead", room=5, look_at=5, hold_s=0.05)
    assert len(first.claims) == 1
    sender = ScriptedSender()
    async with delivering(database, {WEBHOOK: way(sender)}):
        await ends_in(database, "dl_1", "sent")
    [item] = sender.given
    assert item.interrupted
    async with database.transaction() as connection:
        assert not await claiming.finish(connection, first.claims[0], DeliveryState.FAILED, "late", "", 0)
        assert not await claiming.put_off(connection, first.claims[0], "late", 0, 0)
    await ends_in(database, "dl_1", "sent")
    assert len(await reported(database)) == 1


async def test_i17_stopping_gives_back_what_is_under_way(database: Database) -> None:
    sender = ScriptedSender(forever)
    await owe(database, 1)
    async with delivering(database, {WEBHOOK: way(sender)}):

        async def begun() -> bool:
            return sender.at_once == 1

        await eventually(begun)
    row = await database.pool.fetchrow("SELECT state, claimed_by, due <= clock_timestamp() AS due FROM delivery")
    assert row is not None
    assert tuple(row) == ("owed", "cut", True)


async def test_two_workers_never_hold_the_same_delivery(database: Database) -> None:
    for position in range(1, 61):
        await owe(database, position, lane=f"department:{position % 7}")
    senders = [ScriptedSender(), ScriptedSender()]
    async with (
        delivering(database, {WEBHOOK: way(senders[0])}),
        delivering(database, {WEBHOOK: way(senders[1])}),
    ):

        async def all_sent() -> bool:
            return not await database.pool.fetchval("SELECT count(*) FROM delivery WHERE state = 'owed'")

        await eventually(all_sent)
    assert sorted(senders[0].ids + senders[1].ids) == sorted(f"dl_{position}" for position in range(1, 61))
    assert len(await reported(database)) == 60


async def test_the_bytes_of_the_first_attempt_are_kept(database: Database) -> None:
    await owe(database, 1)
    [item] = (await claiming.claim(database, "main", WEBHOOK, "wk_1", room=1, look_at=1, hold_s=1)).claims
    assert await claiming.fix_body(database, item.delivery, b"first") == b"first"
    assert await claiming.fix_body(database, item.delivery, b"second") == b"first"


async def test_claiming_reads_no_more_than_its_index(database: Database) -> None:
    """R-28: EXPLAIN: among many sent and blocked rows the look at what is due goes by the index of owed ones."""
    await database.pool.execute(
        "INSERT INTO delivery (pool, id, position, kind, lane, target, state)"
        " SELECT 'main', 'dl_s' || n, n, 'webhook', 'department:' || n % 50, '', 'sent' FROM generate_series(1, 5000) n"
    )
    await database.pool.execute("ANALYZE delivery")
    async with database.transaction() as connection:
        plan = await connection.fetch(
            "EXPLAIN " + claiming.CANDIDATES.replace("$1", "'webhook'").replace("$2", "50").replace("$3", "'main'")
        )
    text = "\n".join(str(row[0]) for row in plan)
    assert "delivery_due" in text
    assert "Seq Scan" not in text


async def test_what_is_owed_while_the_one_before_it_ends_is_not_forgotten(database: Database) -> None:
    """I10: the look that puts it off still sees the other one unfinished, so the one before has to let it go after its commit."""
    await owe(database, 1)
    (first,) = (await claiming.claim(database, "main", WEBHOOK, "one", room=5, look_at=50, hold_s=60)).claims
    async with database.transaction() as connection:
        assert await claiming.finish(connection, first, DeliveryState.SENT, "", "", 0)
        await owe(database, 2)
        assert (await claiming.claim(database, "main", WEBHOOK, "one", room=5, look_at=50, hold_s=60)).claims == ()
    await claiming.let_next(database, first)
    (second,) = (await claiming.claim(database, "main", WEBHOOK, "one", room=5, look_at=50, hold_s=60)).claims
    assert second.delivery.id == "dl_2"
