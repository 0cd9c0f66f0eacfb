"""I5 with interruptions: which channel comes on top of which, and that no order of ending brings more than an agent may carry."""

from hypothesis import given
from hypothesis import strategies as st

from ccc_router.events.vocabulary import CallEventName, Channel, ContactState
from ccc_router.kernel.ids import derive
from ccc_router.routing.policy import OnTop, Rules
from ccc_router.routing.rows import Agent
from ccc_router.routing.rulebook import Rulebook
from ccc_router.routing.standing.capacity import carried, has_room
from tests.support.matcher import Watched as World
from tests.support.world import a_catalogue, an_agent, check_invariants

ALL = ("phone", "email", "fanpage", "portal", "internal")


def a_centre(rules: Rules | None = None) -> World:
    world = World(a_catalogue(an_agent("an"), rules=rules))
    world.sign_in("an")
    return world


def taken(world: World, channel: Channel) -> str:
    contact_id = world.write(channel)
    world.accept("an")
    assert world.state_of(contact_id) is ContactState.ACTIVE
    return contact_id


def test_a_mail_does_not_block_a_call_and_is_set_aside_meanwhile() -> None:
    """DESIGN 5: an e-mail does not block a call."""
    world = a_centre()
    taken(world, Channel.EMAIL)
    taken(world, Channel.EMAIL)
    world.call(CallEventName.OFFERED, "c1")
    call = derive("ct", "hotline", "call", "c1")
    assert world.offered_to(call) == "an"
    world.accept("an")
    an = world.state.agents["an"]
    assert world.state.load_of(an) == {"email": 2, "phone": 1}
    assert world.state.weight_of(world.state.load_of(an)) == 100
    check_invariants(world.state)


def test_nothing_live_comes_on_top_of_a_call_however_much_an_agent_may_carry() -> None:
    """DESIGN 5: a call blocks the next call; not by weight alone."""
    world = a_centre(Rules(weights={"phone": 10, "email": 10, "fanpage": 10, "portal": 10, "internal": 10}))
    world.call(CallEventName.OFFERED, "c1")
    world.accept("an")
    waiting = world.write(Channel.PORTAL)
    mail = world.write(Channel.EMAIL)
    assert world.offered_to(waiting) == ""
    assert world.offered_to(mail) == "an"


def test_a_chat_blocks_a_call_by_its_weight() -> None:
    world = a_centre()
    taken(world, Channel.PORTAL)
    world.call(CallEventName.OFFERED, "c1")
    assert world.offered_to(derive("ct", "hotline", "call", "c1")) == ""


HOW: st.SearchStrategy[OnTop] = st.sampled_from(["beside", "interrupts", "never"])


@st.composite
def matrices(draw: st.DrawFn) -> dict[str, dict[str, OnTop]]:
    """Any matrix without a circle: a channel sets aside only those that come later in a drawn order."""
    order = draw(st.permutations(ALL))
    return {
        new: {
            held: how
            for held in ALL
            if (how := draw(HOW)) != "interrupts" or order.index(held) > order.index(new)
        }
        for new in ALL
    }  # fmt: skip


@given(matrices(), st.lists(st.tuples(st.sampled_from(ALL), st.booleans()), max_size=25))
def test_i5_holds_in_any_order_of_taking_and_ending(
    on_top: dict[str, dict[str, OnTop]], moves: list[tuple[str, bool]]
) -> None:
    rules = Rules(on_top=on_top, weights={"phone": 60, "email": 25, "fanpage": 34, "portal": 20, "internal": 15})
    book = Rulebook(a_catalogue(an_agent("an", channels=dict.fromkeys(ALL, 4)), rules=rules))
    agent = Agent("an")
    used: dict[str, int] = {}
    for channel, take in moves:
        if take and has_room(book, agent, channel, used):
            assert all(on_top[channel].get(held) != "never" for held in used)
            used[channel] = used.get(channel, 0) + 1
        elif not take and channel in used:
            used[channel] -= 1
            if not used[channel]:
                del used[channel]
        heavy = [x for x in used if not any(on_top[y].get(x) == "interrupts" for y in used)]
        assert carried(book, used) == sum(used[x] * rules.weights[x] for x in heavy)
        assert carried(book, used) <= 100
