"""Every commit, send and answer has a named crash point, every name is where the registry says, and the page tells them all."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from tests.support import tree

_WRITES: Final = re.compile(r"\b(?:INSERT\s+INTO|UPDATE\s+\{?\w|DELETE\s+FROM|pg_notify)")
_RUNS: Final = {"execute", "executemany", "fetch", "fetchval", "fetchrow"}
# What enters a transaction that is not its own.
WITHOUT: Final = {
    "storage.database:Database.transaction": "the transaction itself; whoever enters it has the points",
    "queues.store.erasing:erase_messages": "a savepoint in the caller's transaction",
    "queues.store.erasing:erase_customer": "a savepoint in the caller's transaction",
    "queues.store.loading:load": "a reading one",
    "queues.store.loading:load_beside": "a reading one",
}


class Function:
    """A function of ours, its statements and the crash points in it."""

    def __init__(
        self, path: Path, owner: str, node: ast.FunctionDef | ast.AsyncFunctionDef, module: ast.Module
    ) -> None:
        inside = ".".join(path.relative_to("src/ccc_router").with_suffix("").parts)
        self.name = f"{inside}:{owner}{node.name}"
        self.calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
        self.constants = {
            target.id: value
            for one in module.body
            if isinstance(one, ast.Assign | ast.AnnAssign)
            for target in (one.targets if isinstance(one, ast.Assign) else [one.target])
            if isinstance(target, ast.Name) and (value := ast.unparse(one.value) if one.value else "")
        }

    def points(self, moment: str) -> list[str]:
        """The sites marked in it."""
        return [
            ast.unparse(call.args[0]).rpartition(".")[2]
            for call in self.calls
            if ast.unparse(call.func) == f"crashing.{moment}"
        ]

    @property
    def commits(self) -> bool:
        """Whether something becomes durable here by its own doing: a COMMIT, a transaction, or a statement on the pool."""
        return any(
            (_name(call) == "transaction" and isinstance(call.func, ast.Attribute)) or self._on_its_own(call)
            for call in self.calls
        )

    def _on_its_own(self, call: ast.Call) -> bool:
        if _name(call) not in _RUNS or not call.args:
            return False
        statement = self._text(call.args[0])
        if statement == "'COMMIT'":
            return True
        owner = ast.unparse(call.func)
        return bool(_WRITES.search(statement)) and (".pool." in owner or self._acquires)

    @property
    def _acquires(self) -> bool:
        return any(_name(call) == "acquire" for call in self.calls)

    def _text(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self.constants.get(node.id, "")
        return ast.unparse(node) if isinstance(node, ast.Constant | ast.JoinedStr) else ""


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _functions(path: Path, module: ast.Module, node: ast.Module | ast.ClassDef, owner: str = "") -> Iterator[Function]:
    for one in node.body:
        if isinstance(one, ast.ClassDef):
            yield from _functions(path, module, one, f"{owner}{one.name}.")
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(path, owner, one, module)


@cache
def functions() -> tuple[Function, ...]:
    """Every function and method of the program."""
    return tuple(
        function
        for path, module in tree.parsed("src")
        if "migrations" not in path.parts and path.name != "crashing.py"
        for function in _functions(path, module, module)
    )


def test_every_name_is_used_once_before_and_once_after_where_the_registry_says() -> None:
    wanted = Counter((site.name, site.where) for site in Site)
    for moment in ("before", "after"):
        assert Counter((site, one.name) for one in functions() for site in one.points(moment)) == wanted, moment


def test_whatever_commits_has_a_crash_point() -> None:
    commits = {one.name: one for one in functions() if one.commits}
    assert len(commits) > 25, "the walk sees them"
    assert sorted(name for name, one in commits.items() if not one.points("before") and name not in WITHOUT) == []
    assert set(WITHOUT) <= set(commits), "nothing is excused that is not there"


def test_whatever_is_sent_has_a_crash_point() -> None:
    """There is one place from which anything owed leaves."""
    senders = {one.name for one in functions() for call in one.calls if ast.unparse(call.func).endswith("sender.send")}
    assert senders == {Site.SEND.where, "channels.replies:Replies.send"}  # the second is inside the first
    produced = {
        one.name
        for one in functions()
        for call in one.calls
        if _name(call) in {"send_batch"} or ast.unparse(call.func) == "producer.send"
    }
    assert produced == {Site.KAFKA.where, "events.kafka.journal:JournalTopic._send"}, (
        "the second is inside JournalTopic.publish"
    )


def test_the_page_tells_every_crash_point_and_no_other() -> None:
    page = (tree.ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert crashing.table() in page
