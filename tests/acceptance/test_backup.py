"""I1, I2, I13, I16: a backup taken of a service at work, restored elsewhere, is whole, replays, and goes on serving."""

import asyncio
import shutil
from dataclasses import dataclass, field

import httpx
import pytest

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.tasks import Tasks
from tests.acceptance.surroundings import accepted, do, ready
from tests.support import restoring
from tests.support.database import make_folder
from tests.support.process import SECRET, Process, a_process
from tests.support.waiting import eventually, until
from tests.support.world import a_catalogue

_SENDERS = 3
_SECRETS = {"CCC_SECRET_HOTLINE": SECRET, "CCC_SECRET_MAILBOX": SECRET}


@dataclass
class Load:
    """Mails as a relay hands them over: repeated until they are taken. ``taken`` are the numbers that were acknowledged, in order."""

    service: Process
    taken: list[int] = field(default_factory=list)
    handled: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _next: int = 0

    async def send(self) -> None:
        """One sender, until it is over."""
        client = self.service.anybody()
        while not self.over.is_set():
            self._next += 1
            number = self._next
            assert await deliver(client, number) == 1
            self.taken.append(number)

    async def handle(self, agent: httpx.AsyncClient) -> None:
        """An agent at work, so that the backup is taken between all kinds of commits."""
        while not self.over.is_set():
            offer = await accepted(agent)
            done = {"disposition": "answered", "resolution": "resolved"}
            await do(agent, f"/v1/contacts/{offer['contact_id']}/complete", done)
            self.handled += 1


async def deliver(client: httpx.AsyncClient, number: int) -> int:
    """Hand a mail over; how many facts of it are new (a delivery that came before: 0)."""
    mail = f"From: a{number}@example.vn\r\nTo: ccc@example.org\r\nSubject: {number}\r\nMessage-ID: <{number}@x>\r\n\r\nXin chào\r\n"
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "message/rfc822"}
    answer = await client.post("/v1/channels/email/mailbox/messages", content=mail.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    accepted_facts: int = answer.json()["accepted"]
    assert accepted_facts + answer.json()["duplicate"] == 1
    return accepted_facts


async def _until_more(load: Load, many: int) -> None:
    so_far = len(load.taken)
    await until(lambda: len(load.taken) >= so_far + many, what=f"{many} more mails")


async def _serves_on(restored: Process, everything: list[int], before: list[int]) -> None:
    """The chain holds, replay is bit-equal, nothing acknowledged before is missing, what came later comes again, and work goes on."""
    assert "holds up to entry" in await restoring.command(restored, "journal", "verify")
    await restored.start()
    assert (await restoring.command(restored, "replay")).endswith("bit-equal\n")
    client = restored.anybody()
    fresh = await _new_of(client, everything)
    assert fresh & set(before) == set(), "what was acknowledged before the backup began is in it (I1, I2)"
    assert await _new_of(client, [*fresh, *before[:20]]) == set()
    lead = restored.client(Role.SUPERVISOR, "mai")

    async def settled() -> bool:
        found = (await lead.get("/readyz")).json()["checks"]["inbox"]["ok"]
        return bool(found)

    await eventually(settled, what="the engine to have read everything")
    an = await ready(restored.client(Role.AGENT, "an"))
    offer = await accepted(an)
    await do(an, f"/v1/contacts/{offer['contact_id']}/complete", {"disposition": "answered", "resolution": "resolved"})
    counted = await _contacts(lead)
    assert len(counted) == len(set(counted)), "no contact twice"
    assert await restored.stop() == 0
    assert "holds up to entry" in await restoring.command(restored, "journal", "verify")


async def _new_of(client: httpx.AsyncClient, numbers: list[int]) -> set[int]:
    """Deliver them again, a few at a time; those that are new to the service."""
    found: set[int] = set()
    for n in range(0, len(numbers), 16):
        some = numbers[n : n + 16]
        new = await asyncio.gather(*(deliver(client, number) for number in some))
        found |= {number for number, one in zip(some, new, strict=True) if one}
    return found


async def _contacts(lead: httpx.AsyncClient) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = (
            await lead.get("/v1/contacts", params={"limit": 200, "cursor": cursor} if cursor else {"limit": 200})
        ).json()
        found += [one["contact_id"] for one in page["items"]]
        cursor = page.get("next_cursor") or ""
        if not cursor:
            return found


@pytest.mark.timeout(300)
async def test_i1_a_backup_of_a_service_at_work_serves_on_and_loses_nothing_up_to_its_point() -> None:
    catalogue, place = a_catalogue(), make_folder("ccc-backup-")
    dumped = copied = None
    try:
        async with a_process(catalogue, **_SECRETS) as service:
            load, tasks = Load(service), Tasks()
            an = await ready(service.client(Role.AGENT, "an"))
            work = [tasks.start(load.send(), name=f"send-{n}") for n in range(_SENDERS)]
            work.append(tasks.start(load.handle(an), name="handle"))
            await _until_more(load, 20)
            before_dump = list(load.taken)
            await restoring.dump(service, place / "journal.dump")
            await _until_more(load, 20)
            before_copy = list(load.taken)
            await restoring.copy_cluster(service, place / "cluster")
            await _until_more(load, 20)
            load.over.set()
            await asyncio.gather(*work)
            assert load.handled > 0
            assert await service.stop() == 0
            keys = service.folder / "data" / "secrets"
            dumped = await restoring.from_dump(place / "journal.dump", catalogue, keys, **_SECRETS)
            await _serves_on(dumped, load.taken, before_dump)
            copied = restoring.from_copy(place / "cluster", service, catalogue, keys, **_SECRETS)
            await _serves_on(copied, load.taken, before_copy)
    finally:
        for restored in (dumped, copied):
            if restored is not None:
                await restored.close()
                shutil.rmtree(restored.folder, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
