"""Putting a change into a running program: the code of functions that are loaded, or a module that is not loaded yet."""

import gc
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType


class CannotChange(Exception):
    """The change reaches further than into the code of functions."""


class Functions:
    """The functions of ours that are loaded, by where they are written. They stay the same objects, whoever holds them."""

    def __init__(self) -> None:
        """Find them."""
        self._found: dict[tuple[str, str, int], list[FunctionType]] = {}
        for function in gc.get_objects():
            if isinstance(function, FunctionType):
                code = function.__code__
                self._found.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(function)
        gc.collect()
        gc.freeze()  # the children share these pages as long as nobody counts in them

    def change(self, file: str, changed: str) -> None:
        """Let the functions of a file do what they do in its changed text. Raises CannotChange."""
        path = str(Path(file).resolve())
        before = _codes(Path(path).read_text(encoding="utf-8"), path)
        after = _codes(changed, path)
        if [code.co_qualname for code in before] != [code.co_qualname for code in after]:
            raise CannotChange(file)
        done = 0
        for old, new in zip(before, after, strict=True):
            if old != new:
                for function in self._found.get((path, old.co_qualname, old.co_firstlineno), ()):
                    function.__code__ = new
                    done += 1
        if not done:
            raise CannotChange(file)


def _codes(source: str, path: str) -> list[CodeType]:
    """Code of the module's functions and of its classes' methods, in the order they are written in."""
    return list(_functions(compile(source, path, "exec", dont_inherit=True)))


def _functions(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_flags & 0x2:  # CO_NEWLOCALS: a function; a class body has none of its own
                yield inner
            else:
                yield from _functions(inner)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, changed: str) -> None:
        super().__init__(name, path)
        self._changed = changed

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self._changed, self.path, "exec", dont_inherit=True)
        return code


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, file: str, changed: str) -> None:
        relative = Path(file).relative_to("src").with_suffix("")
        parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
        self._name, self._path, self._changed = ".".join(parts), str(Path(file).resolve()), changed

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._path, self._changed)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def load_changed(file: str, changed: str) -> None:
    """When the module of ``file`` is loaded, it will be with this text."""
    sys.meta_path.insert(0, _Finder(file, changed))
