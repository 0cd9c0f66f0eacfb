"""`python -m quality.picture`: docs/quality.svg from bench/quality.json. Readable on light and on dark pages, with the reader's own fonts."""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from quality.__main__ import OUT

Measured = Mapping[str, Mapping[str, Mapping[str, float]]]
PICTURE: Final = OUT.parent.parent / "docs" / "quality.svg"
_OURS: Final = "default"
_BOUND: Final = "pooled_bound"
_ROW, _GAP, _TOP, _LABELS, _WIDTH = 17, 16, 62, 172, 890
_STYLE: Final = """
  .page { fill: #ffffff; stroke: #ffffff } .word { fill: #1f2328 } .dim { fill: #59636e } .line { stroke: #d1d9e0 } .mark { stroke: #9a6700 }
  .dot { fill: #818b98 } .ours { fill: #0969da } .note { fill: #9a6700 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #0d1117 } .word { fill: #f0f6fc } .dim { fill: #9198a1 } .line { stroke: #3d444d } .mark { stroke: #d29922 }
    .dot { fill: #767f89 } .ours { fill: #4493f8 } .note { fill: #d29922 }
  }
  text { font: 12px system-ui, sans-serif } .bold { font-weight: 600 } .halo { stroke-width: 5px; stroke-linejoin: round }
"""


class Panel(NamedTuple):
    """One figure on an axis from ``low`` to ``high``, between the x of ``left`` and ``right``."""

    figure: str
    title: str
    times: float
    low: float
    high: float
    step: int
    left: float
    right: float
    shown: str

    def x(self, value: float) -> float:
        """Where a value stands."""
        part = (value * self.times - self.low) / (self.high - self.low)
        return self.left + (self.right - self.left) * part


_PANELS: Final = (
    Panel("service_level", "answered within 20 s, % of all (more is better)", 100, 30, 100, 10, 185, 525, "{:.1f}"),
    Panel("p99_wait_s", "99th percentile of the wait, s (less is better)", 1, 0, 400, 100, 580, 810, "{:.0f}"),
)  # fmt: skip


def drawn(measured: Measured) -> str:
    """The picture: a group of rows a scenario, a row a policy, a dot its figure; the pooled bound is a line through its group."""
    rows = sum(len(policies) - 1 for policies in measured.values())
    height = _TOP + rows * _ROW + len(measured) * (_ROW + _GAP) + 26
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" role="img">',
        "<title>Routing policies on the same arrivals: service level and 99th percentile of the wait</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{height}" rx="6"/>',
        *_axes(height),
    ]
    y = float(_TOP)
    for scenario, policies in measured.items():
        parts += _group(y, scenario, policies)
        y += (len(policies)) * _ROW + _GAP
    parts.append(_text(_PANELS[0].left, height - 10, "note", "▏ pooled_bound: one queue, everybody can do everything"))
    return "\n".join([*parts, "</svg>\n"])


def _axes(height: float) -> Iterator[str]:
    for panel in _PANELS:
        yield _text(panel.left, 22, "word bold", panel.title)
        for tick in range(int(panel.low), int(panel.high) + 1, panel.step):
            x = panel.x(tick / panel.times)
            yield f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 12}" y2="{height - 30}"/>'
            yield _text(x, _TOP - 18, "dim", str(tick), "middle")


def _group(y: float, scenario: str, policies: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield _text(_LABELS, y + 4, "word bold", scenario, "end")
    rows = [name for name in policies if name != _BOUND]
    for panel in _PANELS:
        x = panel.x(policies[_BOUND][panel.figure])
        yield f'<line class="mark" stroke-width="2" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 6}" y2="{y + 10 + len(rows) * _ROW}"/>'
    for place, name in enumerate(rows, 1):
        middle, ours = y + place * _ROW, name == _OURS
        yield _text(_LABELS, middle + 4, "word bold" if ours else "dim", name, "end")
        for panel in _PANELS:
            value = policies[name][panel.figure]
            x = panel.x(value)
            yield f'<circle class="{"ours" if ours else "dot"}" cx="{x:.1f}" cy="{middle}" r="{5.5 if ours else 4}"/>'
            shown = panel.shown.format(value * panel.times)
            for kind in ("page halo", "word bold" if ours else "dim"):  # the halo keeps a figure legible on a line
                yield _text(x + 10, middle + 4, kind, shown)


def _text(x: float, y: float, kind: str, words: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(prog="python -m quality.picture", description=__doc__)
    parser.add_argument("--measured", type=Path, default=OUT)
    parser.add_argument("--out", type=Path, default=PICTURE)
    chosen = parser.parse_args()
    chosen.out.write_text(drawn(json.loads(chosen.measured.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
