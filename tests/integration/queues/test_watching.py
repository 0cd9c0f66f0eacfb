"""What operators watch is what the tables say, and what is no longer there is no longer said."""

from prometheus_client import REGISTRY

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.storage.database import Database
from ccc_router.workers.watching import Watching
from tests.support.fake_clock import FakeClock
from tests.support.service import a_service
from tests.support.spine import Spine
from tests.support.waiting import eventually

_OWED = """
INSERT INTO delivery (pool, id, position, kind, lane, target, state, created_at, due) VALUES
    ('main', 'd1', 1, 'webhook', 'l', 'd_hi', 'owed', now() - interval '2 h', now() - interval '30 s'),
    ('main', 'd2', 2, 'webhook', 'l', 'd_hi', 'owed', now() - interval '1 h', now() + interval '1 h'),
    ('main', 'd3', 3, 'reply', 'm', 'portal', 'parked', now(), now()),
    ('main', 'd4', 4, 'reply', 'm', 'portal', 'sent', now(), now()),
    ('other', 'd5', 5, 'webhook', 'l', 'd_hi', 'owed', now() - interval '9 h', now())
"""
_LEASE = """
INSERT INTO lease (name, epoch, holder, backend_pid, backend_start, taken_at, until)
VALUES ('engine:main', 1, 'somebody', 1, now(), now(), now() + interval '3 s')
"""
_ASIDE = """
INSERT INTO parked_input (pool, position, source, key, body, error, detail) VALUES ('main', 900, 's', 'k', '', 'E', '');
INSERT INTO department_endpoint (pool, department, failures, open_until, disabled_at) VALUES
    ('main', 'd_hi', 6, now() + interval '1 min', NULL), ('main', 'd_si', 9, now() - interval '1 min', NULL),
    ('main', 'd_gone', 0, NULL, now())
"""


def said(name: str, **labels: str) -> float | None:
    """A gauge of the pool that is tested."""
    return REGISTRY.get_sample_value(name, labels if name.startswith("ccc_d") else {"pool": "main"} | labels)


def a_watch(spine: Spine) -> Watching:
    return Watching(spine.database, "main", lambda: spine.current.catalogue, SystemClock(), leading=lambda: True)


async def test_what_waits_is_said_by_queue_and_forgotten_when_it_is_served(database: Database) -> None:
    async with a_service(database) as service:
        spine = service.spine
        watching = a_watch(spine)
        contact_id = await service.write()
        await service.write()
        where = "SELECT count(*) FROM contact WHERE state = 'queued'"

        async def both_wait() -> bool:
            return bool(await database.pool.fetchval(where) == 2)

        await eventually(both_wait, what="both to wait")
        queue = await database.pool.fetchval("SELECT queue FROM contact WHERE id = $1", contact_id)
        await watching.look()
        line = {"queue": queue, "channel": "portal"}
        assert said("ccc_contacts_waiting", **line) == 2
        assert (said("ccc_contacts_oldest_seconds", **line) or 0) > 0
        assert said("ccc_timers_late_seconds") == 0
        assert said("ccc_inbox_waiting") == 0

        an = service.client(Role.AGENT, "an")
        await an.put("/v1/agents/me/presence", json={"state": "ready"})
        for _ in range(2):
            offer = (await an.post("/v1/agents/me/work/next?wait=10")).json()
            assert (await an.post(f"/v1/offers/{offer['offer_id']}/accept")).status_code == 200
            done = {"disposition": "answered", "resolution": "resolved"}
            assert (await an.post(f"/v1/contacts/{offer['contact_id']}/complete", json=done)).status_code == 200
        await a_watch(spine).look()  # the first look of a watch reads what is read rarely, too
        await watching.look()
        assert said("ccc_contacts_waiting", **line) is None
        assert said("ccc_contacts_served", queue=queue, result="in_time") == 2
        assert said("ccc_contacts_served", queue=queue, result="abandoned") == 0


async def test_what_is_owed_parked_and_broken_is_said_for_this_pool_alone(database: Database) -> None:
    async with a_service(database) as service:
        await database.pool.execute(_OWED)
        await database.pool.execute(_ASIDE)
        watching = a_watch(service.spine)
        await watching.look()
        assert said("ccc_outbox_owed", kind="webhook") == 2
        assert 7200 <= (said("ccc_outbox_oldest_seconds", kind="webhook") or 0) < 9000
        assert 30 <= (said("ccc_outbox_late_seconds", kind="webhook") or 0) < 1800
        assert said("ccc_outbox_parked", kind="reply") == 1
        assert said("ccc_outbox_owed", kind="reply") is None
        assert (said("ccc_parked_inputs"), said("ccc_breakers_open"), said("ccc_endpoints_disabled")) == (1, 1, 1)
        assert said("ccc_lease_epoch") == 1
        assert (said("ccc_lease_remaining_seconds") or 0) > 0
        await database.pool.execute("UPDATE delivery SET state = 'sent'")
        await watching.look()
        assert said("ccc_outbox_owed", kind="webhook") is None


async def test_who_leads_no_more_says_of_the_pool_only_that_nobody_leads(database: Database) -> None:
    await database.pool.execute(_OWED)
    await database.pool.execute(_LEASE)
    leads = [True]
    watching = Watching(database, "main", lambda: None, SystemClock(), leading=lambda: leads[0])
    counted = {"ccc_outbox_owed": {"kind": "webhook"}, "ccc_parked_inputs": {}, "ccc_timers_late_seconds": {}}

    def told() -> set[str]:
        return {name for name, labels in counted.items() if said(name, **labels) is not None}

    await watching.look()
    assert told() == counted.keys()
    assert (said("ccc_lease_remaining_seconds") or 0) > 0
    leads[0] = False
    await database.pool.execute("UPDATE lease SET until = now() - interval '7 s'")
    await watching.look()
    assert told() == set()
    assert (said("ccc_lease_remaining_seconds") or 0) < 0
    assert said("ccc_inbox_waiting") == 0
    leads[0] = True
    await watching.look()
    assert told() == counted.keys()


async def test_the_database_is_said(database: Database) -> None:
    async with a_service(database) as service, database.transaction() as long:
        await long.execute("SELECT pg_current_xact_id()")
        await a_watch(service.spine).look()
        assert (said("ccc_database_transaction_seconds") or 0) > 0
        assert (said("ccc_database_bytes") or 0) > 1_000_000
        assert (said("ccc_database_wal_bytes") or 0) > 1_000_000
        assert 1 <= (said("ccc_database_connections") or 0) <= (said("ccc_database_connections_limit") or 0)


async def test_a_database_that_is_away_leaves_the_time_of_the_last_look(database: Database) -> None:
    async with a_service(database) as service:
        watching = a_watch(service.spine)
        await watching.look()
        before = said("ccc_watched_at_seconds")
        gone = await Database.open(database.dsn)
        await gone.close()
        lost = Watching(gone, "main", lambda: None, SystemClock(), leading=lambda: True)
        await lost.look()
        assert said("ccc_watched_at_seconds") == before


async def test_a_look_that_took_long_is_followed_by_a_long_rest(database: Database) -> None:
    clock = FakeClock()

    class Slow(Watching):
        looks = 0

        async def look(self) -> None:
            """Takes a second."""
            self.looks += 1
            await clock.advance(1)

    watching = Slow(database, "main", lambda: None, clock, leading=lambda: True)
    for _ in range(5):
        await watching.loop.run_once()
        await clock.advance(10)
    assert watching.looks == 2, "at the beginning, and when its rest of forty seconds was over"
