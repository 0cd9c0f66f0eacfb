"""The report: one HTML file that needs nothing else, in Vietnamese or English at a click, without a script."""

from collections.abc import Mapping
from html import escape
from importlib import resources

from ...events.vocabulary import Channel
from ...routing.policy import Text
from ..comparing import Compared
from ..experiment import Experiment
from .charts import day, differences, queues
from .table import told
from .words import BEYOND_LABELS, LABELS, PAGE, SHARES, TIMES


def page_of(experiment: Experiment) -> str:
    """The whole page."""
    style = resources.files("ccc_router.simulation.report").joinpath("page.css").read_text(encoding="utf-8")
    parts = [
        _section("measures", _table(experiment, experiment.comparison.measures, LABELS)),
        _section("day", _legend(experiment) + _days(experiment), "day_note"),
        _section("queues", _legend(experiment) + queues(experiment), "queues_note"),
    ]
    if len(experiment.names) > 1:
        note = "difference_note" if experiment.comparison.replications > 1 else "one"
        parts.insert(1, _section("difference", differences(experiment), note))
    beyond = experiment.comparison.beyond
    if beyond:
        parts.append(_section("beyond", _table(experiment, beyond, BEYOND_LABELS), "beyond_note"))
    title = PAGE["title"]
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title.vi} · {title.en}</title><style>{style}</style></head><body>"
        '<input type="radio" name="language" id="vi" checked><label for="vi">Tiếng Việt</label>'
        '<input type="radio" name="language" id="en"><label for="en">English</label>'
        f"<main><header><h1>{_said('title')}</h1>{_about(experiment)}</header>{''.join(parts)}</main></body></html>\n"
    )


def _days(experiment: Experiment) -> str:
    """A chart for each channel, callers first."""
    found = {channel for one in (*experiment.first, *experiment.second) for channel in one.hours}
    return "".join(
        f"<h3>{_said(channel.value)}</h3>{day(experiment, channel.value)}" for channel in Channel if channel in found
    )


def _said(name: str) -> str:
    text = PAGE[name]
    return f'<span lang="vi">{escape(text.vi)}</span><span lang="en">{escape(text.en)}</span>'


def _about(experiment: Experiment) -> str:
    count = experiment.comparison.replications
    return (
        f'<p class="about">{count} {_said("replications")} · {experiment.contacts // count} {_said("contacts")} · '
        f"{_said('seed')} {experiment.seed}<br>{_said('made_up')}<br>{_said('formula')}: {_said('formula_is')}</p>"
    )


def _section(name: str, inside: str, note: str = "") -> str:
    told_note = f'<p class="note">{_said(note)}</p>' if note else ""
    return f"<section><h2>{_said(name)}</h2>{told_note}{inside}</section>"


def _legend(experiment: Experiment) -> str:
    keys = zip(("first", "second"), experiment.names, strict=False)
    return '<p class="legend">' + "".join(f'<i class="{side}"></i>{escape(name)} ' for side, name in keys) + "</p>"


def _table(experiment: Experiment, measures: Mapping[str, Compared], labels: Mapping[str, Text]) -> str:
    two = len(experiment.names) > 1
    head = "".join(f"<th>{escape(name)}</th>" for name in experiment.names) + ("<th>Δ</th>" if two else "")
    rows = []
    for name, found in measures.items():
        share = name in SHARES or (name in BEYOND_LABELS and name not in TIMES)
        cells = [told(found.first, share=share)]
        if two:
            cells += [told(found.second, share=share), told(found.difference, share=share, signed=True)]
        label = labels[name]
        rows.append(
            f'<tr><th><span lang="vi">{escape(label.vi)}</span><span lang="en">{escape(label.en)}</span></th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            + "</tr>"
        )
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
