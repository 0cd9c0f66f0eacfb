"""The history of a run, Jepsen style: every try of every operation with its beginning and its end, a line of JSON each.

A try ends ``ok`` (acknowledged), ``fail`` (surely not taken: refused before accepting, nobody listened) or ``info`` (cut, late or
in trouble: it may have been taken). A client repeats under the same key until it is told, so one key may have many tries.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

End = Literal["ok", "fail", "info"]
"""How a try ended. One that never ended counts as ``info``."""

_BUFFER: Final = 1 << 18
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder()


class Begun(NamedTuple):
    """A try begins. ``at`` is milliseconds since the epoch; ``who`` the source or principal; ``what`` depends on ``kind``.

    ``facts``: [prefix, [numbers]] of the dedup keys. ``form``: the dedup key. ``command``: [idempotency key, verb, of what].
    ``next``, ``presence`` and ``read``: nothing that must be found again.
    """

    at: float
    op: int
    kind: str
    who: str
    what: Any


class Ended(NamedTuple):
    """A try ends; ``told`` is the status and what matters of the answer, or the reason."""

    at: float
    op: int
    end: End
    told: Any


class Noted(NamedTuple):
    """Something that is no try: a webhook that a department got, a command that a switch got, a fault that was injected."""

    at: float
    kind: str
    what: Any


Line = Begun | Ended | Noted


class Recorder:
    """Appends to the history's file. One clock for all lines, which never goes back."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=_BUFFER)
        self._ops = 0
        self._offset = time.time() - time.monotonic()
        self.acknowledged = 0

    def now_ms(self) -> float:
        """Milliseconds since the epoch."""
        return round((time.monotonic() + self._offset) * 1000, 1)

    def begin(self, kind: str, who: str, what: object) -> int:
        """A try begins; the number that ends it."""
        self._ops += 1
        self._write("b", (self.now_ms(), self._ops, kind, who, what))
        return self._ops

    def end(self, op: int, end: End, told: object) -> None:
        """A try ended."""
        self._write("e", (self.now_ms(), op, end, told))

    def note(self, kind: str, what: object) -> None:
        """Something else happened."""
        self._write("n", (self.now_ms(), kind, what))

    def close(self) -> None:
        """Nothing more is recorded."""
        self._file.close()

    def _write(self, form: str, line: tuple[object, ...]) -> None:
        self._file.write(_ENCODER.encode((form, *line)) + b"\n")


def read(path: Path) -> Iterator[Line]:
    """The lines in their order. A last line that was cut off is left out."""
    with path.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                return
            form, *rest = _DECODER.decode(line)
            match form:
                case "b":
                    yield Begun(*rest)
                case "e":
                    yield Ended(*rest)
                case "n":
                    yield Noted(*rest)
                case _:
                    raise ValueError(f"a line of an unknown form: {form}")
