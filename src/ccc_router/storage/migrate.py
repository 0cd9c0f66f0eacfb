"""Bringing the schema up to date, by any number of processes at once.

Expand, then contract: a revision may add tables, nullable columns, indexes and constraints that hold already; what the
program before it still reads or writes goes only in a later release. So old and new programs run side by side during
an update, and a program accepts a schema that is newer than itself only when it is told so (it is not: `SchemaTooNew`).
"""

from ccc_router.storage.revisions import SCRIPTS, SchemaTooNew, current, head

__all__ = ["SCRIPTS", "SchemaTooNew", "current", "downgrade", "head", "upgrade"]


async def upgrade(dsn: str, revision: str = "head") -> str | None:
    """Bring the database to `revision` and return where it is now. Does nothing when it is there already.

    Raises SchemaTooNew when it is at a revision that this program does not know, and the driver's errors as they are.
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
