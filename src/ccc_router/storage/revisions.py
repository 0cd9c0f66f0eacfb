"""Which revisions of the schema there are, and which one a database is at; without Alembic, for every start asks."""

from pathlib import Path
from typing import Final

import asyncpg

from ccc_router.storage import database

SCRIPTS: Final = Path(__file__).parents[1] / "migrations"


class SchemaTooNew(Exception):
    """The database was brought up to date by a newer program than this one, and no longer serves this one."""


def head() -> str:
    """The newest revision this program knows: its files are numbered by their revisions."""
    return max(path.name.partition("_")[0] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))


async def current(dsn: str) -> str | None:
    """The revision the database is at; None for an empty one."""
    connection = await database.connect(dsn, "migrate")
    try:
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return revision
