"""House rules that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import tree

VAGUE = {"manager", "helper", "helpers", "util", "utils", "common", "handler", "handlers", "processor", "misc", "core"}
# Written in pieces, so that this file does not name them either.
INDEX_HOSTS = ("py" + "pi.org", "python" + "hosted.org", "registry.npm" + "js", "npm" + "js.org", "crates" + ".io")
MACHINE_PATHS = re.compile(r"(?<![\w.-])(?:/" + r"work|/" + r"root|/" + r"home/\w+)/")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
ALL = ("src", "tests", "bench", "quality", "soak")
BANNED_CALLS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
    ("uuid", "uuid4"), ("asyncio", "create_task"), ("asyncio", "sleep"), ("time", "sleep"),
}  # fmt: skip
# What ruff bans everywhere is allowed in these rooms; that the list is no longer than this is what is tested.
ROOMS_WITH_CLOCK = {
    Path("src/ccc_router/kernel/clock.py"),
    Path("src/ccc_router/kernel/tasks.py"),
    Path("src/ccc_router/kernel/ids.py"),
}


def calls(module: ast.Module) -> Iterator[tuple[ast.Call, str, str]]:
    """Every call as (node, last name before the dot, name)."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                owner = node.func.value
                yield node, owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", ""), node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node, "", node.func.id


def test_every_file_parses_and_the_walk_sees_them() -> None:
    assert len(tree.parsed(*ALL)) > 30


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path, _ in tree.parsed("src") if VAGUE & {path.stem, *path.parts[2:-1]}] == []


def test_every_module_says_why_it_exists() -> None:
    assert [str(path) for path, module in tree.parsed("src") if not ast.get_docstring(module)] == []


def test_clocks_tasks_and_random_ids_stay_in_their_rooms() -> None:
    found = [
        f"{path}:{node.lineno} {owner}.{name}"
        for path, module in tree.parsed("src")
        if path not in ROOMS_WITH_CLOCK
        for node, owner, name in calls(module)
        if (owner, name) in BANNED_CALLS
    ]
    assert found == []


def test_tests_do_not_sleep() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, module in tree.parsed("tests")
        if path.parts[1] != "support"
        for node, owner, name in calls(module)
        if name == "sleep" and owner in {"time", "asyncio"}
    ]
    assert found == []


def test_nothing_of_ours_is_patched() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, module in tree.parsed("tests")
        for node, owner, name in calls(module)
        if _patches(node, owner, name)
    ]
    assert found == []


def _patches(node: ast.Call, owner: str, name: str) -> bool:
    if name == "patch" or owner == "patch":
        return isinstance(node.args[0] if node.args else None, ast.Constant) or name == "object"
    target = node.args[0] if node.args else None
    return owner == "monkeypatch" and name == "setattr" and isinstance(target, ast.Constant | ast.Name)


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    found = [
        f"{path}:{node.lineno} {node.attr}"
        for path, module in tree.parsed("tests")
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and node.attr in {"skip", "skipif", "xfail", "importorskip"}
    ]
    assert found == []


def test_nothing_is_left_unfinished() -> None:
    stubs = [
        f"{path}:{node.lineno}"
        for path, module in tree.parsed("src")
        for node in ast.walk(module)
        if isinstance(node, ast.Name) and node.id == "NotImplementedError"
    ]
    assert stubs == []
    assert [str(path) for path, text in tree.texts() if path.suffix == ".py" and UNFINISHED.search(text)] == []


@pytest.mark.parametrize("host", INDEX_HOSTS)
def test_no_file_names_a_package_index(host: str) -> None:
    assert [str(path) for path, text in tree.texts() if host in text] == []


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    found = [
        f"{path}: {match[0]}"
        for path, text in tree.texts()
        if path.name != "LICENSE"
        for match in MACHINE_PATHS.finditer(text)
    ]
    assert found == []


def test_signatures_are_never_compared_with_equals() -> None:
    """A comparison that stops at the first difference tells an attacker how far he got (R: constant time)."""
    secretive = re.compile(r"signature|hmac|mac|secret|token", re.IGNORECASE)
    found = [
        f"{path}:{node.lineno}"
        for path, module in tree.parsed("src")
        for node in ast.walk(module)
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and all(_is_secretive(side, secretive) for side in (node.left, *node.comparators))
    ]
    assert found == []


def _is_secretive(side: ast.expr, pattern: re.Pattern[str]) -> bool:
    name = getattr(side, "id", None) or getattr(side, "attr", None)
    if isinstance(side, ast.Call):
        name = getattr(side.func, "attr", None) or getattr(side.func, "id", None)
    return isinstance(name, str) and bool(pattern.search(name))


SESSION = re.compile(
    r"\A\s*(?:SET(?! LOCAL)|RESET|LISTEN|DECLARE|PREPARE|DISCARD|CREATE TEMP)\b|pg_(?:try_)?advisory_(?:lock|unlock)|set_config"
)


def test_no_statement_leaves_anything_behind_in_its_session() -> None:
    """Pooled connections are given back as they are, without the round trip that would undo it (`storage.database`)."""
    pieces = {
        id(part)
        for _, module in tree.parsed("src")
        for joined in ast.walk(module)
        if isinstance(joined, ast.JoinedStr)
        for part in joined.values[1:]
    }
    found = [
        f"{path}:{node.lineno}"
        for path, module in tree.parsed("src")
        if "migrations" not in path.parts and path.name != "moving.py"  # a migration has a connection of its own
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces
        if SESSION.search(node.value)
    ]
    assert found == []
