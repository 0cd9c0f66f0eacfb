"""The verdict: reads the history and the journal, and says what was lost, doubled, offered twice, and which invariants broke."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
import msgspec

from soak.centre import POOL
from soak.checking import compare
from soak.checking.entries import Chain, Step, rows, step_of
from soak.checking.model import Faults, Model
from soak.checking.told import Told, gather
from soak.history import read
from tests.support.row_invariants import BROKEN

_KEYS: Final = "SELECT key, command_key FROM idempotency WHERE pool = $1"
_LATER: Final = "nothing is left in the inbox"
"""What an engine that stops hands in about its agents waits for the next one; what a client was told must be in the journal by now."""
_STATES: Final = "SELECT CASE WHEN open THEN 'open' ELSE state END, count(*) FROM contact WHERE pool = $1 GROUP BY 1"


@dataclass
class Verdict:
    """What was found. ``faults`` by their words, with examples; ``latencies`` of acknowledged commands: from, until (ms)."""

    acknowledged: int
    lost: Faults
    doubled: Faults
    double_offers: Faults
    violations: Faults
    entries: int = 0
    inputs: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    latencies: list[tuple[float, float]] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not any(one.total() for one in (self.lost, self.doubled, self.double_offers, self.violations))


async def judge(history: Path, dsn: str) -> Verdict:
    """Decide. Raises what the database raises."""
    told = gather(read(history))
    connection = await asyncpg.connect(dsn)
    try:
        model, chained, entries = await _follow(connection)
        keys = {row[0]: row[1] for row in await connection.fetch(_KEYS, POOL)}
        states = {row[0]: row[1] for row in await connection.fetch(_STATES, POOL)}
        verdict = decide(told, model, keys, states)
        verdict.entries = entries
        merge(verdict.violations, [chained, await _rows(connection)])
    finally:
        await connection.close()
    return verdict


def decide(told: Told, model: Model, keys: dict[str, str], states: dict[str, int]) -> Verdict:
    """Hold one against the other. ``keys``: the command's key of each idempotency key; ``states``: contacts in the tables by state."""
    doubled = merge(compare.doublings(told, model), [model.doubled])
    offers = merge(compare.double_offers(told, model), [model.double_offers])
    violations = merge(
        Faults(),
        [
            model.faults,
            compare.refused_but_taken(told, model),
            compare.delivered(told, model),
            compare.real_time(told, model, keys),
            compare.calls(model),
            compare.balance(model, states),
        ],
    )
    lost = compare.losses(told, model, keys)
    return Verdict(
        told.acknowledged, lost, doubled, offers, violations,
        inputs=model.inputs, tries=told.tries, latencies=told.latencies,
    )  # fmt: skip


def merge(into: Faults, more: Sequence[Faults]) -> Faults:
    """Put faults together."""
    for one in more:
        into.counts.update(one.counts)
        for what, examples in one.examples.items():
            into.examples[what] += examples
    return into


def modelled(steps: Iterable[Step]) -> Model:
    """The model after these steps."""
    model = Model()
    for step in steps:
        model.take(step)
    return model


async def _follow(connection: "asyncpg.Connection[asyncpg.Record]") -> tuple[Model, Faults, int]:
    """The model after the whole journal, what is wrong with its chain, and how many entries it has."""
    model, chain, faults, last = Model(), Chain(), Faults(), 0
    async for batch, found in rows(connection, POOL):
        for position, fault in chain.follow(batch, found):
            faults.add(fault, position)
        for row in found:
            try:
                model.take(step_of(row.body))
            except msgspec.DecodeError as error:
                faults.add("an entry that cannot be read", f"{row.position} {error}")
            last = row.last
    return model, faults, last


async def _rows(connection: "asyncpg.Connection[asyncpg.Record]") -> Faults:
    """What the tables say of themselves (I4, I5, I7, I9, I12, I18)."""
    faults = Faults()
    for what, statement in BROKEN.items():
        if what == _LATER:
            continue
        for row in await connection.fetch(f"SELECT t::text FROM ({statement}) t LIMIT 20", POOL, timeout=120):  # noqa: S608 - the statements are our own
            faults.add(f"{what} (rows)", row[0])
    return faults
