"""Bringing the schema up to date, by any number of processes at once.

Expand, then contract: a revision may add tables, columns that are nullable or have a default, types and indexes; what the program
before it still reads or writes goes only in a later release, by a revision that says so (`serves`: the oldest program that can work
with it). The schema keeps the newest such word, so a program that meets a schema newer than itself knows whether it may work with
it: old and new run side by side during an update, and after one is taken back (docs/adr/0050).
"""

from ccc_router.storage.revisions import SCRIPTS, SchemaTooNew, current, head

__all__ = ["SCRIPTS", "SchemaTooNew", "current", "downgrade", "head", "upgrade"]


async def upgrade(dsn: str, revision: str = "head") -> str | None:
    """Bring the database to `revision` and return where it is now. Does nothing when it is there already.

    A schema newer than this program stays as it is. Raises SchemaTooNew when it no longer serves this program, and the driver's errors
    as they are.
    """
    newest = head()
    if revision == "head" and await current(dsn) == newest:
        return newest
    return await _move(dsn, revision, down=False)


async def downgrade(dsn: str, revision: str) -> str | None:
    """Take the database back to `revision` ("base": empty). For tests, and for a person who knows what he drops."""
    return await _move(dsn, revision, down=True)


async def _move(dsn: str, revision: str, *, down: bool) -> str | None:
    # Alembic and SQLAlchemy are a third of what a start would import, and nearly every start finds the schema up to date.
    from ccc_router.storage.moving import move

    return await move(dsn, revision, down=down)
