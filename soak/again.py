"""`python -m soak.again FOLDER`: judge once more what a bad run left behind: its history, and its database, which is started for it."""

import asyncio
import json
import sys
from pathlib import Path

from soak.checking.verdict import judge
from soak.report import found
from soak.world import Postgres


async def again(folder: Path) -> bool:
    """Print everything that is found; whether that is nothing."""
    postgres = Postgres(folder)
    await postgres.start()
    try:
        verdict = await judge(folder / "history.jsonl", postgres.dsn)
    finally:
        await postgres.stop()
    for name in ("lost", "doubled", "double_offers", "violations"):
        print(name, json.dumps(found(getattr(verdict, name)), indent=1, ensure_ascii=False))
    print(json.dumps({"acknowledged": verdict.acknowledged, "clean": verdict.clean}))
    return verdict.clean


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(again(Path(sys.argv[1]))) else 1)
