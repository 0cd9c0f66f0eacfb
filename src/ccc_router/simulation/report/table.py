"""An experiment as lines of text, in Vietnamese and English."""

from collections.abc import Iterator

from ..comparing import Compared, Estimate
from ..experiment import Experiment
from .words import BEYOND_LABELS, LABELS, SHARES, TIMES


def lines_of(experiment: Experiment) -> Iterator[str]:
    """The measures, then the service level of each queue."""
    comparison = experiment.comparison
    yield f"{comparison.replications} × {experiment.contacts // comparison.replications} · seed {experiment.seed} · {experiment.note}"
    yield f"service level / mức phục vụ = {experiment.first[0].formula}"
    yield ""
    yield _line("", *_heads(experiment))
    for name, found in comparison.measures.items():
        label = LABELS[name]
        yield _line(f"{label.en} / {label.vi}", *_cells(found, len(experiment.names), share=name in SHARES))
    if comparison.beyond:
        yield ""
    for name, found in comparison.beyond.items():
        label = BEYOND_LABELS[name]
        yield _line(f"{label.en} / {label.vi}", *_cells(found, len(experiment.names), share=name not in TIMES))
    yield ""
    for name, found in comparison.queues.items():
        yield _line(f"  {name}", *_cells(found, len(experiment.names), share=True))


def told(found: Estimate, *, share: bool, signed: bool = False) -> str:
    """A share as per cent (differences in points), a time as seconds; with its interval if there is one."""
    scale = 100.0 if share else 0.001
    sign = "+" if signed else ""
    width = f" ±{scale * found.half_width:.1f}" if found.half_width is not None else ""
    return f"{scale * found.mean:{sign}.1f}{width}{' %' if share and not signed else ' pp' if share else ' s'}"


def _heads(experiment: Experiment) -> list[str]:
    return [*experiment.names, "Δ"] if len(experiment.names) > 1 else list(experiment.names)


def _cells(found: Compared, catalogues: int, *, share: bool) -> list[str]:
    cells = [told(found.first, share=share)]
    if catalogues > 1:
        mark = " *" if found.difference.surely_differs else ""
        cells += [told(found.second, share=share), told(found.difference, share=share, signed=True) + mark]
    return cells


def _line(head: str, *cells: str) -> str:
    return f"{head:<44}" + "".join(f"{cell:>22}" for cell in cells)
