"""Names that a catalogue may use, and the checks of lists and tables of them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ccc_router.events.vocabulary import CaseKind, Channel
from ccc_router.queues.catalogue.document import Fault, pointer

CHANNELS: Final = frozenset(channel.value for channel in Channel)
KINDS: Final = frozenset(kind.value for kind in CaseKind)


def unknown(names: Iterable[str], known: frozenset[str] | set[str], what: str, path: str) -> Iterator[Fault]:
    """A fault for every name of a list that is not known."""
    for at, name in enumerate(names):
        if name not in known:
            yield Fault(path + pointer(at), f"unknown_{what}", f"there is no {what} {name}")


def seconds(numbers: Mapping[str, int], path: str, known: frozenset[str] | set[str], *, least: int) -> Iterator[Fault]:
    """Faults of a table of numbers by channel."""
    for name, number in numbers.items():
        if name not in known:
            yield Fault(path + pointer(name), "unknown_channel", f"there is no channel {name}")
        if number < least:
            yield Fault(path + pointer(name), "out_of_range", f"at least {least}")
