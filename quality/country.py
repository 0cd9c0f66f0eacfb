"""`python -m quality.country`: 34 provincial pools in the busiest hour of a day of 1,000,000 contacts, one of them in a crisis.

Every pool is the production core with a catalogue of its own; they share one virtual time and hand over contacts by the rules of their
catalogues. The customers are the same under every rule (common random numbers). Prints a table; everything is synthetic.

`--seeds 1 2 3` plays it once for each and prints means with 95 % intervals. The whole day is `quality.whole_day`.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import sqrt
from pathlib import Path
from typing import Final

from ccc_router.routing.policy import (
    Agent,
    Capacity,
    Catalogue,
    Disposition,
    Endpoint,
    OverflowRule,
    Queue,
    QueueProfile,
    Requirement,
    ServiceLevel,
    Skill,
    Text,
    Topic,
)  # fmt: skip
from ccc_router.simulation.comparing import estimate
from ccc_router.simulation.measures import measure, thresholds_of
from ccc_router.simulation.workloads.description import Description, flat
from ccc_router.simulation.workloads.synthetic import synthetic
from ccc_router.simulation.world.living import World
from ccc_router.simulation.world.several import Country
from ccc_router.simulation.world.stays import Run

# From north to south. These are shares chosen by us: thousands of people, rounded, written from memory after the mergers of 2025 and held against no
# source. No count by province came with the research this project has; only the proportions matter here.
POPULATION: Final[Mapping[str, int]] = {
    "tuyen-quang": 1870, "cao-bang": 570, "lai-chau": 510, "dien-bien": 670, "lao-cai": 1780, "lang-son": 880, "thai-nguyen": 1800,
    "son-la": 1400, "phu-tho": 4020, "bac-ninh": 3620, "quang-ninh": 1500, "ha-noi": 8810, "hai-phong": 4660, "hung-yen": 3570,
    "ninh-binh": 4410, "thanh-hoa": 4320, "nghe-an": 3830, "ha-tinh": 1620, "quang-tri": 1870, "hue": 1430, "da-nang": 3070,
    "quang-ngai": 2160, "gia-lai": 3580, "dak-lak": 3350, "khanh-hoa": 2240, "lam-dong": 3870, "dong-nai": 4490, "tay-ninh": 3250,
    "tp-hcm": 14000, "dong-thap": 4370, "vinh-long": 4260, "an-giang": 4950, "can-tho": 4200, "ca-mau": 2610,
}  # fmt: skip
PEAK_SHARE: Final = 0.1
"""Of a day's contacts in its busiest hour (the load profile of `Description`)."""
_QUEUES: Final = ("card", "health", "pension", "account")
TAKES_S: Final = 234.0
"""Of an agent's time a contact takes, with several messages at once: 60 % calls of 320 s, 20 % page 260 s / 2.9, 12 % portal 380 s / 2.9,
8 % mail 440 s / 4."""
SPARE: Final = 0.8
"""Agents above the work they have, in its square roots: as many as let each province answer about as well as the others."""
_CHANNELS: Final = ("phone", "email", "fanpage", "portal", "internal")


@dataclass(frozen=True)
class Play:
    """What is played. ``helpers``: ``none``; ``neighbours``, the two north and the two south of each; ``large``, one of either side and
    the two largest. ``people``: thousands by province."""

    helpers: str = "none"
    a_day: int = 1_000_000
    hours: float = 1.0
    warm_up_hours: float = 0.25
    crisis: str = "quang-tri"
    factor: float = 2.0
    after_wait_s: int = 20
    seed: int = 1
    people: Mapping[str, int] = field(default_factory=lambda: POPULATION)


@dataclass(frozen=True)
class Line:
    """Of the callers (messages wait for nobody) who came to some provinces; times in seconds."""

    where: str
    provinces: int
    agents: int
    contacts: int
    calls: int
    service_level: float
    abandoned: float
    mean_wait_s: float
    p95_wait_s: float
    occupancy: float
    handed_over: int
    taken: int


def helpers_of(play: Play, pool: str) -> tuple[str, ...]:
    """The four pools that help one, one a queue."""
    people = play.people
    names = list(people)
    at = names.index(pool)
    nearest = [names[(at + step) % len(names)] for step in (-1, 1, -2, 2)]
    if play.helpers == "neighbours":
        return tuple(nearest)
    large = [one for one in sorted(people, key=lambda one: -people[one]) if one not in (pool, *nearest[:2])]
    return (*nearest[:2], *large[:2])


def an_hour(play: Play, pool: str, *, crisis: bool = True) -> float:
    """Contacts of the busiest hour in a province."""
    people = play.people
    usual = play.a_day * PEAK_SHARE * people[pool] / sum(people.values())
    return usual * (play.factor if crisis and pool == play.crisis else 1.0)


def catalogue(play: Play, pool: str, agents: int = 0) -> Catalogue:
    """Four queues, so many agents (0: for the usual load), and rules by which a queue overflows to the same queue elsewhere."""
    work = an_hour(play, pool, crisis=False) / 3600 * TAKES_S
    needed = agents or int(work + SPARE * sqrt(work)) + 1
    others = helpers_of(play, pool) if play.helpers != "none" else ()
    rules = [(OverflowRule(queue, play.after_wait_s, pool=to),) for queue, to in zip(_QUEUES, others, strict=False)]
    return Catalogue(
        version=1,
        queues=tuple(
            Queue(
                one, _text(one), (Requirement("vi"),), _CHANNELS, ServiceLevel(80, 20),
                allowance_s={"email": 14_400, "fanpage": 600, "portal": 600}, overflow_when=rules[at] if rules else (),
            )
            for at, one in enumerate(_QUEUES)
        ),
        skills=(Skill("vi", _text("vi")),),
        agents=tuple(_agent(pool, number) for number in range(needed)),
        endpoints=(Endpoint("switch", "phone", _text("switch"), _QUEUES[0], control_url="http://switch.invalid/"),),
        dispositions=(Disposition("not_given", _text("not given")),),
        topics=tuple(Topic(one, _text(one), one, share_permille=250) for one in _QUEUES),
    )  # fmt: skip


def _agent(pool: str, number: int) -> Agent:
    return Agent(
        id=f"{pool}-{number:04d}", name=f"{pool}-{number:04d}", skills={"vi": 5},
        profiles=tuple(QueueProfile(one) for one in _QUEUES),
        capacity=Capacity({"phone": 1, "email": 2, "fanpage": 3, "portal": 3, "internal": 2}), phone=f"{number:04d}",
    )  # fmt: skip


def _text(name: str) -> Text:
    return Text(vi=name, en=name)


def describe(play: Play, pool: str) -> Description:
    """The busiest hour, after a warm-up as busy."""
    return flat(
        play.hours + play.warm_up_hours, 24 * an_hour(play, pool), warm_up_hours=play.warm_up_hours, languages={"vi": 100.0}
    )  # fmt: skip


def lived(play: Play) -> tuple[Country, Mapping[str, Run], float]:
    """The country, what each pool's run left behind, and the processor time it took (s)."""
    country = Country()
    for number, pool in enumerate(play.people):
        made = catalogue(play, pool)
        workload = synthetic(describe(play, pool), made, 1000 * play.seed + number)
        country.worlds[pool] = World(made, workload, pool=pool, abroad=country)
    began = time.process_time()
    runs = country.go()
    return country, runs, time.process_time() - began


def lines(play: Play, country: Country, runs: Mapping[str, Run]) -> list[Line]:
    """The province in crisis, those that help it, the others, all."""
    helping = set(helpers_of(play, play.crisis))
    groups = {
        play.crisis: [play.crisis],
        "its helpers": [one for one in runs if one in helping],
        "the others": [one for one in runs if one not in helping and one != play.crisis],
        "all": list(runs),
    }
    return [_line(play, country, runs, where, pools) for where, pools in groups.items() if pools]


def _line(play: Play, country: Country, runs: Mapping[str, Run], where: str, pools: Iterable[str]) -> Line:
    some = {pool: runs[pool] for pool in pools}
    one = next(iter(some.values()))
    agents = {name: worked for run in some.values() for name, worked in run.agents.items()}
    stays = [stay for run in some.values() for stay in run.stays]
    whole = Run(stays, agents, one.until_ms, one.measured_from_ms, one.utc_offset_minutes)
    found = measure(whole, thresholds_of(catalogue(play, next(iter(some)))))
    calls = found.channels["phone"]
    return Line(
        where, len(some), len(agents), found.total.offered, calls.offered, calls.service_level, calls.abandonment,
        calls.mean_wait_ms / 1000, calls.p95_wait_ms / 1000, found.occupancy,
        sum(many for (home, _), many in country.moved.items() if home in some),
        sum(many for (_, to), many in country.moved.items() if to in some),
    )  # fmt: skip


HEAD: Final = (
    "| helpers | where | agents | contacts | service level | gave up | mean wait | p95 | occupancy | handed over | taken |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def over_seeds(play: Play, seeds: Sequence[int]) -> tuple[list[list[Line]], Iterator[str]]:
    """The lines of each seed, and the table of their means with 95 % intervals (Student's t)."""
    found: list[list[Line]] = []
    for seed in seeds:
        one = replace(play, seed=seed)
        country, runs, took_s = lived(one)
        found.append(lines(one, country, runs))
        came, inputs = sum(len(run.stays) for run in runs.values()), sum(run.inputs for run in runs.values())
        cost = f"{took_s:.0f} s of processor time, {1000 * took_s / came:.2f} ms a contact"
        told = f"seed {seed}: {came:,} contacts with the warm-up, {inputs:,} inputs, {cost}"
        print(told, file=sys.stderr, flush=True)
    return found, spread(play, found)


def spread(play: Play, found: Sequence[Sequence[Line]]) -> Iterator[str]:
    """Means over runs with the half width of their 95 % interval, a row a group."""
    for rows in zip(*found, strict=True):
        cells = [
            _between([one.service_level for one in rows], 100, 1, " %"), _between([one.abandoned for one in rows], 100, 1, " %"),
            _between([one.mean_wait_s for one in rows], 1, 1, " s"), _between([one.p95_wait_s for one in rows], 1, 0, " s"),
            _between([one.occupancy for one in rows], 100, 1, " %"), _between([float(one.handed_over) for one in rows], 1, 0, ""),
            _between([float(one.taken) for one in rows], 1, 0, ""),
        ]  # fmt: skip
        contacts = sum(one.contacts for one in rows) // len(rows)
        yield f"| {play.helpers} | {rows[0].where} | {rows[0].agents} | {contacts:,} | {' | '.join(cells)} |"


def _between(values: Sequence[float], scale: float, digits: int, unit: str) -> str:
    made = estimate(values)
    half = "" if made.half_width is None else f" ± {scale * made.half_width:,.{digits}f}"
    return f"{scale * made.mean:,.{digits}f}{half}{unit}"


def asked(prog: str, about: str) -> argparse.ArgumentParser:
    """The options that say what is played."""
    parser = argparse.ArgumentParser(prog=f"python -m {prog}", description=about)
    parser.add_argument("--helpers", choices=("none", "neighbours", "large"), default=Play.helpers)
    parser.add_argument("--contacts-a-day", type=int, default=Play.a_day)
    parser.add_argument("--crisis", choices=tuple(POPULATION), default=Play.crisis)
    parser.add_argument("--factor", type=float, default=Play.factor, help="times as many there")
    parser.add_argument(
        "--after-wait", type=int, default=Play.after_wait_s, help="seconds until a contact is handed over"
    )
    return parser


def play_of(given: argparse.Namespace, seed: int) -> Play:
    """What those options say."""
    return Play(
        given.helpers, given.contacts_a_day, crisis=given.crisis, factor=given.factor, after_wait_s=given.after_wait, seed=seed
    )  # fmt: skip


def main() -> None:
    """Play, print, write."""
    parser = asked("quality.country", __doc__ or "")
    parser.add_argument(
        "--hours", type=float, default=Play.hours, help="of the busiest hour's load, after a quarter of an hour"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[Play.seed], help="a run for each")
    parser.add_argument("--out", type=Path, help="the lines of each seed as JSON")
    given = parser.parse_args()
    found, table = over_seeds(replace(play_of(given, given.seeds[0]), hours=given.hours), given.seeds)
    print(HEAD)
    print("\n".join(table))
    if given.out is not None:
        kept = [[asdict(one) for one in of_seed] for of_seed in found]
        given.out.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
