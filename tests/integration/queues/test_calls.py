"""Calls through the engine: who calls is known from the first event that says so, whichever it is (I3)."""

import pytest

from ccc_router.events.facts import CallEvent, Handle, Private
from ccc_router.events.vocabulary import CallEventName, LegRole
from ccc_router.kernel.ids import derive
from ccc_router.storage.database import Database
from tests.support.spine import running

NUMBER = Handle("phone", "+84912345678")


def an_event(name: CallEventName, leg: str, role: LegRole, private: Private | None = None) -> CallEvent:
    return CallEvent(
        at=1_800_000_000_000, endpoint="hotline", call_id="c1", leg_id=leg, event=name, role=role, private=private,
        contact_id=derive("ct", "hotline", "call", "c1"), case_id=derive("cs", "hotline", "call", "c1"),
    )  # fmt: skip


@pytest.mark.parametrize("caller_first", [True, False])
async def test_i3_who_calls_is_known_in_either_order_of_the_legs(database: Database, caller_first: bool) -> None:
    caller = an_event(CallEventName.OFFERED, "cust", LegRole.CUSTOMER, Private(handles=(NUMBER,), address=NUMBER.value))
    ringing = an_event(CallEventName.DELIVERED, "a1", LegRole.AGENT)
    async with running(database) as spine:
        for number, event in enumerate([caller, ringing] if caller_first else [ringing, caller]):
            await spine.tell(event, f"event-{number}", "hotline")
        await spine.empty()
        contact_id = derive("ct", "hotline", "call", "c1")
        row = await database.pool.fetchrow(
            "SELECT c.row->>'customer_id' AS customer, k.customer_id AS of_case, h.customer_id AS of_handle, a.address"
            " FROM contact c JOIN customer_case k ON k.id = c.case_id JOIN handle h ON h.value = $2"
            " JOIN contact_address a ON a.contact_id = c.id WHERE c.id = $1",
            contact_id,
            NUMBER.value,
        )
    assert row is not None
    assert row["customer"] == row["of_case"] == row["of_handle"] != ""
    assert row["address"] == NUMBER.value
