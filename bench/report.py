"""The figures of a run: a table for people, one flat object for machines."""

import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.load import SEED

RESULTS: Final = Path(__file__).with_name("results.json")
_WIDTHS: Final = (58, 14)


@dataclass
class Report:
    """Collects figures and prints each as soon as it is there."""

    figures: dict[str, float] = field(default_factory=dict)

    def machine(self, postgres: str) -> None:
        """Where this was measured."""
        print(
            f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, PostgreSQL {postgres} "
            f"(fsync on, settings as shipped), load {os.getloadavg()[0]:.1f} at the start, seed {SEED}"
        )
        self.line("what", "figure", "goal")

    def line(self, what: str, figure: str, goal: str = "") -> None:
        """One line of the table."""
        print(f"{what:<{_WIDTHS[0]}} {figure:>{_WIDTHS[1]}}  {goal}", flush=True)

    def take(self, name: str, what: str, value: float, unit: str = "", goal: str = "") -> None:
        """A figure that goes into the results too."""
        self.figures[name] = round(value, 3)
        self.line(what, f"{value:,.{0 if value >= 100 else 2}f} {unit}".strip(), goal)

    def write(self, path: Path = RESULTS) -> None:
        """The results."""
        path.write_text(json.dumps(self.figures, indent=2) + "\n", encoding="utf-8")
        self.line("written to", str(path.name))
