"""``make demo``: the whole service with a town around it, over real sockets, for a few seconds."""

import json
import re
from pathlib import Path

import pytest

from ccc_router.queues.catalogue import demo_document, parse
from ccc_router.routing.policy import Catalogue
from tests.support.database import make_folder
from tests.support.process import Process

SECONDS = 15


def account(log: Path) -> dict[str, int]:
    """What the demo says at its end, ``name: number`` a line."""
    return {found[1]: int(found[2]) for found in re.finditer(r"^([a-z ]+): (\d+)$", log.read_text(), re.MULTILINE)}


def errors(log: Path) -> list[str]:
    """Whatever was logged as an error."""
    lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
    return [line[:500] for line in lines if json.loads(line)["level"] in ("error", "critical")]


@pytest.mark.timeout(180)
async def test_the_demo_closes_contacts_on_every_channel_and_gets_an_escalation_answered() -> None:
    process = Process(make_folder("ccc-demo-"))
    try:
        await process.start("demo", "--plain", "--seconds", str(SECONDS), "--speed", "2", "--seed", "7")
        assert await process.ended() == 0, process.log.read_text()[-3000:]
    finally:
        await process.close()
    figures = account(process.log)
    assert errors(process.log) == []
    assert "Traceback" not in process.log.read_text()
    unclosed = [channel for channel in ("phone", "email", "fanpage", "portal") if not figures[f"closed {channel}"]]
    assert unclosed == [], figures
    assert figures["escalations answered"] > 0, figures
    assert (figures["parked inputs"], figures["deliveries parked"]) == (0, 0)


def test_the_demo_catalogue_points_its_page_at_this_machine() -> None:
    """So that neither ``make run`` nor ``make demo`` can ever write to a real page."""
    demo = parse(demo_document())
    assert isinstance(demo, Catalogue)
    pages = [one.options.get("base_url") for one in demo.endpoints if one.channel == "fanpage"]
    assert pages == ["http://127.0.0.1:8093"]
