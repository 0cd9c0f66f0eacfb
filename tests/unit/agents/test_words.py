"""Every reason has a sentence in both languages, for one agent and for many."""

import typing
import unicodedata

import msgspec
import pytest

from ccc_router.agents.documents import WhyText
from ccc_router.agents.explaining.documents import WaitingView
from ccc_router.agents.explaining.situation import situation
from ccc_router.agents.explaining.words import (
    OVERFLOWS,
    OVERTAKINGS,
    PRESENCES,
    REASONS,
    overflow,
    overtaking,
    sentence,
)
from ccc_router.events.vocabulary import Channel, ContactState, Overflowing, Overtaking, Presence
from ccc_router.rest.waits import ExpectedWait
from ccc_router.routing.explain import reasons as r
from ccc_router.routing.rows import Callback, Contact
from tests.support.world import START

QUEUES = {"health": ("Y tế", "Health")}
ONE = (
    (r.Unskilled("hi", 3, 1, 1, START), "chưa đủ kỹ năng hi mức 3; đủ từ bước nới 1, lúc 15:00:00"),
    (r.QueueNotServed("health"), "không phục vụ hàng đợi Y tế"),
    (r.QueueClosed("health", START), "hàng đợi Y tế đóng cửa từ 15:00 15/01/2027"),
    (
        r.QueueClosed("health", START, START + 61_200_000),
        "hàng đợi Y tế đóng cửa từ 15:00 15/01/2027, mở lại lúc 08:00 16/01/2027",
    ),
    (r.Penalised(START), "tạm dừng mời sau khi bỏ lỡ hoặc từ chối đến 15:00:00"),
    (r.ReservedForAnother("binh", START), "lượt liên hệ đang dành cho binh đến 15:00:00"),
    (r.ReservedForAnother(""), "lượt liên hệ đang dành cho nhân viên khác"),
    (r.ChannelFull("portal", 3, 3), "đã đủ số lượt kênh portal (3 trên 3)"),
    (r.Absent(Presence.NOT_READY, "lunch"), "chưa sẵn sàng (lunch)"),
)


def good(text: WhyText) -> bool:
    """Written out, in both languages, and as NFC."""
    both = (text.vi, text.en)
    return all(both) and not any("{" in one or unicodedata.normalize("NFC", one) != one for one in both)


def test_the_tables_are_whole() -> None:
    assert REASONS.keys() == set(typing.get_args(r.AnyReason))
    assert PRESENCES.keys() == set(Presence)
    assert OVERTAKINGS.keys() == set(Overtaking)
    assert OVERFLOWS.keys() == set(Overflowing)
    assert all(good(overtaking(why)) for why in Overtaking)
    for why in Overflowing:
        text = overflow(why, QUEUES["health"], START)
        assert good(text)
        assert "Y tế lúc 15:00 15/01/2027" in text.vi


@pytest.mark.parametrize(("reason", "expected"), ONE)
def test_what_stops_one_agent(reason: r.AnyReason, expected: str) -> None:
    assert sentence(reason, QUEUES).vi == expected


@pytest.mark.parametrize("kind", typing.get_args(r.AnyReason))
def test_what_stops_many_says_nothing_of_one(kind: type[typing.Any]) -> None:
    """A value of every kind, with every field filled."""
    fields = typing.get_type_hints(kind)
    filled = {
        name: {int: START, str: "x", Presence: Presence.NOT_READY}[fields[name]] for name in kind.__struct_fields__
    }
    reason = kind(**filled)
    assert good(sentence(reason, QUEUES))
    many = sentence(r.of_many(reason), QUEUES)
    assert good(many)
    of_the_contact = isinstance(reason, r.ReservedForAnother | r.QueuePrefers)
    clocks = {"until", "at"} & filled.keys() and not of_the_contact
    assert ("15:00:00" in many.vi) == of_the_contact
    assert not clocks or "15:00:00" in sentence(reason, QUEUES).en
    assert len({msgspec.structs.astuple(r.of_many(one)) for one in (reason, r.of_many(reason))}) == 1


@pytest.mark.parametrize("state", ContactState)
def test_where_a_contact_stands(state: ContactState) -> None:
    contact = Contact("ct_1", "cs_1", "cu_1", Channel.PORTAL, "site", "health", state, START, START)
    assert good(situation(contact, QUEUES["health"], ("an", "an"), None))


def test_what_waits_for_a_call_says_so_and_whose_place_it_has() -> None:
    """R-32: told in both languages, also to an agent."""
    waiting = WaitingView(
        ahead=0, before=[], eligible=0, able=1, able_agents=[], stops=[], next_step=None, reserved_for="", reserved_until=None,
        passed_by=[], closed=None,
        expected=ExpectedWait(position=1, p20_s=None, p50_s=None, p80_s=None, unknown="nobody_here", opens_at=None),
    )  # fmt: skip
    contact = Contact(
        "ct_1", "cs_1", "cu_1", Channel.PHONE, "hotline", "health", ContactState.QUEUED, START, START,
        callback=Callback(START, not_before=START), place_from="ct_0",
    )  # fmt: skip
    told = situation(contact, QUEUES["health"], ("an", "an"), waiting)
    assert "Giữ thứ tự của lượt trước" in told.vi
    assert "không trước 15:00:00" in told.vi
    assert "the place of an earlier contact" in told.en
    assert "not before 15:00:00" in told.en
