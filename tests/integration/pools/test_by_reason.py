"""Two engines on one database: a queue that is closed, full or without anybody signed in hands over, and what went never comes back."""

import msgspec
import pytest

from ccc_router.events.commands import AcceptOffer, CompleteContact, SetPresence
from ccc_router.events.facts import Handle, MessageReceived, Private
from ccc_router.events.vocabulary import Channel, Presence, Role
from ccc_router.kernel.clock import SystemClock, local
from ccc_router.routing.policy import Calendar, Catalogue, Interval, OverflowRule, OverflowWhen
from ccc_router.storage.database import Database
from tests.support.pools import HELP, HOME, Pools, help_catalogue, home_catalogue, told, two_pools


def a_letter(number: int, refs: tuple[str, ...] = ()) -> MessageReceived:
    private = Private(
        handles=(Handle("email", "hoa@example.org"),), name="Trần Thị Hoa", text=f"Thư {number}", refs=refs,
        own_refs=(f"mail:<{number}@example.org>",), address="hoa@example.org",
    )  # fmt: skip
    return MessageReceived(
        channel=Channel.EMAIL, endpoint="mailbox", message_id=f"ms_{number}", contact_id=f"ct_{number}",
        case_id=f"cs_{number}", private=private,
    )  # fmt: skip


def home_where(when: OverflowWhen) -> Catalogue:
    """The queue ``general`` of the first pool overflows for one reason, which is there."""
    made = home_catalogue(OverflowRule("cards", pool=HELP, when=(when,)))
    another_day = (local(SystemClock().now_ms()).weekday() + 3) % 7
    shut = Calendar("shut", (Interval(another_day, 480, 540),))
    general = msgspec.structs.replace(
        made.queues[0],
        hours={"default": "shut"} if when == "closed" else {},
        max_waiting={"email": 0} if when == "full" else {},
    )
    return msgspec.structs.replace(made, calendars=(*made.calendars, shut), queues=(general, *made.queues[1:]))


async def helped_back(pools: Pools, home: Catalogue) -> None:
    """The second pool would give the first whatever it has nobody for."""
    made = help_catalogue(home)
    rule = OverflowRule("general", pool=HOME, when=("nobody",))
    cards = msgspec.structs.replace(made.queues[1], overflow_when=(rule,))
    catalogue = msgspec.structs.replace(made, version=2, queues=(made.queues[0], cards))
    await pools.help.drive(pools.help.activate(catalogue))


@pytest.mark.parametrize("when", ["closed", "full", "nobody"])
async def test_r21_i1_i18_a_letter_is_handed_over_at_once_and_never_back(
    database: Database, when: OverflowWhen
) -> None:
    """R-21: the journal says why; what is written later follows; who has nobody there waits there, and is answered there."""
    home = home_where(when)
    async with two_pools(database, home) as pools:
        await helped_back(pools, home)
        await pools.home.tell(a_letter(1), "k1", "mailbox")
        await pools.turns()
        [handed] = told(await pools.home.entries(), "ContactHandedOver")
        assert (handed["contact_id"], handed["pool"], handed["why"]) == ("ct_1", HELP, when)
        await pools.home.tell(a_letter(2, ("mail:<1@example.org>",)), "k2", "mailbox")
        await pools.turns()
        taken = pools.help.state.contacts["ct_1"]
        assert (taken.state.value, taken.came_through, taken.messages) == ("queued", (HOME,), 2)
        assert told(await pools.help.entries(), "ContactHandedOver") == []
        await pools.help.drive(pools.help.ready("an"))
        offer = pools.help.state.agents["an"].offer_id
        accept = AcceptOffer(actor="an", actor_role=Role.AGENT, offer_id=offer)
        assert (await pools.help.drive(pools.help.ask(accept))).status == 200
        done = CompleteContact(actor="an", actor_role=Role.AGENT, contact_id="ct_1", disposition="answered")
        assert (await pools.help.drive(pools.help.ask(done))).status == 200
        assert (await pools.counts(HOME), await pools.counts(HELP)) == ({"handed_over": 1}, {"closed": 1})
        await pools.check()


async def test_i18_who_waits_goes_over_when_the_last_agent_leaves(database: Database) -> None:
    """The whole line in one commit, each contact once."""
    home = home_where("nobody")
    async with two_pools(database, home) as pools:
        await pools.home.drive(pools.home.ready("an"))
        for number in range(1, 8):
            await pools.home.tell(a_letter(number), f"k{number}", "mailbox")
        await pools.turns()
        assert (await pools.counts(HOME), await pools.counts(HELP)) == ({"open": 7}, {})
        in_hand = pools.home.state.contacts[pools.home.state.offers[pools.home.state.agents["an"].offer_id].contact_id]
        accept = AcceptOffer(actor="an", actor_role=Role.AGENT, offer_id=in_hand.offer_id)
        assert (await pools.home.drive(pools.home.ask(accept))).status == 200
        leaving = await pools.home.drive(pools.home.ask(_leaves("an")))
        assert leaving.status == 200
        await pools.turns()
        gone = [str(one["contact_id"]) for one in told(await pools.home.entries(), "ContactHandedOver")]
        assert len(gone) == len(set(gone)) == await _open_in(pools, HELP)
        assert in_hand.id not in gone
        assert len(gone) + await _open_in(pools, HOME) == 7
        await pools.check()


async def _open_in(pools: Pools, pool: str) -> int:
    return (await pools.counts(pool)).get("open", 0)


def _leaves(agent: str) -> SetPresence:
    return SetPresence(
        actor=agent, actor_role=Role.AGENT, agent_id=agent, presence=Presence.SIGNED_OUT, after_current=True
    )
