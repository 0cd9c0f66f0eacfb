"""I14: while the database's disk is almost full nothing new is taken, and what is under way goes on and ends."""

import json
import shutil
from pathlib import Path

import httpx
import pytest

from ccc_router.channels.channel import Request
from ccc_router.channels.intake import DiskAlmostFull
from ccc_router.channels.phone.csta import Csta
from ccc_router.routing.policy import Endpoint, Text
from ccc_router.storage.disk import Disk
from tests.support.channel_intake import Site

SWITCH = Endpoint(id="hotline", channel="phone", name=Text("Tổng đài", "Switch"), queue="q", dialect="csta")


def test_i14_the_mark_is_passed_one_way_and_the_other_way_two_points_below(tmp_path: Path) -> None:
    disk = Disk(tmp_path, 90)
    told = []
    for used in (80, 90, 91, 95, 90, 89, 88, 87, 90, 91):
        disk.weigh(used, 100)
        told.append(disk.almost_full)
    assert told == [False, False, True, True, True, True, False, False, False, True]


async def test_i14_the_folders_own_file_system_is_measured(tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)
    disk = Disk(tmp_path, 99)
    await disk.look()
    assert disk.used == pytest.approx(usage.used / (usage.used + usage.free), abs=0.05)


@pytest.mark.parametrize(("folder", "watermark"), [(None, 50), ("here", 100), ("gone", 50)])
async def test_what_cannot_or_shall_not_be_measured_refuses_nothing(
    tmp_path: Path, folder: str | None, watermark: int
) -> None:
    """A database elsewhere, a watermark of 100, and a folder that is not there."""
    disk = Disk({"here": tmp_path, "gone": tmp_path / "gone"}.get(folder or ""), watermark)
    await disk.look()
    assert not disk.almost_full


def delivery(*names: str) -> Request:
    """Events of one call in one delivery."""
    events = [
        {
            "event_id": f"e-{number}-{name}", "event": name, "call_id": "c-1", "leg_id": "l-1", "at": "2026-11-23T01:20:00Z",
            "calling": "+84901234567", "called": "19009068", "role": "customer",
        }
        for number, name in enumerate(names)
    ]  # fmt: skip
    return Request(path="/v1/channels/phone/hotline/events", body=json.dumps(events).encode(), received_at=1)


async def test_i14_a_new_call_is_refused_before_it_is_taken_and_a_hang_up_is_not() -> None:
    site = Site(SWITCH, secrets={})
    site.closed = True
    with pytest.raises(DiskAlmostFull) as refused:
        await site.intake.accept(SWITCH, delivery("Offered"), Csta())
    assert (refused.value.status, refused.value.code, refused.value.retry_after_s) == (503, "disk_almost_full", 30)
    with pytest.raises(DiskAlmostFull):
        await site.intake.accept(SWITCH, Request(body=b"no JSON", received_at=1), Csta())
    assert not site.inbox.inputs
    assert not site.inbox.raw
    for names in (("Established",), ("ConnectionCleared",), ("Offered", "ConnectionCleared")):
        assert (await site.intake.accept(SWITCH, delivery(*names), Csta())).accepted
    site.closed = False
    await site.intake.accept(SWITCH, delivery("Offered"), Csta())
    assert len(site.inbox.raw) == 4


async def test_i14_a_page_and_a_mailbox_hear_503_and_bring_it_again() -> None:
    """What was refused leaves nothing, so the same delivery is new when there is room."""
    mailbox = Endpoint(
        id="box", channel="email", name=Text("Thư", "Mail"), queue="q", options={"address": "cskh@example.vn"}
    )
    site = Site(mailbox, secrets={"box": ("a-token-of-the-mail-server",)})
    mail = b"From: an@example.org\r\nTo: cskh@example.vn\r\nSubject: The\r\nMessage-ID: <1@example.org>\r\n\r\nXin chao\r\n"
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        headers = {"authorization": "Bearer a-token-of-the-mail-server", "content-type": "message/rfc822"}
        site.closed = True
        answer = await client.post("/v1/channels/email/box/messages", content=mail, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "disk_almost_full")
        assert answer.headers["retry-after"] == "30"
        site.closed = False
        answer = await client.post("/v1/channels/email/box/messages", content=mail, headers=headers)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
