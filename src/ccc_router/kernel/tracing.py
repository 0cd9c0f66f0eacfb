"""Traces: which request led to which decision and which delivery, through inbox, journal and processes.

A port. Without a tracer nothing is recorded or carried, and asking costs a fraction of a microsecond. What travels is a W3C
traceparent: two random numbers and a flag, never anything of a person; a sender's ``tracestate`` may hold anything and is dropped.
Attributes hold ids, kinds and counts of ours. Only what is recorded is carried: a trace somebody chose not to record leaves no row.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Final, Literal, Protocol

HEADER: Final = "traceparent"
"""The HTTP header, the header of a Kafka record, and the CloudEvents attribute (distributed tracing extension)."""

Kind = Literal["server", "producer", "consumer", "client", "internal"]
Attributes = Mapping[str, str | int]

_FORM: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_RECORDED: Final = 1
_current: Final[ContextVar[str]] = ContextVar("traceparent", default="")


class Span(Protocol):
    """One piece of work under way. One that is never ended is never told."""

    @property
    def traceparent(self) -> str:
        """What the work that follows from it names as its parent; "" when nobody traces."""
        ...

    def call(self, name: str) -> None:
        """Give it the name that is known only at its end."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Say more about it: ids, kinds and counts, never a text, a name or an address."""
        ...

    def end(self, failure: str = "") -> None:
        """It is over; ``failure`` is the short code of what went wrong."""
        ...


class Tracer(Protocol):
    """Records spans."""

    def begin(self, name: str, kind: Kind, parent: str, links: Sequence[str], attributes: Attributes) -> Span:
        """Begin a span under ``parent`` (a traceparent; "" begins a trace). ``links``: the traces whose inputs it handles together."""
        ...

    def close(self) -> None:
        """Tell what is not told yet; takes a few seconds at most."""
        ...


class _Nothing(AbstractContextManager["Span"]):
    """What a span is when nobody traces."""

    traceparent = ""

    def call(self, name: str) -> None:
        """Nothing."""

    def note(self, attributes: Attributes) -> None:
        """Nothing."""

    def end(self, failure: str = "") -> None:
        """Nothing."""

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class _Under(AbstractContextManager["Span"]):
    """A span that what is done meanwhile belongs to."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._before: Token[str] | None = None

    def __enter__(self) -> Span:
        self._before = _current.set(self._span.traceparent)
        return self._span

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._before is not None:
            _current.reset(self._before)
        self._span.end("" if kind is None else kind.__name__)


class _Installed:
    tracer: Tracer | None = None


NOTHING: Final = _Nothing()
_NO_ATTRIBUTES: Final[Attributes] = {}


def install(tracer: Tracer | None) -> None:
    """Trace in this process from now on; None ends that."""
    _Installed.tracer = tracer


def on() -> bool:
    """Whether this process traces."""
    return _Installed.tracer is not None


def close() -> None:
    """Tell what is not told yet, and trace no more."""
    tracer, _Installed.tracer = _Installed.tracer, None
    if tracer is not None:
        tracer.close()


def read(header: str) -> str:
    """A traceparent of somebody outside, in the form of version 00; "" for none, or for one that is none."""
    form = _FORM.fullmatch(header)
    if form is None or header.startswith("ff") or (form[4] and header.startswith("00")):
        return ""
    if not (form[1].strip("0") and form[2].strip("0")):
        return ""
    return f"00-{form[1]}-{form[2]}-{int(form[3], 16) & _RECORDED:02x}"


def recorded(header: str) -> str:
    """A traceparent that came along, if its trace is recorded and it is one; else ""."""
    found = read(header)
    return found if found.endswith("1") else ""


def carried(traceparent: str = "") -> str:
    """What a row, a record or a request takes along: the given one, else that of the work under way; "" if it is not recorded."""
    found = traceparent or _current.get()
    return found if found.endswith("1") else ""


def headers() -> dict[str, str]:
    """The header of a request to somebody outside; none when the work under way is not recorded."""
    found = carried()
    return {HEADER: found} if found else {}


def span(
    name: str, kind: Kind, parent: str = "", attributes: Attributes = _NO_ATTRIBUTES
) -> AbstractContextManager[Span]:
    """Work that what is done meanwhile belongs to: under ``parent``, else under the work under way, else it begins a trace."""
    tracer = _Installed.tracer
    if tracer is None:
        return NOTHING
    return _Under(tracer.begin(name, kind, parent or _current.get(), (), attributes))


def part(name: str, kind: Kind, parent: str, attributes: Attributes = _NO_ATTRIBUTES) -> AbstractContextManager[Span]:
    """Like `span`, for work that is only told as part of a trace that came along: nothing without ``parent``."""
    return span(name, kind, parent, attributes) if parent else NOTHING


def together(name: str, links: Sequence[str], attributes: Attributes = _NO_ATTRIBUTES) -> Span:
    """Work on many inputs at once, linked to those of their traces that are recorded; nothing when none is."""
    tracer = _Installed.tracer
    if tracer is None:
        return NOTHING
    traced = [link for link in links if link]
    return tracer.begin(name, "consumer", "", traced, attributes) if traced else NOTHING
