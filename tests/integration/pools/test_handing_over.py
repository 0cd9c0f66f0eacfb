"""Two engines on one database: a contact goes from one pool to the other whole, once, or not at all (ADR 0046)."""

import msgspec
import pytest

from ccc_router.events.commands import AcceptOffer, CompleteContact, EditCase, SendMessage
from ccc_router.events.facts import (
    CallEvent,
    DeliveryReported,
    Handle,
    MessageChanged,
    MessageReceived,
    Private,
    ReceiptReceived,
)
from ccc_router.events.vocabulary import (
    CallEventName,
    Channel,
    ControlCommand,
    DeliveryState,
    LegRole,
    Role,
    Visibility,
)  # fmt: skip
from ccc_router.kernel.tasks import Tasks
from ccc_router.routing.policy import OverflowRule
from ccc_router.storage.database import Database
from tests.support.pools import HELP, HOME, Pools, home_catalogue, told, two_pools
from tests.support.waiting import eventually

_LETTER = MessageReceived(
    channel=Channel.EMAIL, endpoint="mailbox", message_id="ms_1", contact_id="ct_1", case_id="cs_1", priority=1, province="01",
    private=Private(
        handles=(Handle("email", "hoa@example.org"),), name="Trần Thị Hoa", subject="Thẻ", text="Thẻ của tôi đâu?",
        own_refs=("mail:<1@example.org>",), address="hoa@example.org", extra={"message_id": "<1@example.org>"},
    ),
)  # fmt: skip


def a_letter(number: int, *, answers: str = "mail:<1@example.org>", text: str = "Tôi viết lại.") -> MessageReceived:
    """A later letter of the same customer."""
    private = Private(
        handles=(Handle("email", "hoa@example.org"),), name="Trần Thị Hoa", subject="Re: Thẻ", text=text,
        refs=(answers,), own_refs=(f"mail:<{number}@example.org>",), address="hoa@example.org",
    )  # fmt: skip
    return msgspec.structs.replace(
        _LETTER, message_id=f"ms_{number}", contact_id=f"ct_{number}", case_id=f"cs_{number}", private=private
    )


def a_call(
    event: CallEventName, leg: str = "cust", role: LegRole = LegRole.CUSTOMER, at: int = 1, offer_id: str = ""
) -> CallEvent:
    """An event of the one call; who calls is told with the first."""
    private = Private(handles=(Handle("phone", "+84900000001"),), address="+84900000001") if leg == "cust" else None
    return CallEvent(
        endpoint="hotline", call_id="c1", leg_id=leg, contact_id="ct_call", case_id="cs_call", event=event, role=role, at=at,
        private=private, offer_id=offer_id,
    )  # fmt: skip


async def texts(pools: Pools, pool: str) -> list[tuple[str, str, str]]:
    """(contact, message, text) in the order of a pool's journal."""
    rows = await pools.database.pool.fetch(
        "SELECT contact_id, id, text FROM message WHERE pool = $1 ORDER BY position", pool
    )
    return [tuple(row) for row in rows]


def state_of(pools: Pools, contact_id: str) -> str:
    """How a contact stands in the second pool."""
    return pools.help.state.contacts[contact_id].state.value


async def handed_over(pools: Pools) -> None:
    """The letter waits in the second pool by now."""
    await pools.home.tell(_LETTER, "k1", "mailbox")
    await pools.home.turns()
    await pools.wait_for_overflow()
    await pools.help.turns()


async def test_i1_i18_a_letter_is_answered_in_the_other_pool(database: Database) -> None:
    """R-21: what was written, whose it is and where an answer goes are there; here it is over."""
    async with two_pools(database) as pools:
        await pools.home.tell(_LETTER, "k1", "mailbox")
        await pools.home.tell(a_letter(2), "k2", "mailbox")
        await pools.home.turns()
        contact = pools.home.state.contacts["ct_1"]
        await pools.wait_for_overflow()
        await pools.help.turns()
        taken = pools.help.state.contacts["ct_1"]
        assert (taken.rank, taken.arrived_at, taken.priority) == (contact.rank, contact.arrived_at, 1)
        assert (taken.queue, taken.came_through, taken.messages) == ("cards", (HOME,), 2)
        assert pools.help.state.cases["cs_1"].province == "01"
        assert await texts(pools, HELP) == [("ct_1", "ms_1", "Thẻ của tôi đâu?"), ("ct_1", "ms_2", "Tôi viết lại.")]
        [whose] = await database.pool.fetch(
            "SELECT c.name, h.value, a.address, a.extra ->> 'message_id' AS mail FROM customer c JOIN handle h ON h.customer_id = c.id "
            "AND h.pool = c.pool JOIN contact_address a ON a.pool = c.pool AND a.contact_id = 'ct_1' WHERE c.pool = $1",
            HELP,
        )
        assert tuple(whose)[:3] == ("Trần Thị Hoa", "hoa@example.org", "hoa@example.org")
        await pools.help.drive(pools.help.ready("an"))
        offer = pools.help.state.agents["an"].offer_id
        accept = AcceptOffer(actor="an", actor_role=Role.AGENT, offer_id=offer)
        assert (await pools.help.drive(pools.help.ask(accept))).status == 200
        answer = SendMessage(
            actor="an", actor_role=Role.AGENT, contact_id="ct_1", message_id="ms_answer", visibility=Visibility.PRIVATE,
            then="complete", disposition="answered", private=Private(text="Thẻ đã gửi."),
        )  # fmt: skip
        assert (await pools.help.drive(pools.help.ask(answer))).status == 200
        [owed] = await database.pool.fetch("SELECT pool, target, kind FROM delivery WHERE message_id = 'ms_answer'")
        assert tuple(owed) == (HELP, "mailbox", "reply")
        assert (await pools.counts(HOME), await pools.counts(HELP)) == ({"handed_over": 1}, {"closed": 1})
        await pools.check()


async def test_i2_what_comes_later_goes_there_once(database: Database) -> None:
    """By the ref of a letter that only the first pool saw, by the case's id, by a letter that was forwarded itself."""
    async with two_pools(database) as pools:
        await handed_over(pools)
        by_case = a_letter(3, answers="case:cs_1", text="Ba")
        for key, letter in (
            ("k2", a_letter(2)),
            ("k3", by_case),
            ("k2", a_letter(2)),
            ("k4", a_letter(4, answers="mail:<2@example.org>")),
        ):
            await pools.home.tell(letter, key, "mailbox")
            await pools.turns()
        assert [message for _, message, _ in await texts(pools, HELP)] == ["ms_1", "ms_2", "ms_3", "ms_4"]
        assert pools.help.state.contacts["ct_1"].messages == 4
        assert await texts(pools, HOME) == [("ct_1", "ms_1", "Thẻ của tôi đâu?")], "not kept where nobody reads it"
        assert len(told(await pools.home.entries(), "FactForwarded")) == 3
        assert await pools.counts(HOME) == {"handed_over": 1}
        await pools.check()


async def test_i2_a_fact_that_is_known_there_is_not_told_again(database: Database) -> None:
    """The dedup key follows from the contact: a hand-over that is decided again (say, from a restored backup) makes no second contact."""
    async with two_pools(database) as pools:
        await pools.home.tell(_LETTER, "k1", "mailbox")
        await pools.home.turns()
        await database.pool.execute("INSERT INTO seen (pool, source, key) VALUES ($1, 'pool:hanoi', 'ct_1')", HELP)
        await pools.wait_for_overflow()
        waiting = await database.pool.fetch("SELECT source, key FROM inbox WHERE pool = $1 ORDER BY id", HELP)
        assert [tuple(row) for row in waiting] == [("pool:hanoi", "ms_1")]


async def test_i1_i15_over_here_and_taken_there_are_one_commit(database: Database) -> None:
    """The engine's server process ends between writing and the commit: nothing happened; the next engine does it once."""
    tasks = Tasks()
    async with two_pools(database) as pools:
        await pools.home.tell(_LETTER, "k1", "mailbox")
        await pools.home.turns()
        async with database.pool.acquire() as other:
            blocking = other.transaction()
            await blocking.start()
            await other.execute("INSERT INTO seen (pool, source, key) VALUES ($1, 'pool:hanoi', 'ct_1')", HELP)
            turning = tasks.start(pools.wait_for_overflow(), name="turning")

            async def stuck() -> bool:
                await pools.clock.settle()
                return bool(await database.pool.fetchval(_KILL))

            await eventually(stuck, what="the engine to wait for the key it wants to write")
            await blocking.rollback()
        await turning
        assert await pools.counts(HOME) == {"open": 1}
        assert await database.pool.fetch("SELECT id FROM inbox WHERE pool = $1", HELP) == []
        await pools.wait_for_overflow()
        await pools.help.turns()
        assert (await pools.counts(HOME), await pools.counts(HELP)) == ({"handed_over": 1}, {"open": 1})
        assert [one["contact_id"] for one in told(await pools.home.entries(), "ContactHandedOver")] == ["ct_1"]
        assert len(told(await pools.help.entries(), "ContactOpened")) == 1
        await pools.check()


_KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%engine hanoi%' AND wait_event_type = 'Lock'
"""


async def test_i3_i13_a_call_is_answered_from_there(database: Database) -> None:
    """R-7: the first pool's switch is commanded by the second; its events go the other way, before and after a take-over."""
    async with two_pools(database) as pools:
        await pools.home.tell(a_call(CallEventName.OFFERED), "e1", "hotline")
        await pools.home.tell(a_call(CallEventName.QUEUED, at=2), "e2", "hotline")
        await pools.home.turns()
        await pools.wait_for_overflow()
        await pools.help.turns()
        assert state_of(pools, "ct_call") == "queued"
        await pools.help.drive(pools.help.ready("an"))
        offer = pools.help.state.agents["an"].offer_id
        await pools.help.drive(pools.help.ask(AcceptOffer(actor="an", actor_role=Role.AGENT, offer_id=offer)))
        owed = await database.pool.fetch(
            "SELECT command, target, data ->> 'call_id' AS call FROM delivery WHERE pool = $1 ORDER BY position", HELP
        )
        assert [tuple(row) for row in owed] == [
            (ControlCommand.QUEUE, "hotline", "c1"), (ControlCommand.CONNECT, "hotline", "c1"),
        ]  # fmt: skip
        await pools.home.tell(a_call(CallEventName.ESTABLISHED, "leg-an", LegRole.AGENT, 3, offer), "e3", "hotline")
        await pools.turns()
        assert state_of(pools, "ct_call") == "active"
        await pools.clock.advance(700 / 0.9)  # the call no longer lingers in the first engine's memory
        await pools.home.turns()
        assert "ct_call" not in pools.home.state.contacts
        await pools.home.engine.stop()
        await pools.home.tell(a_call(CallEventName.CONNECTION_CLEARED, at=4), "e4", "hotline")
        await pools.turns()
        assert state_of(pools, "ct_call") == "wrap_up"
        complete = CompleteContact(actor="an", actor_role=Role.AGENT, contact_id="ct_call", disposition="answered")
        await pools.help.drive(pools.help.ask(complete))
        assert (await pools.counts(HOME), await pools.counts(HELP)) == ({"handed_over": 1}, {"closed": 1})
        await pools.check()


async def test_what_a_channel_tells_of_an_answer_finds_the_pool_that_wrote_it(database: Database) -> None:
    """Echoes, receipts and changed messages come by the endpoint, so to the first pool."""
    async with two_pools(database) as pools:
        await handed_over(pools)
        await pools.home.tell(a_letter(2), "k2", "mailbox")
        await pools.turns()
        echo = DeliveryReported(
            delivery_id="dl_theirs", state=DeliveryState.SENT, attempt=0, external_id="mid.1", contact_id="ct_1"
        )
        read = ReceiptReceived(
            channel=Channel.EMAIL,
            endpoint="mailbox",
            receipt="read",
            watermark=2**45,
            private=Private(refs=("mail:<1@example.org>",)),
        )
        first = MessageChanged(channel=Channel.EMAIL, endpoint="mailbox", message_id="ms_1", change="deleted")
        second = MessageChanged(
            channel=Channel.EMAIL,
            endpoint="mailbox",
            message_id="ms_2",
            change="edited",
            private=Private(text="Sửa lại."),
        )
        for key, fact in (("e", echo), ("r", read), ("d", first), ("c", second)):
            await pools.home.tell(fact, key, "mailbox")
        await pools.turns()
        kinds = [entry.kind for entry in await pools.help.entries() if entry.form == "input"][-4:]
        assert kinds == ["DeliveryReported", "ReceiptReceived", "MessageChanged", "MessageChanged"]
        assert await texts(pools, HELP) == [("ct_1", "ms_1", ""), ("ct_1", "ms_2", "Sửa lại.")]
        await pools.check()


async def test_i16_a_supervisor_is_told_where_the_case_is(database: Database) -> None:
    async with two_pools(database) as pools:
        await handed_over(pools)
        edit = EditCase(actor="mai", actor_role=Role.SUPERVISOR, case_id="cs_1", priority=2)
        outcome = await pools.home.drive(pools.home.ask(edit))
        assert (outcome.status, outcome.code) == (409, "handed_over")
        assert (await pools.help.drive(pools.help.ask(edit))).status == 200


@pytest.mark.parametrize("batch", [True, False])
async def test_what_comes_in_the_same_moment_is_forwarded_as_well(database: Database, batch: bool) -> None:
    """I3: the later letter is read with the one that makes its contact overflow, or just after."""
    async with two_pools(database, home_catalogue(OverflowRule("cards", length_over=1, pool=HELP))) as pools:
        await pools.home.tell(a_letter(9, answers="mail:<none@example.org>"), "k9", "mailbox")
        await pools.home.turns()
        await pools.home.tell(_LETTER, "k1", "mailbox")
        if not batch:
            await pools.home.turns()
        await pools.home.tell(a_letter(2), "k2", "mailbox")
        await pools.turns()
        assert [message for _, message, _ in await texts(pools, HELP)] == ["ms_1", "ms_2"]
        assert pools.help.state.contacts["ct_1"].messages == 2
        await pools.check()
