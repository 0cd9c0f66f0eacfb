"""The figures as text: a screen of 80 columns, one line, and the account at the end."""

from collections.abc import Iterable
from typing import Final

from ccc_router.demo.view.figures import CHANNELS, Figures
from ccc_router.demo.world import Json

WIDTH: Final = 80
_BOLD: Final = "\x1b[1m"
_DIM: Final = "\x1b[2m"
_RED: Final = "\x1b[31m"
_GREEN: Final = "\x1b[32m"
_PLAIN: Final = "\x1b[0m"
_HEAD: Final = (
    f"{'queue':<20}{'waiting':>8}{'longest':>9}{'handled':>9}{'free':>6}{'answered':>10}{'in time':>10}{'left':>6}"
)
_DOING: Final = ("ready", "offered", "busy", "wrap_up", "on break", "signed out", "lost")
_STATES: Final = ("raised", "acknowledged", "answered", "accepted", "returned", "withdrawn")
_KINDS: Final = ("reply", "acknowledgement", "control", "webhook", "department_mail")


def screen(figures: Figures, url: str, speed: float) -> list[str]:
    """The lines of the live view; none is longer than 80 columns, colours apart."""
    minutes, seconds = divmod(int(figures.seconds), 60)
    tape = figures.tape
    title = f"ccc-router demo   {figures.now}   {minutes}:{seconds:02d}   speed {speed:g}   {url}/docs"
    return [
        f"{_BOLD}{title[:WIDTH]}{_PLAIN}",
        "",
        f"{_DIM}{_HEAD}{_PLAIN}",
        *(_queue(queue) for queue in figures.queues),
        f"{_BOLD}{_total(figures)}{_PLAIN}",
        "",
        *_row("agents", ((name.replace("_", "-"), figures.agents[name]) for name in _DOING)),
        *_row("closed", ((channel, tape.closed(channel)) for channel in CHANNELS)),
        *_row("escalations", [*((state, figures.escalations()[state]) for state in _STATES), ("late", len(tape.overdue))]),
        *_row("owed", [*((kind.replace("_", " "), figures.owed[kind]) for kind in _KINDS), ("parked", figures.parked)]),
        *_row("journal", (("entries/s", round(tape.pace)), ("entries", tape.entries), ("parked inputs", figures.parked_inputs))),
        "",
        *(f"{_DIM}{line[:WIDTH]}{_PLAIN}" for line in tape.latest),
        "",
        f"{_DIM}Ctrl-C ends it.{_PLAIN}",
    ]  # fmt: skip


def line(figures: Figures) -> str:
    """The same in one line."""
    states = figures.escalations()
    level = figures.level
    return " · ".join(
        (
            f"{int(figures.seconds):>4} s",
            f"waiting {figures.sum('waiting')} (longest {figures.oldest_s} s)",
            f"handled {figures.sum('handled')}",
            f"answered {figures.sum('answered')}",
            f"in time {_percent(level)}",
            f"abandoned {figures.sum('abandoned')}",
            "escalations " + "/".join(str(states[state]) for state in _STATES[:4]) + f" late {len(figures.tape.overdue)}",
            f"owed {figures.owed.total()}",
            f"parked {figures.parked}",
            f"{figures.tape.pace:.0f} entries/s",
        )
    )  # fmt: skip


def account(figures: Figures) -> list[str]:
    """What it came to, one ``name: value`` a line."""
    tape = figures.tape
    left = sum(count for (_, state), count in tape.ended.items() if state == "abandoned")
    return [
        "",
        f"after {figures.seconds:.0f} s:",
        *(f"closed {channel}: {tape.closed(channel)}" for channel in CHANNELS),
        f"abandoned: {left}",
        f"in time: {_percent(figures.level)}",
        *(f"escalations {what}: {tape.said[what]}" for what in ("raised", "acknowledged", "answered", "accepted")),
        f"deliveries parked: {figures.parked}",
        f"parked inputs: {figures.parked_inputs}",
        f"journal entries: {tape.entries}",
    ]


def _queue(queue: Json) -> str:
    level, target = queue["service_level"], queue["service_level_target"]
    colour = "" if level is None else _GREEN if level >= target else _RED
    return (
        f"{queue['queue']:<20.20}{queue['waiting']:>8}{_waited(queue['oldest_waited_s']):>9}{queue['handled']:>9}"
        f"{queue['agents_ready']:>6}{queue['answered']:>10}{colour}{_percent(level):>10}{_PLAIN if colour else ''}"
        f"{queue['abandoned']:>6}"
    )


def _total(figures: Figures) -> str:
    return (
        f"{'all':<20}{figures.sum('waiting'):>8}{_waited(figures.oldest_s):>9}{figures.sum('handled'):>9}"
        f"{figures.agents['ready']:>6}{figures.sum('answered'):>10}{_percent(figures.level):>10}{figures.sum('abandoned'):>6}"
    )


def _row(name: str, parts: Iterable[tuple[str, int]]) -> list[str]:
    """A named row of counts, wrapped below its name where it is too long."""
    lines = [f"{name:<13}"]
    for word, count in parts:
        shown = f"{word} {count}"
        if len(lines[-1]) > 13 and len(lines[-1]) + 3 + len(shown) > WIDTH:
            lines.append(" " * 13)
        lines[-1] += shown if len(lines[-1]) == 13 else f" · {shown}"
    return lines


def _waited(seconds: int) -> str:
    return f"{seconds} s" if seconds else "–"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
