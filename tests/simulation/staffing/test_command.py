"""`ccc-router staff` from the command line to the table and the JSON."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ccc_router.cli import app
from tests.support import tree


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """Two Mondays and Tuesdays; 300 contacts between 9:00 and 10:00 on every Monday."""
    file = tmp_path / "past.csv"
    rows = [
        f"2026-11-{day:02}T{at},{count}"
        for day in (2, 9)
        for at, count in (("09:00", 150), ("09:30", 150), ("13:00", 10))
    ]
    file.write_text("at,contacts\n" + "\n".join([*rows, "2026-11-10T09:00,6"]) + "\n", encoding="utf-8")
    return file


def staff(*arguments: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, ["staff", *map(str, arguments)])
    return found.exit_code, found.stdout, found.stderr


def test_the_table_is_local_and_names_what_is_needed(past: Path) -> None:
    """domain.md 2.7: 300 calls an hour of 300 s need 30 for 80/20."""
    code, out, _ = staff(
        "--history", past, "--target", "80/20", "--handling-s", 300, "--first-day", "2026-11-16", "--days", 1
    )
    assert code == 0
    lines = out.splitlines()
    assert lines[1] == "2026-11-16: 310 contacts, at most 30 agents at once"
    assert lines[2].split()[:6] == ["2026-11-16", "09:00", "150.0", "25.00", "30", "30"]
    assert [line.split()[1] for line in lines[2:]] == ["09:00", "09:30", "13:00"]


def test_the_plan_begins_after_the_history_and_goes_to_a_file(past: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    code, _, _ = staff("--history", past, "--patience-s", 180, "--shrinkage", 0.3, "--interval-min", 15, "--json", out)
    assert code == 0
    plan = json.loads(out.read_text(encoding="utf-8"))
    assert len(plan["intervals"]) == 7 * 96
    assert plan["intervals"][0]["starts_at"] == "2026-11-11T00:00+07:00"
    assert plan["work"] == {"handling_s": 300, "patience_s": 180, "shrinkage": 0.3}
    peak = max(plan["intervals"], key=lambda row: row["agents"])
    assert peak["starts_at"] == "2026-11-16T09:00+07:00"
    assert peak["erlangs"] == 50  # 150 contacts of 300 s in a quarter of an hour
    assert peak["rostered"] >= peak["agents"] / 0.7
    assert peak["service_level"] >= 0.8
    assert 0 < peak["abandoned"] < 0.1
    assert plan["intervals"][0]["agents"] == 0


def test_holidays_come_from_the_calendars_own_fields(past: Path, tmp_path: Path) -> None:
    """Without a Sunday in the past a holiday is the mean of the weekdays; as a make-up day of Monday, Wednesday is busy."""
    file = tmp_path / "calendar.json"
    file.write_text('{"make_up_days": ["2026-11-11"], "make_up_as": 0}', encoding="utf-8")
    code, out, _ = staff("--history", past, "--holidays", file, "--days", 1)
    assert code == 0
    assert out.splitlines()[1].startswith("2026-11-11: 310 contacts")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--target", "80"), "80/20"),
        (("--interval-min", 20), "15 or 30"),
        (("--shrinkage", 0.9, "--target", "120/20"), "80/20"),
        (("--catalogue", "today.json"), "play the days"),
        (("--play", "--catalogue", "missing.json"), "missing.json"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(past: Path, arguments: tuple[object, ...], says: str) -> None:
    code, out, err = staff("--history", past, *arguments)
    assert code == 2
    assert out == ""
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_plan_without_end_of_patience_says_null(past: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    assert staff("--history", past, "--days", 1, "--json", out)[0] == 0
    assert json.loads(out.read_text(encoding="utf-8"))["work"]["patience_s"] is None


def test_the_document_shows_what_is_printed(tmp_path: Path) -> None:
    """docs/staffing.md: its file, its commands, its tables."""
    blocks = re.findall(
        r"^```\n(.*?)^```$", (tree.ROOT / "docs/staffing.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    (tmp_path / "arrivals.csv").write_text(blocks[0], encoding="utf-8")
    shown = [block.removeprefix("$ ccc-router staff ").split("\n", 1) for block in blocks[1:]]
    assert len(shown) == 3
    for command, printed in shown:
        arguments = re.sub(r"\b(arrivals\.csv|plan\.json)\b", lambda name: str(tmp_path / name[0]), command).split()
        assert staff(*arguments) == (0, printed, "")
