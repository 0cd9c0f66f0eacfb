"""Faults of the rules that say who is matched with whom."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from ccc_router.queues.catalogue.document import Fault, pointer
from ccc_router.queues.catalogue.names import CHANNELS
from ccc_router.routing.policy import Rules


def choosing_faults(rules: Rules) -> Iterator[Fault]:
    """An order of agents that names something twice; unknown channels in the matrix of interruptions, and circles in it."""
    for at, by in enumerate(rules.agent_order):
        if by in rules.agent_order[:at]:
            yield Fault(pointer("rules", "agent_order", at), "duplicate", f"{by} is compared twice")
    for new, row in rules.on_top.items():
        for name in (new, *row):
            if name not in CHANNELS:
                here = pointer(new) if name == new else pointer(new, name)
                yield Fault("/rules/on_top" + here, "unknown_channel", f"there is no channel {name}")
    aside = {new: [held for held, how in row.items() if how == "interrupts"] for new, row in rules.on_top.items()}
    try:
        TopologicalSorter(aside).prepare()
    except CycleError as error:
        yield Fault("/rules/on_top", "circle", "these set each other aside: " + ", ".join(sorted(set(error.args[1]))))
