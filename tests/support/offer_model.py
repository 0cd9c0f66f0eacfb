"""The offer protocol as a graph: every state that any order of a few inputs can reach, found by depth-first search.

The core itself is the model; nothing of it is written down a second time. To make the graph finite

- every duration of the catalogue is ``STEP_S``, and time passes only by firing the next timer: whatever is due is due now or
  one step from now, and a timer that is due can still be overtaken by any input;
- two states are one if they differ only in ids, in how long ago things happened (their order stays) and in cases, whose timers
  take days and lie outside this protocol;
- each contact arrives once, and a call is connected at most ``CONNECTS`` times.

From each state every input is given twice over: to the state as it lives, and to one loaded from its dump, as an engine that
takes over would have it; both must decide the same.
"""

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from ccc_router.events.commands import (
    AcceptOffer,
    AssignContact,
    CompleteContact,
    DeclineOffer,
    RequeueContact,
    SetPresence,
)
from ccc_router.events.envelope import AnyInput, Input, Resolved
from ccc_router.events.facts import (
    AgentBack,
    AgentLost,
    CallEvent,
    DraftKept,
    MessageReceived,
    OfferFetched,
    TimerFired,
)
from ccc_router.events.vocabulary import CallEventName, Channel, ContactState, LegRole, Presence, Role
from ccc_router.routing import Rows, State, Step, next_due, step
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Catalogue, QueueProfile, Rules
from ccc_router.routing.rows import Contact, Leg, awaits_action
from ccc_router.routing.state import ENDED
from tests.support.world import START, a_catalogue, an_agent, check_invariants

STEP_S = 20
CONNECTS = 1
CALL, LETTER = "ct_call", "ct_letter"
_STEP = 1000 * STEP_S
_GONE = "of_gone"

Key = tuple[object, ...]


class Move(NamedTuple):
    """Something that may happen now. ``idle``: it must change nothing, whoever says it; ``twice``: said again it changes nothing more."""

    name: str
    body: AnyInput
    idle: bool = False
    twice: bool = True


@dataclass
class Graph:
    """What the search found: states by their canonical form, and which can follow which."""

    followers: list[set[int]] = field(default_factory=list)
    over: list[bool] = field(default_factory=list)
    """Whether no contact is open there."""
    paths: list[tuple[int, str]] = field(default_factory=list)
    """By which state and move each was found first."""
    moves: int = 0

    def path(self, state: int) -> list[str]:
        """The moves that lead to a state."""
        names = []
        while self.paths[state][0] >= 0:
            names.append(self.paths[state][1])
            state = self.paths[state][0]
        return names[::-1]

    def without_an_end(self) -> list[int]:
        """The states from which no continuation closes every contact."""
        before: list[list[int]] = [[] for _ in self.followers]
        for state, following in enumerate(self.followers):
            for after in following:
                before[after].append(state)
        ends = {state for state, over in enumerate(self.over) if over}
        found = list(ends)
        while found:
            for state in before[found.pop()]:
                if state not in ends:
                    ends.add(state)
                    found.append(state)
        return [state for state in range(len(self.followers)) if state not in ends]


def the_catalogue(agents: tuple[str, ...], *, begins: bool = False) -> Catalogue:
    """Everybody may take everything, and everything lasts as long as everything else. ``begins``: also what is taken must be begun."""
    same = dict.fromkeys(("phone", "email", "fanpage", "portal", "internal"), STEP_S)
    rules = Rules(
        offer_s=same, wrap_up_s=same, sticky_wait_s=same, connect_s=STEP_S, clear_s=STEP_S, penalty_s=STEP_S,
        penalty_max_s=STEP_S, miss_window_s=STEP_S, miss_limit=2, attention_s=STEP_S, lost_grace_s=STEP_S,
        call_linger_s=STEP_S, transfer_wait_s=STEP_S, wait_for_customer_s=STEP_S,
    )  # fmt: skip
    people = (an_agent(agent, profiles=(QueueProfile("general"),)) for agent in agents)
    made = a_catalogue(*people, rules=rules)
    limits = {"default": STEP_S} if begins else {}
    queues = tuple(msgspec.structs.replace(one, first_action_s=limits) for one in made.queues)
    return msgspec.structs.replace(made, queues=queues)


class Model:
    """Some agents and contacts, and all that may happen to them."""

    def __init__(
        self, agents: tuple[str, ...], contacts: tuple[str, ...], without: tuple[str, ...] = (), *, begins: bool = False
    ) -> None:
        """``without``: moves with one of these words in their name do not happen, which keeps a larger cast small enough. ``begins``:
        as in `the_catalogue`."""
        self.agents = agents
        self.contacts = contacts
        self.without = without
        self._begins = begins
        self.catalogue = the_catalogue(agents, begins=begins)
        self.first = State("main", self.catalogue)
        self.first.activate(self.catalogue)
        self.first.now = START
        self.book = self.first.book

    # the search

    def search(self) -> Graph:
        """Every state and every move. Raises AssertionError, naming the path, where an invariant does not hold."""
        graph = Graph()
        self._known: dict[Key, int] = {}
        self._said: set[tuple[int, str]] = set()
        number, _ = self._enter(graph, self.first, canonical(self.first), -1, "")
        waiting = [(number, self._freeze(self.first))]
        while waiting:
            number, frozen = waiting.pop()
            live = self._thaw(frozen)
            here, taken_over = canonical(live), self._freeze(self._take_over(live))
            for move in self._moves(live):
                graph.moves += 1
                try:
                    after, key = self._follow(move, live, frozen, taken_over)
                    assert not move.idle or key == here, f"I2: {move.name} changes something"
                    reached, new = self._enter(graph, after, key, number, move.name)
                    graph.followers[number].add(reached)
                    again = not move.idle and move.twice and (reached, move.name) not in self._said
                    kept = self._freeze(after) if new or again else b""
                    if again:
                        self._said.add((reached, move.name))
                        self._give(after, move.body)
                        assert canonical(after) == key, f"I2: {move.name} said twice is not said once"
                except AssertionError as broken:
                    raise AssertionError(f"{broken} after {[*graph.path(number), move.name]}") from broken
                if new:
                    waiting.append((reached, kept))
        return graph

    def _enter(self, graph: Graph, state: State, key: Key, came_from: int, name: str) -> tuple[int, bool]:
        if key in self._known:
            return self._known[key], False
        number = self._known[key] = len(self._known)
        check_invariants(state)
        check_lost_agents(state)
        graph.followers.append(set())
        graph.over.append(all(contact.state in ENDED for contact in state.contacts.values()))
        graph.paths.append((came_from, name))
        return number, True

    def _follow(self, move: Move, before: State, frozen: bytes, taken_over: bytes) -> tuple[State, Key]:
        after, other = self._thaw(frozen), self._thaw(taken_over)
        made = self._give(after, move.body)
        assert self._give(other, move.body) == made, "I13: the engine that takes over decides otherwise"
        check_offers_end_once(before, made, after)
        return after, canonical(after)

    def _give(self, state: State, body: AnyInput) -> Step:
        now = max(state.now, body.due) if isinstance(body, TimerFired) else state.now
        resolved = Resolved()
        if isinstance(body, MessageReceived | CallEvent) and body.contact_id not in state.contacts:
            resolved = Resolved(customer_id=f"cu_{body.contact_id}", customer_new=True)
        return step(state, Input(state.position + 1, now, body, resolved, received_at=now))

    def _freeze(self, state: State) -> bytes:
        """The live state with all that is derived from it, lazily emptied heaps and all; the rulebook is everybody's."""
        state.take_changed()
        state.book = None  # type: ignore[assignment]
        frozen = pickle.dumps(state, pickle.HIGHEST_PROTOCOL)
        state.book = self.book
        return frozen

    def _thaw(self, frozen: bytes) -> State:
        state: State = pickle.loads(frozen)  # noqa: S301 - made above
        state.book = self.book
        return state

    def _take_over(self, live: State) -> State:
        """What another engine loads from the rows."""
        loaded = State("main", self.catalogue)
        loaded.book = self.book
        loaded.load(msgspec.msgpack.decode(msgspec.msgpack.encode(live.dump()), type=Rows))
        loaded.position, loaded.now = live.position, live.now
        assert next_due(loaded) == next_due(live), "I12: the engine that takes over waits for another timer"
        return loaded

    # what may happen

    def _moves(self, state: State) -> Iterator[Move]:
        for move in self._all_moves(state):
            if not any(word in move.name for word in self.without):
                yield move

    def _all_moves(self, state: State) -> Iterator[Move]:
        due = next_due(state)
        if due is not None and due.due <= state.now + _STEP:
            yield Move(f"{due.timer} due", due)
        for contact_id in self.contacts:
            contact = state.contacts.get(contact_id)
            if contact is None:
                if f"cs_{contact_id}" not in state.cases:
                    # A letter that comes twice ends at the inbox; the events of a call reach the core as often as they come.
                    yield Move(f"{contact_id} arrives", _arrival(state, contact_id), twice=contact_id == CALL)
            elif contact.state not in ENDED:
                yield from self._of_contact(state, contact)
        for agent in self.agents:
            yield from self._of_agent(state, agent)

    def _of_contact(self, state: State, contact: Contact) -> Iterator[Move]:
        if contact.channel is Channel.PHONE:
            yield from _of_call(state, contact)
        if contact.agent_id and contact.state in (ContactState.ACTIVE, ContactState.WRAP_UP):
            body = CompleteContact(
                actor=contact.agent_id, actor_role=Role.AGENT, contact_id=contact.id, disposition="answered"
            )
            yield Move(f"{contact.id} completed", body)
        if contact.agent_id:
            requeue = RequeueContact(actor=contact.agent_id, actor_role=Role.AGENT, contact_id=contact.id)
            yield Move(f"{contact.id} requeued", requeue, twice=False)
        for agent in self.agents:
            assign = AssignContact(
                actor="sup", actor_role=Role.SUPERVISOR, contact_id=contact.id, agent_id=agent, reason="asked for"
            )
            yield Move(f"{contact.id} assigned to {agent}", assign, twice=False)

    def _of_agent(self, state: State, name: str) -> Iterator[Move]:
        agent = state.agents[name]
        offer = state.offers.get(agent.offer_id)
        yield Move(f"{name} accepts what is gone", _accept(name, _GONE), idle=True)
        if offer is not None:
            yield Move(f"{name} accepts", _accept(name, offer.id))
            body = DeclineOffer(actor=name, actor_role=Role.AGENT, offer_id=offer.id, reason="busy")
            yield Move(f"{name} declines", body)
            if not offer.fetched:
                yield Move(f"{name} sees the offer", OfferFetched(offer_id=offer.id))
            for other in self.agents:
                if other != name:
                    yield Move(f"{other} accepts {name}'s", _accept(other, offer.id), idle=True)
        for contact_id in agent.assignments:
            taken = state.contacts[contact_id].offer_id or _GONE
            yield Move(f"{name} accepts {contact_id} again", _accept(name, taken), idle=True)
            if self._begins:
                draft = DraftKept(contact_id=contact_id, agent_id=name)
                yield Move(f"{name} drafts", draft, idle=not awaits_action(state.contacts[contact_id]))
        for presence in (Presence.READY, Presence.NOT_READY, Presence.SIGNED_OUT):
            if agent.presence is not presence:
                body_of = SetPresence(actor=name, actor_role=Role.AGENT, agent_id=name, presence=presence)
                yield Move(f"{name} is {presence}", body_of)
        yield (
            Move(f"{name} is lost", AgentLost(agent_id=name))
            if not agent.lost
            else Move(f"{name} is back", AgentBack(agent_id=name))
        )


def _accept(agent: str, offer_id: str) -> AcceptOffer:
    return AcceptOffer(actor=agent, actor_role=Role.AGENT, offer_id=offer_id)


def _arrival(state: State, contact_id: str) -> AnyInput:
    if contact_id == CALL:
        return _call_event(state, CallEventName.OFFERED, "cust", "")
    return MessageReceived(
        channel=Channel.PORTAL, endpoint="site", message_id=f"ms_{contact_id}", contact_id=contact_id,
        case_id=f"cs_{contact_id}",
    )  # fmt: skip


def _of_call(state: State, contact: Contact) -> Iterator[Move]:
    legs = contact.call.legs if contact.call is not None else {}
    yield Move("the caller hangs up", _call_event(state, CallEventName.CONNECTION_CLEARED, "cust", ""))
    if contact.state not in (ContactState.CONNECTING, ContactState.ACTIVE):
        return
    leg = legs.get(f"leg-{contact.offer_id}")
    if leg is None and len(legs) <= CONNECTS:
        yield Move("the phone is answered", _call_event(state, CallEventName.ESTABLISHED, "agent", contact.offer_id))
        yield Move("the phone fails", _call_event(state, CallEventName.FAILED, "agent", contact.offer_id))
    elif leg is not None and leg.established_at and not leg.cleared_at:
        yield Move(
            "the agent hangs up", _call_event(state, CallEventName.CONNECTION_CLEARED, "agent", contact.offer_id)
        )


def _call_event(state: State, event: CallEventName, who: str, offer_id: str) -> CallEvent:
    return CallEvent(
        at=state.now, endpoint="hotline", call_id="c1", leg_id="cust" if who == "cust" else f"leg-{offer_id}",
        contact_id=CALL, case_id=f"cs_{CALL}", event=event, offer_id=offer_id,
        role=LegRole.CUSTOMER if who == "cust" else LegRole.AGENT,
    )  # fmt: skip


# what must hold of every move


def check_offers_end_once(before: State, made: Step, after: State) -> None:
    """I6: what ends was pending and ends once; what is pending afterwards was pending or was made, and did not end."""
    pending = set(before.offers)
    for decision in made.decisions:
        if isinstance(decision, d.OfferMade):
            assert decision.offer_id not in pending, "I6: an offer is made twice"
            pending.add(decision.offer_id)
        elif isinstance(decision, d.OfferEnded):
            assert decision.offer_id in pending, "I6: an offer ends that is not pending"
            pending.remove(decision.offer_id)
    assert pending == set(after.offers), "I6: an offer is gone and never ended"


def check_lost_agents(after: State) -> None:
    """I7: a lost agent is offered nothing, and once his grace is over he has nothing but calls that are being spoken on."""
    for agent in after.agents.values():
        if not agent.lost:
            continue
        assert not agent.offer_id, f"I7: {agent.id} is lost and has an offer"
        if agent.lost_at:
            continue
        for contact_id in agent.assignments:
            contact = after.contacts[contact_id]
            assert contact.channel is Channel.PHONE, f"I7: {agent.id} is lost and keeps {contact_id}"
            spoken = contact.call is not None and any(
                leg.established_at for leg in contact.call.legs.values() if leg.role is not LegRole.CUSTOMER
            )
            assert spoken, f"I7: {agent.id} is lost and keeps {contact_id}, which nobody speaks on"


# when two states are one


def canonical(state: State) -> Key:
    """A state without ids of chance, without how long ago anything was, and without cases."""
    names = {contact.offer_id: contact.id for contact in state.contacts.values()}
    moments = {agent.idle_since for agent in state.agents.values()}
    for contact in state.contacts.values():
        for leg in contact.call.legs.values() if contact.call is not None else ():
            moments |= {leg.established_at, leg.failed_at, leg.cleared_at}
    order = {moment: number for number, moment in enumerate(sorted(moments - {0}), 1)}
    order[0] = 0

    def due(moment: int) -> int:
        return moment and max(moment - state.now, 0) + 1

    legs = [_contact_key(contact, names, due, order.__getitem__) for _, contact in sorted(state.contacts.items())]
    offers = sorted((names[one.id], one.agent_id, due(one.expires_at), one.fetched) for one in state.offers.values())
    agents = [
        (
            one.presence, one.sign_out_after, names.get(one.offer_id, ""), one.assignments, order[one.idle_since],
            sorted((channel, due(until)) for channel, until in one.penalties.items()),
            [state.now - at for at in one.misses if at > state.now - _STEP], one.lost, due(one.lost_at), one.demand_id,
        )
        for _, one in sorted(state.agents.items())
    ]  # fmt: skip
    return (msgspec.msgpack.encode((legs, offers, agents)), *sorted(state.cases))


def _contact_key(
    contact: Contact, names: dict[str, str], due: Callable[[int], int], order: Callable[[int], int]
) -> tuple[object, ...]:
    call = contact.call
    return (
        contact.id, contact.state, names.get(contact.offer_id, "") if contact.offer_id else "", contact.agent_id,
        contact.reason, contact.reserved_for, due(contact.reserved_until), contact.tried, contact.answered_at > 0,
        due(contact.ends_at), due(contact.wait_until), due(contact.attention_at), contact.attention, min(contact.attempt, 2),
        [_leg_key(leg, names, order) for leg in call.legs.values()] if call is not None else None,
    )  # fmt: skip


def _leg_key(leg: Leg, names: dict[str, str], order: Callable[[int], int]) -> tuple[object, ...]:
    name = names.get(leg.offer_id, "an old one") if leg.offer_id else ""
    return (name, order(leg.established_at), order(leg.failed_at), order(leg.cleared_at))
