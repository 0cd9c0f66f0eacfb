"""What the clients were told, gathered from the history by the key of each thing: however often it was tried, it is one thing."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ccc_router.events.codec import trace_of
from soak.history import Begun, Ended, Line, Noted

REFUSED: Final = 0
PERHAPS: Final = 1
ACKNOWLEDGED: Final = 2
"""What is known of a key: every try was surely not taken; one may have been; one was acknowledged."""


def name_of(source: str, trace: str) -> str:
    """What an input is known by in the journal: its source and the trace of its key."""
    return f"{trace}{source}"


class Try(NamedTuple):
    """A try that was answered: from, until (ms), the answer's status and what it told."""

    began: float
    ended: float
    status: int
    told: object


@dataclass(slots=True)
class Command:
    """A command by its idempotency key: who asked for what about what, and what he was told."""

    who: str
    verb: str
    ref: str
    answered: list[Try] = field(default_factory=list)
    tries: int = 0

    @property
    def acknowledged(self) -> bool:
        """Whether somebody was told that it is done."""
        return any(200 <= one.status < 300 for one in self.answered)


class Hook(NamedTuple):
    """A webhook as a department got it; ``status`` is what it answered, 0 if it hung up."""

    department: str
    webhook_id: str
    status: int
    type: str
    escalation: str
    digest: str


@dataclass
class Told:
    """Everything that was told."""

    facts: dict[str, int] = field(default_factory=dict)
    """By `name_of`: what is known of it."""
    forms: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By `name_of`: which contacts were told for it."""
    commands: dict[str, Command] = field(default_factory=dict)
    offers: list[tuple[str, str, str]] = field(default_factory=list)
    """Who was told of which offer of which contact."""
    hooks: list[Hook] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)
    latencies: list[tuple[float, float]] = field(default_factory=list)
    """Of every command's try that was acknowledged: from, until (ms)."""

    @property
    def acknowledged(self) -> int:
        """How many different facts and commands were acknowledged."""
        return sum(1 for known in self.facts.values() if known == ACKNOWLEDGED) + sum(
            1 for command in self.commands.values() if command.acknowledged
        )


def gather(lines: Iterable[Line]) -> Told:
    """Read a history. A try that never ended may have been taken."""
    told, open_tries = Told(), dict[int, Begun]()
    for line in lines:
        match line:
            case Begun():
                open_tries[line.op] = line
            case Ended():
                _ended(told, open_tries.pop(line.op), line)
            case Noted(_, "webhook", what):
                told.hooks.append(Hook(*what))
            case _:
                pass
    for begun in open_tries.values():
        _ended(told, begun, Ended(begun.at, begun.op, "info", "never ended"))
    return told


def _ended(told: Told, begun: Begun, ended: Ended) -> None:
    told.tries[f"{begun.kind} {ended.end}"] += 1
    match begun.kind:
        case "facts":
            prefix, numbers = begun.what
            for number in numbers:
                _know(told, name_of(begun.who, trace_of(f"{prefix}{number}")), ended)
        case "form":
            name = name_of(begun.who, trace_of(begun.what))
            _know(told, name, ended)
            if _done(ended):
                told.forms[name].add(ended.told[1])
        case "command":
            _command(told, begun, ended)
        case "next" if _done(ended) and ended.told[1]:
            told.offers.append((begun.who.partition(":")[2], *ended.told[1]))
        case _:
            pass


def _know(told: Told, name: str, ended: Ended) -> None:
    known = ACKNOWLEDGED if _done(ended) else REFUSED if ended.end == "fail" else PERHAPS
    told.facts[name] = max(known, told.facts.get(name, REFUSED))


def _done(ended: Ended) -> bool:
    return ended.end == "ok" and 200 <= ended.told[0] < 300


def _command(told: Told, begun: Begun, ended: Ended) -> None:
    key, verb, ref = begun.what
    command = told.commands.setdefault(key, Command(begun.who, verb, ref))
    command.tries += 1
    if ended.end == "ok":
        command.answered.append(Try(begun.at, ended.at, *ended.told))
        if _done(ended):
            told.latencies.append((begun.at, ended.at))
