"""What a replay found, in lines for a person."""

from ccc_router.events.envelope import Entry
from ccc_router.simulation.replaying.replay import Counts, Difference


def summary(counts: Counts, seconds: float) -> str:
    """How much was compared, and how fast."""
    rate = round((counts.compared + counts.applied) / seconds) if seconds > 0 else 0
    return (
        f"{counts.compared} entries compared, {counts.inputs} inputs decided again, {counts.applied} entries applied "
        f"({counts.other_core} inputs of another core version, {counts.parked} parked) "
        f"in {seconds:.2f} s, {rate} entries/s"
    )


def told(difference: Difference) -> str:
    """Where it differs first, and what stands on either side."""
    given = difference.given
    lines = [
        f"first difference at position {difference.position}",
        f"input     {given.position} {given.kind} {given.body.decode()}",
        f"recorded  {_entry(difference.recorded)}",
        f"decided   {difference.raised or _entry(difference.decided)}",
    ]
    return "\n".join(lines)


def _entry(entry: Entry | None) -> str:
    return "nothing" if entry is None else f"{entry.kind} {entry.body.decode()} (at {entry.at}, cause {entry.cause})"
