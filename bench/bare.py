"""The yardstick of acknowledgements: FastAPI and asyncpg with one endpoint that inserts what it gets as one row, nothing else.

Run as a process of its own: ``python -m bench.bare PORT``, the database's address in ``CCC_BENCH_DSN``.
"""

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import uvicorn
from fastapi import FastAPI, Request

if TYPE_CHECKING:
    from asyncpg import Pool, Record

_TABLE = (
    "CREATE TABLE IF NOT EXISTS delivery_in (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL)"
)


def application(dsn: str) -> FastAPI:
    """The app."""
    opened: list[Pool[Record]] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn, min_size=20, max_size=20) as pool:
            await pool.execute(_TABLE)
            opened.append(pool)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.post("/events")
    async def take(request: Request) -> dict[str, int]:
        await opened[0].execute("INSERT INTO delivery_in (body) VALUES ($1)", await request.body())
        return {"accepted": 1}

    return app


if __name__ == "__main__":
    uvicorn.run(
        application(os.environ["CCC_BENCH_DSN"]), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning",
        access_log=False, loop="uvloop", http="httptools",
    )  # fmt: skip
