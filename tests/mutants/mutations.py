"""Which small changes there are: found in the syntax tree, made in the text, so that everything else stays as it was."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_COMPARED = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}  # fmt: skip
_COUNTED = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
}
_UNREACHABLE = "assert_never("
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}


@dataclass(frozen=True)
class Mutant:
    """One change. Lines count from 1; ``first`` to ``last`` are those whose execution makes a test worth running."""

    file: str
    line: int
    first: int
    last: int
    where: str
    change: str
    start: int
    end: int
    text: str
    once: bool = False
    """Executed when its module is loaded and never again: a default, a table."""

    @property
    def name(self) -> str:
        """What the list of equivalent ones knows it by: without line numbers, which move."""
        return f"{self.file} {self.where}: {self.change}"

    def apply(self, source: bytes) -> bytes:
        """The changed file."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def of_file(root: Path, file: str) -> list[Mutant]:
    """All mutants of a file that are still Python."""
    source = (root / file).read_bytes()
    finder = _Finder(file, source)
    finder.visit(ast.parse(source))
    return [mutant for mutant in finder.found if _parses(mutant.apply(source))]


def _parses(source: bytes) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


class _Finder(ast.NodeVisitor):
    def __init__(self, file: str, source: bytes) -> None:
        self.file = file
        self.source = source
        self.found: list[Mutant] = []
        self._names: list[str] = []
        self._functions = 0
        self._statement: ast.stmt | None = None
        self._offsets = [0]
        for line in source.splitlines(keepends=True):
            self._offsets.append(self._offsets[-1] + len(line))

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.AnnAssign | ast.arg) or _is_annotation(node):
            children: Iterator[ast.AST] = iter(())
            if isinstance(node, ast.AnnAssign) and node.value is not None:
                children = iter((node.value,))
        else:
            children = ast.iter_child_nodes(node)
        if isinstance(node, ast.arguments):  # its defaults are made when the module is loaded
            inside, self._functions = self._functions, 0
            for child in children:
                self.visit(child)
            self._functions = inside
            return
        named = isinstance(node, ast.FunctionDef | ast.ClassDef)
        if isinstance(node, ast.stmt):
            self._statement = node
        if named:
            self._names.append(getattr(node, "name", ""))
            self._functions += isinstance(node, ast.FunctionDef)
        if self._names:
            self._mutate(node)
        before = self._statement
        for child in children:
            if not (
                named
                and child
                in (
                    *getattr(node, "decorator_list", ()),
                    getattr(node, "returns", None),
                    *getattr(node, "keywords", ()),
                )
            ):
                self.visit(child)
                self._statement = before
        if named:
            self._names.pop()
            self._functions -= isinstance(node, ast.FunctionDef)

    def _mutate(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt):
            self._of_statement(node)
        else:
            self._of_expression(node)

    def _of_expression(self, node: ast.AST) -> None:
        match node:
            case ast.Compare(left=left, ops=ops, comparators=right):
                for number, op in enumerate(ops):
                    old, new = _COMPARED[type(op)]
                    self._between(right[number - 1] if number else left, right[number], old, new)
            case ast.BoolOp(op=op, values=values):
                old, new = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                for one, other in pairwise(values):
                    self._between(one, other, old, new)
            case ast.BinOp(left=left, op=operator, right=other) if type(operator) in _COUNTED:
                self._between(left, other, *_COUNTED[type(operator)])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._replace(node, f"({self._text(operand)})")
            case ast.Constant(value=bool(value)):
                self._replace(node, str(not value))
            case ast.Constant(value=int(value)):
                self._replace(node, str(value + 1))
            case ast.Call(func=ast.Name(id=name) as function) if name in _CALLED:
                self._replace(function, _CALLED[name])
            case ast.IfExp(test=test):
                self._replace(test, "False")
                self._replace(test, "True")
            case _:
                pass

    def _of_statement(self, node: ast.stmt) -> None:
        match node:
            case ast.If(test=test):
                self._replace(test, "False")
                self._replace(test, "True")
            case ast.While(test=test):
                self._replace(test, "False")
            case ast.Expr(value=ast.YieldFrom(value=value)):
                self._replace(value, "()")
            case ast.Expr(value=ast.Yield() | ast.Call()):
                self._replace(node, "if False: " + self._text(node))
            case ast.Assign(targets=[ast.Attribute()]) | ast.AugAssign():
                self._replace(node, "pass")
            case ast.Continue():
                self._replace(node, "break")
            case _:
                pass

    def _between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        start, end = self._end(left), self._start(right)
        found = self.source[start:end].find(old.encode())
        if found >= 0:
            self._add(left, start + found, start + found + len(old), new)

    def _replace(self, node: ast.expr | ast.stmt, new: str) -> None:
        self._add(node, self._start(node), self._end(node), new)

    def _add(self, node: ast.expr | ast.stmt, start: int, end: int, new: str) -> None:
        statement = self._statement or node
        body = getattr(statement, "body", None)
        last = node.end_lineno or node.lineno
        if not body:
            last = max(last, statement.end_lineno or last)
        old = self.source[start:end].decode()
        if old == new or old.startswith(_UNREACHABLE):
            return
        line = self.source[:start].count(b"\n") + 1
        text = self.source.splitlines()[line - 1].decode().strip()
        self.found.append(
            Mutant(
                self.file, line, min(statement.lineno, node.lineno), last, ".".join(self._names),
                f"`{old}` → `{new}` in `{text}`", start, end, new, not self._functions,
            )
        )  # fmt: skip

    def _text(self, node: ast.expr | ast.stmt) -> str:
        return self.source[self._start(node) : self._end(node)].decode()

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._offsets[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        return self._offsets[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)


def _is_annotation(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)  # a docstring
