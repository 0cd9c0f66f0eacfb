"""`python -m quality.whole_day`: the whole day of the country of `quality.country`, in one virtual time and in bounded memory.

Arrivals are drawn when they are due, what is over is counted and let go every virtual hour, and cases are closed when they are resolved, so that
what is in memory is what is open. Agents are there by the hour, as many as the hour's usual load needs by the rule of `quality.country`.
"""

import resource
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from math import sqrt

import msgspec

from ccc_router.routing.policy import Catalogue, Rules
from ccc_router.simulation.measures import thresholds_of
from ccc_router.simulation.staffing.played import at_work
from ccc_router.simulation.workloads.description import Description, flat
from ccc_router.simulation.workloads.synthetic import arriving, window_of
from ccc_router.simulation.workloads.workload import Shift, Workload
from ccc_router.simulation.world.living import World
from ccc_router.simulation.world.several import Country
from quality.country import SPARE, TAKES_S, Play, asked, catalogue, helpers_of, play_of
from quality.tally import HOUR_MS, Counted, Tally, together

SPREAD = Description().hour_weights
"""How busy each hour of a day is beside the others."""


class Day:
    """A day that was played: what was counted, and what it took."""

    def __init__(self, play: Play) -> None:
        """Nothing has happened yet."""
        self.play = play
        self.country = Country()
        self.window = window_of(described(play, play.crisis))
        self.tally = Tally(
            self.window.from_ms, self.window.until_ms, thresholds_of(catalogue(play, play.crisis, agents=1))
        )
        self.took_s = 0.0
        self.inputs = 0
        self.agents: dict[str, int] = {}
        for number, pool in enumerate(play.people):
            needed = [agents_in(play, pool, hour) for hour in range(24)]
            self.agents[pool] = max(needed)
            made = _closing(catalogue(play, pool, agents=max(needed)))
            shifts = _shifts(made, needed, self.window.from_ms)
            coming = arriving(described(play, pool), made, 1000 * play.seed + number)
            self.country.worlds[pool] = World(
                made, Workload(self.window, (), shifts), pool=pool, abroad=self.country, arrivals=coming
            )

    def live(self) -> None:
        """Play it, with a line an hour on the error output. Raises only on a fault of the core or of a world."""
        runs = {pool: world.end() for pool, world in self.country.worlds.items()}
        began = time.process_time()

        def pause(mark: int) -> None:
            left = self.tally.fold(runs)
            hour, spent = (mark - self.window.from_ms) // HOUR_MS, time.process_time() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            told = f"{hour:02d}:00  {self.tally.came():>9,} over  {left:>6,} open  {spent:>6.0f} s of processor time  {peak:,} MB at most"
            print(told, file=sys.stderr, flush=True)

        self.country.go(pause, HOUR_MS)
        self.tally.fold(runs, last=True)
        self.took_s = time.process_time() - began
        self.inputs = sum(run.inputs for run in runs.values())


def agents_in(play: Play, pool: str, hour: int) -> int:
    """Agents for the usual load of an hour."""
    people = play.people
    usual = play.a_day * SPREAD[hour] / sum(SPREAD) * people[pool] / sum(people.values())
    work = usual / 3600 * TAKES_S
    return int(work + SPARE * sqrt(work)) + 1


def described(play: Play, pool: str) -> Description:
    """A province's day: the usual shape of a day, without weekdays and months."""
    people = play.people
    usual = play.a_day * people[pool] / sum(people.values())
    factor = play.factor if pool == play.crisis else 1.0
    return flat(24.0, usual * factor, hour_weights=SPREAD, languages={"vi": 100.0})


def _shifts(made: Catalogue, needed: Sequence[int], from_ms: int) -> tuple[Shift, ...]:
    return tuple(
        Shift(agent.id, from_ms + begins, from_ms + ends)
        for number, agent in enumerate(made.agents)
        for begins, ends in at_work(number, needed, HOUR_MS)
    )


def _closing(made: Catalogue) -> Catalogue:
    """A case that is resolved closes at once, not in a week: nobody of this day comes back to it."""
    return msgspec.structs.replace(made, rules=Rules(case_resolved_days=0))


def report(day: Day) -> Iterator[str]:
    """Of callers: who came to the province in crisis, to those that help it, to the others, to all; then the country and the crisis by hour."""
    play, moved = day.play, day.country.moved
    helping = set(helpers_of(play, play.crisis)) if play.helpers != "none" else set()
    groups = {
        play.crisis: {play.crisis}, "its helpers": helping,
        "the others": set(play.people) - helping - {play.crisis}, "all": set(play.people),
    }  # fmt: skip
    yield "| where | agents at most | calls | answered in 20 s | gave up | mean wait | 95 % waited less than | handed over | taken |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for where, pools in groups.items():
        if not pools:
            continue
        calls = _of(day, pools)
        gone = sum(many for (home, _), many in moved.items() if home in pools)
        came = sum(many for (_, to), many in moved.items() if to in pools)
        yield (
            f"| {where} | {sum(day.agents[one] for one in pools):,} | {calls.offered:,} | {calls.service_level:.1%} | {calls.abandoned:.1%} "
            f"| {calls.mean_wait_s:.0f} s | {calls.wait_s(0.95):.0f} s | {gone:,} | {came:,} |"
        )
    yield ""
    yield f"| hour | calls | answered in 20 s | gave up | {play.crisis}: calls | answered in 20 s | gave up |"
    yield "|---|---|---|---|---|---|---|"
    for hour in range(24):
        cells = [_of(day, pools, hour) for pools in (set(play.people), {play.crisis})]
        shown = " | ".join(f"{one.offered:,} | {one.service_level:.1%} | {one.abandoned:.1%}" for one in cells)
        yield f"| {hour:02d} | {shown} |"
    yield ""
    whole = day.tally.came()
    yield (
        f"{whole:,} contacts, {day.inputs:,} inputs, {day.took_s:.0f} s of processor time, {1000 * day.took_s / max(whole, 1):.2f} ms a contact, "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB at most"
    )


def _of(day: Day, pools: Iterable[str], hour: int = -1) -> Counted:
    wanted = set(pools)
    return together(one for (pool, at), one in day.tally.calls.items() if pool in wanted and (hour < 0 or at == hour))


def main() -> None:
    """Play, print."""
    parser = asked("quality.whole_day", __doc__ or "")
    parser.add_argument("--seed", type=int, default=Play.seed)
    given = parser.parse_args()
    day = Day(play_of(given, given.seed))
    day.live()
    print("\n".join(report(day)))


if __name__ == "__main__":
    main()
