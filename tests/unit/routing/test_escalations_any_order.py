"""Escalations under any order of actions, times and people: the lifecycle holds, and nothing is left without a next action."""

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ccc_router.events.facts import DeliveryReported
from ccc_router.events.vocabulary import CaseState, DeliveryState, EscalationState, Role
from ccc_router.routing import State, apply, begin
from ccc_router.routing.decisions import DeliveryOwed, EscalationSet
from ccc_router.routing.lifecycles.escalation import ESCALATION
from tests.support.escalated import ACTIONS, MINUTE, Action, Escalated
from tests.support.world import check_invariants

DEPARTMENTS = st.sampled_from(("d_hi", "d_si", "d_mail"))
IDS = st.sampled_from(("es_1", "es_2", "es_3"))
STABLE = {
    "contact_over", "not_yours", "unknown", "unknown_department", "same_department", "chain_too_long", "invalid_until",
    "wrong_state", "escalation_over",
}  # fmt: skip


class Escalations(RuleBasedStateMachine):
    """Departments, agents, supervisors and the clock act as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Escalated()
        self.states: dict[str, EscalationState] = {}
        self.read = 0

    @rule(department=DEPARTMENTS, escalation_id=IDS, urgent=st.booleans(), keep=st.booleans())
    def escalate(self, department: str, escalation_id: str, urgent: bool, keep: bool) -> None:
        if escalation_id not in self.states:
            self.world.escalate(department, escalation_id=escalation_id, urgent=urgent, keep=keep)

    @rule(
        action=st.sampled_from(ACTIONS),
        escalation_id=IDS,
        department=DEPARTMENTS,
        hours=st.integers(-5, 100),
        actor=st.sampled_from(("", "d_si", "an", "binh", "boss")),
        role=st.sampled_from((None, None, None, Role.DEPARTMENT, Role.AGENT, Role.SUPERVISOR, Role.CHANNEL)),
    )
    def act(
        self, action: Action, escalation_id: str, department: str, hours: int, actor: str, role: Role | None
    ) -> None:
        until = self.world.now + hours * 60 * MINUTE
        self.world.act(action, actor=actor, role=role, escalation_id=escalation_id, department=department, until=until)

    @rule(minutes=st.integers(0, 3_000))
    def wait(self, minutes: int) -> None:
        self.world.wait(60 * minutes)

    @rule(escalation_id=IDS, state=st.sampled_from((DeliveryState.SENT, DeliveryState.PARKED)))
    def report(self, escalation_id: str, state: DeliveryState) -> None:
        self.world.give(DeliveryReported(delivery_id="dl_x", state=state, attempt=1, escalation_id=escalation_id))

    @rule()
    def take_and_finish(self) -> None:
        agent = self.world.state.agents["an"]
        if agent.offer_id:
            contact_id = self.world.state.offers[agent.offer_id].contact_id
            self.world.accept("an")
            self.world.complete("an", contact_id)

    @rule()
    def come_back(self) -> None:
        self.world.sign_in("an")

    @invariant()
    def every_change_is_one_of_the_lifecycle_and_none_follows_an_end(self) -> None:
        for _, made in self.world.log[self.read :]:
            for one in made.decisions:
                if isinstance(one, EscalationSet):
                    after = one.escalation.state
                    before = self.states.get(one.escalation.id)
                    assert before is None or after in ESCALATION[before]
                    self.states[one.escalation.id] = after
            assert made.refused is None or made.refused.code in STABLE
        self.read = len(self.world.log)

    @invariant()
    def i9_every_open_one_has_a_timer_in_the_future_and_every_case_a_next_action(self) -> None:
        for escalation in self.world.state.escalations.values():
            assert escalation.due_at > self.world.now, "I9"
        for case in self.world.state.cases.values():
            assert (case.state is CaseState.ESCALATED) == bool(case.escalations)
        check_invariants(self.world.state)

    @invariant()
    def deliveries_have_ids_and_lanes_of_their_own(self) -> None:
        owed = [one for _, made in self.world.log for one in made.decisions if isinstance(one, DeliveryOwed)]
        assert len({one.delivery_id for one in owed}) == len(owed)
        assert all(one.lane == f"department:{one.target}" for one in owed if one.type)

    def teardown(self) -> None:
        """I13: the state rebuilt from inputs and decisions, and the state loaded from its rows, equal the live one."""
        rebuilt = State("main", self.world.catalogue)
        rebuilt.activate(self.world.catalogue)
        for given, made in self.world.log:
            begin(rebuilt, given)
            for one in made.decisions:
                apply(rebuilt, given, one)
        live = self.world.state.dump()
        assert rebuilt.dump() == live
        loaded = State("main", self.world.catalogue)
        loaded.load(msgspec.json.decode(msgspec.json.encode(live), type=type(live)))
        assert loaded.timers.first() == self.world.state.timers.first()


Escalations.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestEscalations = Escalations.TestCase
