"""A line of `ccc-router journal tail`."""

import msgspec

from ccc_router.cli.telling import as_line
from ccc_router.events.envelope import Entry


def test_a_time_of_another_day_is_told_with_its_day() -> None:
    at = 1_795_717_223_648  # 27/11/2026 01:20:23 in Vietnam
    body = {"kind": "CaseMoved", "case_id": "cs_1", "due_at": at + 7 * 86_400_000, "since": at - 1000}
    line = as_line(Entry("main", 42, at, "decision", "CaseMoved", 39, 2, msgspec.json.encode(body)))
    assert line.endswith("case_id=cs_1 due_at=04/12/2026-01:20:23 since=01:20:22")
