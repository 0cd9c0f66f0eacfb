"""Workloads as JSON lines: a ``window`` first, then ``arrival`` and ``shift`` in any order."""

from collections.abc import Iterable, Iterator

import msgspec

from ...kernel.errors import Misconfigured
from .workload import Arrival, Shift, Window, Workload, workload_of

_LINE = msgspec.json.Decoder(Window | Arrival | Shift)


def read_lines(lines: Iterable[bytes]) -> Workload:
    """The workload in these lines. Raises Misconfigured with the number of the line that is wrong."""
    window: Window | None = None
    arrivals: list[Arrival] = []
    shifts: list[Shift] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = _LINE.decode(line)
        except msgspec.MsgspecError as error:
            raise Misconfigured(f"line {number} of the workload: {error}") from None
        if isinstance(found, Window):
            window = found
        elif isinstance(found, Arrival):
            arrivals.append(found)
        else:
            shifts.append(found)
    if window is None:
        raise Misconfigured("the workload has no line of kind window")
    return workload_of(window, arrivals, shifts)


def write_lines(workload: Workload) -> Iterator[bytes]:
    """Its lines; `read_lines` gives the same workload."""
    for one in (workload.window, *workload.arrivals, *workload.shifts):
        yield msgspec.json.encode(one) + b"\n"
