"""Old and new programs share a schema during an update: every revision since 0016 only adds, or says whom it no longer serves."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from ccc_router.storage.migrate import SCRIPTS

_SINCE = "0016"
_SCRIPTS = {one.revision: one for one in ScriptDirectory(str(SCRIPTS)).walk_revisions() if one.revision >= _SINCE}
_NEW = (
    r"CREATE (?:OR REPLACE )?(?:FUNCTION|VIEW)\b", r"CREATE TYPE\b", r"CREATE (?:UNLOGGED )?TABLE\b", r"CREATE SEQUENCE\b",
    r"CREATE INDEX\b", r"DROP INDEX\b", r"COMMENT ON\b", r"INSERT INTO\b", r"UPDATE\b", r"(?:DO|DECLARE|BEGIN|END|IF|EXECUTE)\b",
)  # fmt: skip
_ON_TABLE = re.compile(
    r"(?:ALTER TABLE|CREATE TRIGGER \w+ .*? ON|CREATE UNIQUE INDEX \w+ ON) (?:ONLY )?(\w+)", re.IGNORECASE
)


def statements(module: Any) -> Iterator[str]:
    """What an upgrade runs, in one line each."""
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written, "literal_binds": True}
    )
    with Operations.context(context):
        module.upgrade()
    for statement in re.sub(r"(?m)--.*$", "", written.getvalue()).split(";\n"):
        if line := " ".join(statement.split()):
            yield line


def takes_away(found: list[str]) -> list[str]:
    """Statements after which a program from before may fail."""
    made = {match[1] for one in found if (match := re.match(r"CREATE (?:UNLOGGED )?TABLE (\w+)", one))}
    loosened = {match[1] for one in found if (match := re.search(r"ADD CONSTRAINT (\w+)", one))}
    return [one for one in found if not _adds(one, made, loosened)]


def _adds(statement: str, made: set[str], loosened: set[str]) -> bool:
    if any(re.match(form, statement, re.IGNORECASE) for form in _NEW):
        return True
    table = _ON_TABLE.match(statement)
    if table is None:
        return False
    if table[1] in made:
        return True
    if not statement.upper().startswith("ALTER TABLE"):
        return False  # a rule more on rows that a program from before writes
    return all(_part_adds(part, loosened) for part in _parts(statement[table.end() :]))


def _part_adds(part: str, replaced: set[str]) -> bool:
    if re.match(r"ADD COLUMN\b", part):
        return "NOT NULL" not in part or "DEFAULT" in part or "GENERATED" in part
    dropped = re.match(r"DROP CONSTRAINT (\w+)", part)
    if dropped is not None:
        return dropped[1] in replaced  # a list of words that grows; that it grows is for the reader to see
    added = re.match(r"ADD CONSTRAINT (\w+) CHECK", part)
    return added is not None or bool(re.match(r"SET \(", part))


def _parts(actions: str) -> list[str]:
    """The actions of one ALTER TABLE: commas inside brackets part nothing."""
    found, depth, current = [], 0, ""
    for letter in actions:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append(current.strip())
            current = ""
        else:
            current += letter
    return [*found, current.strip()]


@pytest.mark.parametrize("revision", sorted(_SCRIPTS))
def test_a_revision_only_adds_or_says_whom_it_no_longer_serves(revision: str) -> None:
    module = _SCRIPTS[revision].module
    taken = takes_away(list(statements(module)))
    if taken:
        assert getattr(module, "serves", None) == revision, taken


@pytest.mark.parametrize(
    ("statement", "fine"),
    [
        ("ALTER TABLE inbox ADD COLUMN note text", True),
        ("ALTER TABLE inbox ADD COLUMN note text NOT NULL DEFAULT ''", True),
        ("ALTER TABLE inbox ADD COLUMN note text NOT NULL", False),
        ("ALTER TABLE inbox ADD COLUMN a text, DROP COLUMN key", False),
        ("ALTER TABLE inbox DROP COLUMN key", False),
        ("ALTER TABLE inbox RENAME COLUMN key TO dedup_key", False),
        ("ALTER TABLE inbox ALTER COLUMN key TYPE bytea", False),
        ("ALTER TABLE inbox DROP CONSTRAINT inbox_pkey", False),
        ("CREATE UNIQUE INDEX one ON inbox (key)", False),
        ("CREATE INDEX some ON inbox (key)", True),
        ("DROP TABLE inbox", False),
        ("CREATE TRIGGER t BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION f()", False),
        ("CREATE TABLE another (id text PRIMARY KEY)", True),
        ("DELETE FROM inbox", False),
    ],
)
def test_the_rule_sees_what_an_older_program_would_miss(statement: str, *, fine: bool) -> None:
    assert (takes_away([statement]) == []) is fine
