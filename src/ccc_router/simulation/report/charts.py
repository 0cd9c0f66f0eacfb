"""Charts as inline SVG: waits over the day, service level by queue, differences with their intervals. Numbers in, text out."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

from ..comparing import HIGHER_IS_BETTER, LOWER_IS_BETTER, Compared
from ..experiment import Experiment
from ..measures import Measures
from .table import told
from .words import LABELS, SHARES, both

_WIDTH: Final = 860
_SIDES: Final = ("first", "second")


class _Frame(NamedTuple):
    """Where the hours and the waits of a chart lie."""

    first: int
    last: int
    longest_s: float
    left: float = 64
    right: float = 24
    top: float = 12
    height: float = 180

    @property
    def step(self) -> float:
        return (_WIDTH - self.left - self.right) / (self.last - self.first + 1)

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def x(self, hour: int) -> float:
        """The middle of an hour."""
        return self.left + (hour - self.first + 0.5) * self.step

    def y(self, share: float) -> float:
        """The height of a share of the tallest."""
        return self.bottom - self.height * share


def day(experiment: Experiment, channel: str) -> str:
    """Mean wait of a channel by hour of arrival as a line a catalogue, over bars of how many came."""
    sides = [_by_hour(found, channel) for found in (experiment.first, experiment.second)[: len(experiment.names)]]
    hours = sorted({hour for side in sides for hour in side})
    if not hours:
        return ""
    longest = _round_up(max(wait for side in sides for wait, _ in side.values()) / 1000)
    frame = _Frame(hours[0], hours[-1], longest)
    parts = _paper(frame)
    most = max(came for _, came in sides[0].values()) if sides[0] else 1.0
    for hour, (_, came) in sides[0].items():
        x, y = frame.x(hour) - frame.step * 0.4, frame.y(0.9 * came / most)
        parts.append(
            f'<rect class="came" x="{x:.1f}" y="{y:.1f}" width="{frame.step * 0.8:.1f}" height="{frame.bottom - y:.1f}">'
            f"<title>{hour % 24}:00 · {came:.0f}</title></rect>"
        )
    for name, side in zip(_SIDES, sides, strict=False):
        points = [(frame.x(hour), frame.y(wait / 1000 / longest)) for hour, (wait, _) in side.items()]
        parts.append(f'<polyline class="{name}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
        parts += [f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
    return _svg(frame.bottom + 26, parts)


def _paper(frame: _Frame) -> list[str]:
    """Grid lines with their seconds, and the hours below."""
    parts = []
    for quarter in range(5):
        y = frame.y(quarter / 4)
        parts.append(f'<line class="grid" x1="{frame.left}" x2="{_WIDTH - frame.right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        seconds = frame.longest_s * quarter / 4
        parts.append(f'<text class="axis end" x="{frame.left - 8}" y="{y + 4:.1f}">{seconds:g} s</text>')
    every = max(1, (frame.last - frame.first + 1) // 12)
    parts += [
        f'<text class="axis mid" x="{frame.x(hour):.1f}" y="{frame.bottom + 18}">{hour % 24}:00</text>'
        for hour in range(frame.first, frame.last + 1, every)
    ]
    return parts


def queues(experiment: Experiment) -> str:
    """A bar a catalogue for each queue, with the queue's target."""
    left, right, each = 190, 60, 26 + 12 * len(experiment.names)
    wide = _WIDTH - left - right
    parts = []
    for number, (name, found) in enumerate(experiment.comparison.queues.items()):
        y = 8 + number * each
        tall = 12 * len(experiment.names)
        parts.append(f'<text class="label end" x="{left - 12}" y="{y + tall / 2 + 5:.1f}">{escape(name)}</text>')
        for place, (side, value) in enumerate(_values(experiment, found)):
            width = wide * min(1.0, max(0.0, value))
            at = y + 12 * place
            parts.append(f'<rect class="track" x="{left}" y="{at}" width="{wide}" height="10" rx="2"/>')
            parts.append(f'<rect class="{side}" x="{left}" y="{at}" width="{width:.1f}" height="10" rx="2"/>')
            parts.append(f'<text class="axis" x="{left + wide + 8}" y="{at + 9}">{100 * value:.1f} %</text>')
        target = experiment.targets.get(name)
        if target is not None:
            x = left + wide * target
            parts.append(f'<line class="target" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{y + tall + 1}"/>')
    return _svg(8 + each * len(experiment.comparison.queues), parts)


def differences(experiment: Experiment) -> str:
    """Each measure's paired difference in units of its own interval's reach, so that all fit one axis; zero is the middle."""
    left, right, each = 230, 190, 34
    wide = _WIDTH - left - right
    middle = left + wide / 2
    parts = []
    measures = experiment.comparison.measures
    for number, (name, found) in enumerate(measures.items()):
        y = 20 + number * each
        change = found.difference
        half = change.half_width or 0.0
        reach = (abs(change.mean) + half) or 1.0
        label = both(LABELS[name])
        parts.append(f'<text class="label end" x="{left - 12}" y="{y + 5}">{label}</text>')
        parts.append(f'<line class="grid" x1="{left}" x2="{left + wide}" y1="{y}" y2="{y}"/>')
        low, high = (middle + 0.92 * wide / 2 * value / reach for value in (change.mean - half, change.mean + half))
        at = middle + 0.92 * wide / 2 * change.mean / reach
        verdict = _verdict(name, found)
        if half:
            parts.append(f'<line class="span {verdict}" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="{verdict}" cx="{at:.1f}" cy="{y}" r="5.5"/>')
        text = told(change, share=name in SHARES, signed=True)
        parts.append(f'<text class="axis" x="{left + wide + 14}" y="{y + 4}">{escape(text)}</text>')
    tall = 20 + each * len(measures)
    parts.insert(0, f'<line class="zero" x1="{middle}" x2="{middle}" y1="4" y2="{tall - 16}"/>')
    return _svg(tall, parts)


def _verdict(name: str, found: Compared) -> str:
    """Better or worse only when the interval leaves out zero and the measure has a good side."""
    if not found.difference.surely_differs or name not in HIGHER_IS_BETTER | LOWER_IS_BETTER:
        return "unsure"
    return "better" if (found.difference.mean > 0) == (name in HIGHER_IS_BETTER) else "worse"


def _values(experiment: Experiment, found: Compared) -> Sequence[tuple[str, float]]:
    return list(zip(_SIDES, (found.first.mean, found.second.mean), strict=True))[: len(experiment.names)]


def _by_hour(found: Sequence[Measures], channel: str) -> Mapping[int, tuple[float, float]]:
    """Hour → mean wait (ms) of all who came in it, and how many came a replication."""
    waits: dict[int, float] = {}
    came: dict[int, int] = {}
    for one in found:
        for hour in one.hours.get(channel, ()):
            waits[hour.hour] = waits.get(hour.hour, 0.0) + hour.mean_wait_ms * hour.offered
            came[hour.hour] = came.get(hour.hour, 0) + hour.offered
    return {hour: (waits[hour] / count, count / len(found)) for hour, count in sorted(came.items())}


def _round_up(value: float) -> float:
    """The next 1, 2, 4 or 8 times a power of ten: four even steps fit."""
    size = 1.0
    while size * 8 < value:
        size *= 10
    while size > value * 10 > 0:
        size /= 10
    return next(size * step for step in (1, 2, 4, 8) if size * step >= value)


def _svg(height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img">{"".join(parts)}</svg>'
