"""Which lines of `routing/` a test executes. In a forked child only."""

import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

_ENOUGH = 300


class Tracing:
    """`begin` before a test, `end` after it."""

    def __init__(self, watched: Path) -> None:
        self._watched = f"{watched}/"
        self._names: dict[CodeType, str | None] = {}
        self._lines: set[tuple[str, int]] = set()
        self._left: dict[CodeType, set[int]] = {}
        self._entered: dict[CodeType, int] = {}

    def begin(self) -> None:
        """Watch from now on."""
        self._lines, self._left, self._entered = set(), {}, {}
        sys.settrace(self._call)

    def end(self) -> dict[str, list[int]]:
        """The lines executed since, by file."""
        sys.settrace(None)
        lines: dict[str, list[int]] = {}
        for file, line in sorted(self._lines):
            lines.setdefault(file, []).append(line)
        return lines

    def _call(self, frame: FrameType, _event: str, _argument: object) -> Any:
        code = frame.f_code
        if code not in self._names:
            inside = code.co_filename.startswith(self._watched)
            self._names[code] = code.co_filename if inside else None
        if self._names[code] is None:
            return None
        left = self._left.get(code)
        if left is None:
            left = self._left[code] = {line for _, _, line in code.co_lines() if line is not None}
            left.discard(code.co_firstlineno)
        # A function seen whole is not watched any more, nor one that never gets further: tests enter some a million times.
        self._entered[code] = self._entered.get(code, 0) + 1
        return self._line if left and self._entered[code] < _ENOUGH else None

    def _line(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            self._lines.add((frame.f_code.co_filename, frame.f_lineno))
            self._left[frame.f_code].discard(frame.f_lineno)
        return self._line
