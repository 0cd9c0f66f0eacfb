"""The picture of the README shows what was measured."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from quality.picture import PICTURE, drawn
from tests.support import tree

_SVG = "{http://www.w3.org/2000/svg}"


def figures(level: float, wait: float) -> dict[str, float]:
    return {"service_level": level, "abandoned": 0.1, "mean_wait_s": 1, "p95_wait_s": 2, "p99_wait_s": wait}


def test_every_figure_is_written_beside_its_dot_and_the_bound_is_a_line() -> None:
    measured = {
        "a": {"pooled_bound": figures(0.9, 50), "default": figures(0.871, 60), "other<": figures(0.702, 123.4)},
        "b": {"pooled_bound": figures(0.8, 40), "default": figures(0.95, 70)},
    }
    page = ElementTree.fromstring(drawn(measured))  # noqa: S314
    words = [one.text for one in page.iter(f"{_SVG}text")]
    assert {"87.1", "60", "70.2", "123", "95.0", "70", "other<", "a", "b"} <= set(words)
    dots = {
        (one.get("class"), float(one.get("cx", 0)))
        for one in page.iter(f"{_SVG}circle")
        if float(one.get("cx", 0)) < 525
    }
    ours, others = [x for kind, x in sorted(dots) if kind == "ours"], [x for kind, x in dots if kind == "dot"]
    assert len(ours) == 2
    assert others[0] < ours[0] < ours[1]  # more of the service level stands further to the right
    assert sum(one.get("class") == "mark" for one in page.iter(f"{_SVG}line")) == 4


def test_the_command_draws_the_file_that_was_measured(tmp_path: Path) -> None:
    measured, out = tmp_path / "quality.json", tmp_path / "quality.svg"
    measured.write_text(json.dumps({"a": {"pooled_bound": figures(0.9, 50), "default": figures(0.871, 60)}}))
    command = (sys.executable, "-m", "quality.picture", "--measured", measured, "--out", out)
    subprocess.run(command, cwd=tree.ROOT, check=True, capture_output=True)
    assert "87.1" in out.read_text(encoding="utf-8")


def test_the_picture_of_the_readme_is_there_follows_the_reader_s_colours_and_fetches_nothing() -> None:
    page = PICTURE.read_text(encoding="utf-8")
    assert "docs/quality.svg" in (tree.ROOT / "README.md").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in page
    assert page.count("http") == page.count("http://www.w3.org/2000/svg") == 1
