"""The table of docs/metrics.md, from the metrics that the program has. `python -m tests.support.metrics_table` writes it anew."""

import importlib
import pkgutil
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

import ccc_router
from tests.support.tree import ROOT

DOCUMENT: Final = ROOT / "docs" / "metrics.md"
HEAD: Final = "| metric | kind | labels | what |\n|---|---|---|---|\n"


def known() -> dict[str, MetricWrapperBase]:
    """Every metric of ours by the name that Prometheus stores it under; a counter's ends in _total."""
    for module in pkgutil.walk_packages(ccc_router.__path__, "ccc_router."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    collectors = set(REGISTRY._collector_to_names)
    ours = [one for one in collectors if isinstance(one, MetricWrapperBase) and one._name.startswith("ccc_")]
    return {one._name + ("_total" if one._type == "counter" else ""): one for one in ours}


def series() -> set[str]:
    """Every name that a query may use: a histogram has three."""
    found = set()
    for name, metric in known().items():
        found |= {f"{name}{end}" for end in ("_bucket", "_sum", "_count")} if metric._type == "histogram" else {name}
    return found


def table() -> str:
    """The rows, by name."""
    return HEAD + "".join(
        f"| `{name}` | {metric._type} | {', '.join(f'`{label}`' for label in metric._labelnames)} | {metric._documentation} |\n"
        for name, metric in sorted(known().items())
    )


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, after = text.partition(HEAD)
    rest = [line for line in after.splitlines(keepends=True) if not line.startswith("|")]
    DOCUMENT.write_text(before + table() + "".join(rest), encoding="utf-8")
