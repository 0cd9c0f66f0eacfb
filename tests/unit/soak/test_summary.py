"""What a run found is put where the document has room for it, and nowhere else."""

from pathlib import Path

import pytest

from soak.summary import filled, run_table, takeover_table

TOLD = {
    "seed": 7, "minutes": 30.0, "acknowledged": 1_234_567, "acknowledged_per_s": 685.9, "lost": 0, "doubled": 0, "double_offers": 0,
    "invariant_violations": 0, "kills": 240, "takeover_max_s": 3.2, "processes": {"serve": 2, "engine": 2}, "kafka": "real",
    "faults": {"kill leader": 120, "kill serve": 120}, "takeovers_s": [1.0, 3.2, 2.0], "outages_s": [], "entries": 9_999,
    "commands_ms": {"outside_windows": {"count": 3, "p50": 2.0, "p99": 9.0, "most": 9.0}, "within_windows": {"count": 0}},
    "seconds": {"load": 1800.0, "drain": 20.0, "stop": 1.5, "check": 30.0}, "memory_mb": 512,
}  # fmt: skip


def test_the_table_goes_between_its_marks_as_often_as_one_likes() -> None:
    document = "before\n<!-- soak: begin -->\nold\n<!-- soak: end -->\nafter\n"
    once = filled(document, "soak", run_table(TOLD))
    assert once.startswith("before\n<!-- soak: begin -->\n| what | |")
    assert once.endswith("<!-- soak: end -->\nafter\n")
    assert "old" not in once
    assert filled(once, "soak", run_table(TOLD)) == once
    for part in ("1,234,567", "0 / 0 / 0 / 0", "3, 2 s, 3.2 s", "none", "2 serve, 2 engine; real"):
        assert part in once


def test_the_document_has_room_for_both_tables() -> None:
    document = (Path(__file__).parents[3] / "docs" / "reliability.md").read_text(encoding="utf-8")
    calm = {"count": 10, "p50": 5.0, "p99": 20.0, "most": 30.0}
    told = {"contacts_per_s": 200.0, "undisturbed": calm, "disturbed": calm, "ratio": 1.0, "takeovers_s": [2.0]}
    both = filled(filled(document, "soak", run_table(TOLD)), "takeover", takeover_table(told))
    assert "| ratio of both p99 (≤ 1.2) | 1.00 |" in both


def test_without_marks_nothing_is_written() -> None:
    with pytest.raises(ValueError, match="no place for soak"):
        filled("nothing here", "soak", run_table(TOLD))
