"""The checker of the soak finds what it is there to find: hand-made histories and journals with one fault each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from ccc_router.events.codec import trace_of
from soak.checking.entries import Body, Given, Made, Step
from soak.checking.told import gather
from soak.checking.verdict import Verdict, decide, modelled
from soak.history import Begun, End, Ended, Line, Noted

AN, BINH = "agent:an", "agent:binh"


@dataclass
class Run:
    """A run that went well, to be spoilt in one place: a contact came, an agent took it, a department was told."""

    lines: list[Line] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=lambda: {"open": 1})

    def tried(
        self, kind: str, who: str, what: object, end: End = "ok", told: object = (200, ""), at: float = 0
    ) -> None:
        """A try of an operation."""
        at, op = at or float(len(self.lines)), len(self.lines)
        self.lines += [Begun(at, op, kind, who, what), Ended(at + 0.5, op, end, told)]

    def command(self, key: str, who: str, verb: str, ref: str, told: object = (200, ""), at: float = 0) -> None:
        """A command that was answered."""
        self.keys[key] = f"cm-{key}"
        self.tried("command", who, (key, verb, ref), "ok", told, at)

    def entry(self, source: str = "", key: str = "", body: Body | None = None, *made: Made, at: int = 0) -> None:
        """An input in the journal, with what followed."""
        position = len(self.steps) + 1
        given = Given(
            position, at or position, body or Body("CallEvent"), key=trace_of(key) if key else "", source=source
        )
        self.steps.append(Step(given, made))

    def took(self, key: str, who: str, *made: Made) -> None:
        """The entry of a command."""
        role, _, actor = who.partition(":")
        self.entry(who, f"cm-{key}", Body("AcceptOffer", actor, role), *made)

    def verdict(self) -> Verdict:
        """What the checker says."""
        return decide(gather(self.lines), modelled(self.steps), self.keys, self.states)


def a_run() -> Run:
    run = Run()
    catalogue = b'{"agents":[{"id":"an","capacity":{"channels":{"portal":1}}},{"id":"binh","capacity":{"channels":{"portal":1}}}]}'
    run.entry(body=Body("ActivateCatalogue", "first", "system", catalogue=msgspec.Raw(catalogue)))
    run.tried("facts", "tracked", ("csta:e", [1, 2]), told=(200, [2, 0, 0]))
    run.entry("tracked", "csta:e1")
    run.entry("tracked", "csta:e2")
    run.tried("form", "site", "contact:aa", told=(201, "ct_1"))
    opened = Made("ContactOpened", contact_id="ct_1", channel="portal")
    offered = Made("OfferMade", contact_id="ct_1", offer_id="of_1", agent_id="an")
    run.entry("site", "contact:aa", Body("MessageReceived"), opened, offered)
    run.tried("next", AN, None, told=(200, ["of_1", "ct_1"]))
    run.command("k1", AN, "accept", "of_1", (200, "ct_1"))
    run.took("k1", AN, Made("OfferEnded", offer_id="of_1", state="accepted"))
    run.command("k2", AN, "escalate", "ct_1")
    owed = Made(
        "DeliveryOwed",
        delivery_id="dl_1",
        delivery="webhook",
        target="policy",
        type="ccc.escalation.raised.v1",
        escalation_id="es_1",
    )
    run.took("k2", AN, owed)
    run.lines.append(Noted(99.0, "webhook", ("policy", "dl_1", 204, "ccc.escalation.raised.v1", "es_1", "d1")))
    run.entry("deliver", "sent:dl_1", Body("DeliveryReported"), Made("DeliveryEnded", delivery_id="dl_1", state="sent"))
    return run


def found(verdict: Verdict) -> dict[str, int]:
    """Everything that was found, by its words."""
    faults = (verdict.lost, verdict.doubled, verdict.double_offers, verdict.violations)
    return {what: count for one in faults for what, count in one.counts.items()}


def test_a_run_that_went_well_is_clean_and_counted() -> None:
    verdict = a_run().verdict()
    assert verdict.clean, found(verdict)
    assert verdict.acknowledged == 2 + 1 + 2  # two events, a form, two commands


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("end", ["info", "never"])
def test_what_may_have_happened_is_allowed_both_ways(there: bool, end: str) -> None:
    run = a_run()
    begun = Begun(50.0, 900, "facts", "tracked", ("csta:e", [3]))
    run.lines += [begun, Ended(51.0, 900, "info", "Cut")] if end == "info" else [begun]
    run.lines += [Begun(52.0, 901, "command", AN, ("k9", "complete", "ct_1")), Ended(53.0, 901, "info", 503)]
    run.keys["k9"] = "cm-k9"
    if there:
        run.entry("tracked", "csta:e3")
        run.took("k9", AN)
    verdict = run.verdict()
    assert verdict.clean, found(verdict)
    assert verdict.acknowledged == 5


def test_what_was_cut_and_then_acknowledged_must_be_there_once() -> None:
    """I1, I2: the same key, tried twice."""
    run = a_run()
    run.tried("facts", "tracked", ("csta:e", [3]), "info", "Cut")
    run.tried("facts", "tracked", ("csta:e", [3]), told=(200, [0, 1, 0]))
    assert found(run.verdict()) == {"I1: a fact acknowledged and lost": 1}
    run.entry("tracked", "csta:e3")
    assert run.verdict().clean
    run.entry("tracked", "csta:e3")
    assert found(run.verdict()) == {"I2: an input twice": 1}


def lost_fact(run: Run) -> None:
    del run.steps[2]


def lost_command(run: Run) -> None:
    run.command("k3", BINH, "complete", "ct_1")


def lost_key(run: Run) -> None:
    del run.keys["k2"]


def refused_and_taken(run: Run) -> None:
    run.tried("facts", "tracked", ("csta:e", [3]), "fail", 429)
    run.entry("tracked", "csta:e3")


def told_two_contacts(run: Run) -> None:
    run.tried("form", "site", "contact:aa", told=(201, "ct_2"))


def told_two_ways(run: Run) -> None:
    run.command("k2", AN, "escalate", "ct_1", (409, "wrong_state"))


def opened_twice(run: Run) -> None:
    run.entry("site", "contact:bb", None, Made("ContactOpened", contact_id="ct_1", channel="portal"))


def offered_twice(run: Run) -> None:
    run.steps[3] = Step(
        run.steps[3].given, [*run.steps[3].made, Made("OfferMade", contact_id="ct_1", offer_id="of_2", agent_id="binh")]
    )


def offered_with_an_owner(run: Run) -> None:
    run.entry("", "", None, Made("OfferMade", contact_id="ct_1", offer_id="of_2", agent_id="binh"))


def told_an_offer_of_another(run: Run) -> None:
    run.tried("next", BINH, None, told=(200, ["of_1", "ct_1"]))


def accepted_by_two(run: Run) -> None:
    run.command("k4", BINH, "accept", "of_1", (200, "ct_1"))
    run.took("k4", BINH)


def two_owners(run: Run) -> None:
    run.entry("", "", None, Made("ContactActive", contact_id="ct_1", agent_id="binh"))


def too_much(run: Run) -> None:
    run.entry(
        "",
        "",
        None,
        Made("ContactOpened", contact_id="ct_2", channel="portal"),
        Made("ContactActive", contact_id="ct_2", agent_id="an"),
    )
    run.states["open"] = 2


def ended_twice(run: Run) -> None:
    run.entry("", "", None, Made("OfferEnded", offer_id="of_1", state="expired"))


def lost_with_an_offer(run: Run) -> None:
    run.entry(
        "",
        "",
        None,
        Made("ContactOpened", contact_id="ct_2", channel="portal"),
        Made("OfferMade", contact_id="ct_2", offer_id="of_2", agent_id="binh"),
    )
    run.entry("heartbeats", "lost", Body("AgentLost", agent_id="binh"), Made("AgentMarkedLost", agent_id="binh"))
    run.states["open"] = 2


def offered_though_lost(run: Run) -> None:
    run.entry("heartbeats", "lost", Body("AgentLost", agent_id="binh"), Made("AgentMarkedLost", agent_id="binh"))
    run.entry(
        "",
        "",
        None,
        Made("ContactOpened", contact_id="ct_2", channel="portal"),
        Made("OfferMade", contact_id="ct_2", offer_id="of_2", agent_id="binh"),
    )
    run.states["open"] = 2


def early(run: Run) -> None:
    run.entry("", "", Body("TimerFired", timer="contact", ref="ct_1", due=5_000), at=4_999)


def fired_twice(run: Run) -> None:
    for _ in range(2):
        run.entry("", "", Body("TimerFired", timer="contact", ref="ct_1", due=5_000), at=5_000)


def two_ids(run: Run) -> None:
    run.lines.append(Noted(100.0, "webhook", ("policy", "dl_2", 204, "ccc.escalation.raised.v1", "es_1", "d2")))
    run.entry(
        "",
        "",
        None,
        Made("DeliveryOwed", delivery_id="dl_2", delivery="webhook", target="records", type="ccc.escalation.reply.v1"),
    )


def two_bodies(run: Run) -> None:
    run.lines.append(Noted(100.0, "webhook", ("policy", "dl_1", 204, "ccc.escalation.raised.v1", "es_1", "another")))


def nobody_owed(run: Run) -> None:
    run.lines.append(Noted(100.0, "webhook", ("policy", "dl_9", 204, "ccc.escalation.reply.v1", "es_1", "d9")))


def never_taken(run: Run) -> None:
    run.lines = [line for line in run.lines if not isinstance(line, Noted)]


def told_twice_by_the_journal(run: Run) -> None:
    again = Made(
        "DeliveryOwed",
        delivery_id="dl_2",
        delivery="webhook",
        target="policy",
        type="ccc.escalation.raised.v1",
        escalation_id="es_1",
    )
    run.entry("", "", None, again)


def from_the_past(run: Run) -> None:
    run.command("k5", BINH, "complete", "ct_1", at=500)
    run.command("k6", BINH, "complete", "ct_1", at=600)
    run.took("k6", BINH)
    run.took("k5", BINH)


def uneven(run: Run) -> None:
    run.states = {"open": 0, "closed": 1}


def found_by_the_core(run: Run) -> None:
    run.entry("", "", None, Made("InvariantViolated", invariant="I4", ref="ct_1", what="two_offers"))


def put_aside(run: Run) -> None:
    run.steps.append(Step(Given(9, 9, kind="InputParked"), ()))


def without_a_role(run: Run) -> None:
    run.entry("", "", Body("CompleteContact", "somebody"))


def owned_though_over(run: Run) -> None:
    run.entry("", "", None, Made("ContactEnded", contact_id="ct_1", state="closed"))
    run.states = {"closed": 1}


def hung_up_and_open(run: Run) -> None:
    run.entry("", "", Body("CallEvent", contact_id="ct_1", endpoint="tracked", event="ConnectionCleared"))


def answered_and_abandoned(run: Run) -> None:
    opened = Made("ContactOpened", contact_id="ct_2", channel="phone")
    over = Made("ContactEnded", contact_id="ct_2", state="abandoned")
    run.entry("", "", Body("CallEvent", contact_id="ct_2", endpoint="tracked", event="ConnectionCleared"), opened, over)
    run.entry("", "", Body("CallEvent", contact_id="ct_2", endpoint="tracked", event="Established", role="agent"))
    run.states = {"open": 1, "abandoned": 1}


SPOILT: Sequence[tuple[Callable[[Run], None], str]] = (
    (lost_fact, "I1: a fact acknowledged and lost"),
    (lost_command, "I1: a command acknowledged and lost"),
    (lost_key, "I1: a command acknowledged and lost"),
    (refused_and_taken, "I14: refused, and taken"),
    (told_two_contacts, "I2: two contacts told for one form"),
    (told_two_ways, "I2: one command told in two ways"),
    (hung_up_and_open, "I3: a call that did not end as its events say"),
    (answered_and_abandoned, "I3: a call that did not end as its events say"),
    (opened_twice, "I2: a contact opened twice"),
    (offered_twice, "I4: a contact offered twice at once"),
    (offered_with_an_owner, "I4: a contact offered that has an owner"),
    (told_an_offer_of_another, "I4: an offer told that was not made so"),
    (accepted_by_two, "I4: an offer accepted by two agents"),
    (two_owners, "I4: a contact with two owners"),
    (too_much, "I5: more of a channel than an agent may have"),
    (ended_twice, "I6: an offer ended that was not pending"),
    (lost_with_an_offer, "I7: a lost agent keeps his offer"),
    (offered_though_lost, "I7: an offer to a lost agent"),
    (early, "I12: a timer early"),
    (fired_twice, "I12: a timer twice"),
    (two_ids, "I10: one escalation told under two ids"),
    (two_bodies, "I10: one webhook with two bodies"),
    (nobody_owed, "I10: a webhook that nobody owed"),
    (never_taken, "I10: said to be sent, and never taken"),
    (told_twice_by_the_journal, "I10: an escalation told to a department twice"),
    (from_the_past, "order: answered before, and later in the journal"),
    (uneven, "I18: counts of contacts differ"),
    (found_by_the_core, "I4: found by the core"),
    (put_aside, "an input was put aside"),
    (without_a_role, "I16: a change by somebody without a role"),
    (owned_though_over, "I4: a contact that is over has an owner"),
)


@pytest.mark.parametrize(("spoil", "what"), [pytest.param(*one, id=one[0].__name__) for one in SPOILT])
def test_what_is_spoilt_is_found(spoil: Callable[[Run], None], what: str) -> None:
    """I1 to I7, I10, I12, I14, I16, I18: each broken once."""
    run = a_run()
    spoil(run)
    verdict = run.verdict()
    assert not verdict.clean
    assert what in found(verdict)
