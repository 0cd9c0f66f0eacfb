"""The lifecycles as people read them: Mermaid state diagrams made from the tables, so that the documents cannot lie."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from .case import CASE
from .contact import CONTACT
from .escalation import ESCALATION
from .offer import OFFER

S = TypeVar("S", bound=StrEnum)


def mermaid(table: Mapping[S, frozenset[S]]) -> str:
    """A state diagram: the first state of the table is where it begins, a state without followers where it ends."""
    states = list(table)
    lines = ["stateDiagram-v2", f"    [*] --> {states[0]}"]
    for before in states:
        lines += [f"    {before} --> {after}" for after in states if after in table[before] and after is not before]
        if not table[before]:
            lines.append(f"    {before} --> [*]")
    return "\n".join(lines)


def document() -> str:
    """``docs/lifecycles.md``, whole."""
    parts = [
        "# Lifecycles",
        "",
        "Made from `routing/lifecycles/`; a test holds this page against the tables. A state may also be entered again",
        "(a longer wrap-up, a second wait), which the diagrams leave out.",
    ]
    drawn = {
        "contact": mermaid(CONTACT),
        "offer": mermaid(OFFER),
        "case": mermaid(CASE),
        "escalation": mermaid(ESCALATION),
    }
    for name, diagram in drawn.items():
        parts += ["", f"## {name}", "", "```mermaid", diagram, "```"]
    return "\n".join(parts) + "\n"
