"""I13: the golden journal of this core is decided again in this process, so that whoever changes the core hears of it at once.

`tests/simulation/test_recorded_day.py` does the same from outside, under other hash seeds; when it may be recorded anew is in docs/adr/0028.
"""

import asyncio

from ccc_router.routing import CORE_VERSION
from ccc_router.simulation.replaying import EVERYTHING, Difference, Replay, open_file, replay, state_of
from tests.support.tree import ROOT

FILE = ROOT / "tests" / "fixtures" / "journal" / f"core-{CORE_VERSION}.jsonl.gz"


def test_i13_the_golden_journal_is_decided_again_bit_equal() -> None:
    header, links = open_file(FILE)
    running = Replay(state_of(header), EVERYTHING)
    found: Difference | None = asyncio.run(replay(running, links))
    assert found is None
    assert running.counts.compared > 500
