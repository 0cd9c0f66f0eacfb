"""What is foretold comes true: the production core routes, the estimator sees what its tables would show, the shares are counted.

``pytest -s`` prints the figures that docs/operations.md quotes.
"""

from collections.abc import Iterator
from functools import partial
from random import Random

import msgspec
import pytest

from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Entry, Input
from ccc_router.events.vocabulary import Channel, ContactState
from ccc_router.queues.waits.calibration import Told, coverage
from ccc_router.queues.waits.estimate import Estimator
from ccc_router.queues.waits.paces import Journalled
from ccc_router.routing.decisions import ContactEnded
from ccc_router.routing.policy import Catalogue, ContactOrder, Rules
from ccc_router.routing.step import Step
from ccc_router.simulation.workloads.workload import Arrival, Window, Workload
from ccc_router.simulation.world.living import World
from tests.support.sight import sight_of
from tests.support.simulated import HOUR, START, everybody, one_queue


class Listening:
    """Beside a world: foretells everybody who comes and waits, as `Waits` does, and what `app_queue` would have said."""

    def __init__(self, catalogue: Catalogue, workload: Workload, channel: Channel) -> None:
        self.channel = channel
        self.journalled = Journalled()
        self.told: dict[str, tuple[int, tuple[int, ...], int]] = {}
        self.averages: dict[str, int] = {}
        self.answered: dict[str, int] = {}
        self.ended: dict[str, tuple[int, bool]] = {}
        self.world = World(catalogue, workload, self._hear)

    def _hear(self, given: Input, done: Step) -> None:
        for number, decision in enumerate(done.decisions, given.position + 1):
            body = canonical(decision)
            kind = str(type(decision).__struct_config__.tag)
            self.journalled.take(Entry("main", number, given.at, "decision", kind, given.position, 2, body))
        state = self.world.state
        for contact_id in self.journalled.joined():
            contact = state.contacts[contact_id]
            if contact.channel is self.channel and contact.state is ContactState.QUEUED:
                paces = partial(self.journalled.paces, given.at)
                expected = Estimator(state.book, sight_of(state), paces).of(contact)
                if expected.waits_ms:
                    self.told[contact_id] = (given.at, expected.waits_ms, self.averages.get(contact.queue, 0))
        for decision in done.decisions:
            name = getattr(decision, "contact_id", "")
            known = state.contacts.get(name)
            if known is not None and known.answered_at == given.at and name not in self.answered:
                self.answered[name] = given.at
                new, old = given.at - known.arrived_at, self.averages.get(known.queue, 0)
                self.averages[known.queue] = ((old << 2) - old + new) >> 2  # app_queue's recalc_holdtime
            if isinstance(decision, ContactEnded):
                self.ended.setdefault(name, (given.at, decision.state is ContactState.ABANDONED))

    def seen(self) -> Iterator[tuple[Told, int]]:
        """What became of each that was foretold behind the warm-up, and what `app_queue` would have said when it came."""
        run = self.world.go()
        for name, (at, waits, average) in self.told.items():
            answered = self.answered.get(name, 0)
            ended, gone = self.ended.get(name, (run.until_ms, False))
            if at >= run.measured_from_ms:
                yield Told(waits, (answered or ended) - at, answered > 0, gone and not answered), average


def pinball(told: list[tuple[Told, int]]) -> tuple[float, float]:
    """Mean loss in seconds over the three shares of those answered, of the interval and of one average said for all three."""
    answered = [(one, average) for one, average in told if one.answered]

    def loss(share: float, said: int, seen: int) -> float:
        return (share * (seen - said) if seen > said else (1 - share) * (said - seen)) / 1000

    mine = [
        loss(share, said, one.seen_ms)
        for one, _ in answered
        for share, said in zip((0.2, 0.5, 0.8), one.waits_ms, strict=True)
    ]
    theirs = [loss(share, average, one.seen_ms) for one, average in answered for share in (0.2, 0.5, 0.8)]
    return sum(mine) / len(mine), sum(theirs) / len(theirs)


def calls(agents: int, load: float, order: ContactOrder, hours: int, seed: int) -> tuple[Catalogue, Workload]:
    """M/M/n+M: callers of one queue, exponential handling (mean 300 s) and patience (mean 180 s)."""
    dice, catalogue = Random(seed), msgspec.structs.replace(one_queue(agents), rules=Rules(contact_order=order))
    at, arrivals, until = float(START), [], START + hours * HOUR
    while (at := at + dice.expovariate(load * agents / 300_000)) < until:
        handling, patience = int(dice.expovariate(1 / 300_000)), 1 + int(dice.expovariate(1 / 180_000))
        arrivals.append(Arrival(int(at), Channel.PHONE, handling, queue="only", patience_ms=patience))
    return catalogue, Workload(Window(START, until, START + HOUR), tuple(arrivals), everybody(catalogue, until))


@pytest.mark.parametrize(("agents", "load"), [(12, 1.1), (20, 1.2)])
@pytest.mark.parametrize(("order", "within"), [("rank", 0.05), ("service_level", 0.1)])
def test_of_ten_callers_two_five_and_eight_are_answered_within_their_times(
    agents: int, load: float, order: ContactOrder, within: float
) -> None:
    """The estimate counts on ranks; that who is late lets others go first for a while, as given, is not in it."""
    told = list(Listening(*calls(agents, load, order, 8, seed=7), Channel.PHONE).seen())
    found = coverage(one for one, _ in told)
    mine, theirs = pinball(told)
    print(  # noqa: T201
        f"\nM/M/{agents}+M at load {load}, order {order}: {found}; pinball {mine:.2f} s, app_queue's average {theirs:.2f} s"
    )
    assert found.told > 600
    for wanted, covered in zip((0.2, 0.5, 0.8), found.within, strict=True):
        assert covered is not None
        assert abs(covered - wanted) <= within
    assert mine < 0.75 * theirs
