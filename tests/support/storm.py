"""Visitors and agents who go on whatever happens to the service, the ledger of what they were told, and its judge.

Every client repeats under the same key until it is answered, as real ones do.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import httpx

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from tests.support.process import Process
from tests.support.waiting import eventually

_LATER: Final = {408, 429}
"""What a client is told that came, or wrote, too slowly or too often for a busy machine: it is to ask again."""
_TROUBLE_S: Final = 0.02
_NOBODY_THERE_S: Final = 0.2
"""Longer while nobody listens: the clients share two cores with the service that is starting."""


@dataclass
class Ledger:
    """What the clients were told."""

    opened: dict[str, str] = field(default_factory=dict)
    said: Counter[str] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)
    in_flight: int = 0
    most_in_flight: int = 0
    asked: int = 0

    @property
    def acknowledged(self) -> int:
        """How much the clients were told is done."""
        return len(self.opened) + len(self.answered)


class Storm:
    """Visitors who write and agents who answer, through whatever happens to the service."""

    def __init__(self, service: Process) -> None:
        self.service = service
        self.ledger = Ledger()
        self.over = asyncio.Event()
        self.clock = SystemClock()

    async def insist(self, client: httpx.AsyncClient, method: str, path: str, key: str, body: object) -> httpx.Response:
        """Ask until there is an answer that is no trouble of the service's; always under the same key."""
        ledger = self.ledger
        while True:
            ledger.in_flight += 1
            ledger.asked += 1
            ledger.most_in_flight = max(ledger.most_in_flight, ledger.in_flight)
            pause = _TROUBLE_S
            try:
                answer = await client.request(method, path, json=body, headers={"Idempotency-Key": key}, timeout=10)
                if answer.status_code < 500 and answer.status_code not in _LATER:
                    return answer
            except httpx.ConnectError:
                pause = _NOBODY_THERE_S
            except httpx.HTTPError:
                pass
            finally:
                ledger.in_flight -= 1
            await self.clock.sleep(pause)

    async def visitor(self, number: int) -> None:
        """Opens cases, one after the other."""
        async with httpx.AsyncClient(base_url=self.service.url) as client:
            turn = 0
            while not self.over.is_set():
                turn += 1
                key = f"a-visit-to-the-portal-{number}-{turn}"
                answer = await self.insist(
                    client, "POST", "/v1/channels/portal/site/contacts", key, {"text": f"Chuyện {key}"}
                )
                assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
                self.ledger.opened[key] = answer.json()["contact_id"]

    async def agent(self, subject: str) -> None:
        """Takes what comes, answers once, completes."""
        client = self.service.client(Role.AGENT, subject)
        turn = 0
        while not self.over.is_set():
            turn += 1
            await self.insist(client, "PUT", "/v1/agents/me/presence", f"{subject}-here-{turn}", {"state": "ready"})
            offer = await self.insist(client, "POST", "/v1/agents/me/work/next?wait=1", f"{subject}-next-{turn}", None)
            if offer.status_code != 200:
                continue
            offer_id, contact_id = offer.json()["offer_id"], offer.json()["contact_id"]
            taken = await self.insist(client, "POST", f"/v1/offers/{offer_id}/accept", f"{offer_id}-accept", None)
            if taken.status_code != 200:
                continue
            body = {"text": "Đã rõ.", "then": "complete", "disposition": "answered"}
            said = await self.insist(client, "POST", f"/v1/contacts/{contact_id}/messages", f"{offer_id}-say", body)
            if said.status_code == 202:
                self.ledger.answered.add(contact_id)


async def judge(service: Process, ledger: Ledger) -> int:
    """Compare the ledger with what the journal says happened; returns the number of journal entries."""
    supervisor = service.client(Role.SUPERVISOR, "sup")

    async def settled() -> bool:
        return (await supervisor.get("/readyz")).status_code == 200

    await eventually(settled, within_s=60, what="the service to be ready")
    opened: Counter[str] = Counter()
    messages: Counter[str] = Counter()
    offers: Counter[str] = Counter()
    positions = []
    after = 0
    while True:
        page = (await supervisor.get(f"/v1/journal?after={after}&limit=200")).json()
        for entry in page["items"]:
            positions.append(entry["position"])
            match entry["kind"]:
                case "ContactOpened":
                    opened[entry["body"]["contact_id"]] += 1
                case "MessageReceived":
                    messages[entry["body"]["body"]["message_id"]] += 1
                case "OfferEnded":
                    offers[entry["body"]["offer_id"]] += 1
        if not page["items"]:
            break
        after = positions[-1]
    assert positions == list(range(1, len(positions) + 1)), "I13: positions are dense"
    lost = [key for key, contact in ledger.opened.items() if contact not in opened]
    assert not lost, f"I1: acknowledged and lost: {lost[:5]}"
    assert max(opened.values()) == 1, "I2: a contact twice"
    assert max(messages.values()) == 1, "I2: a message twice"
    assert not offers or max(offers.values()) == 1, "I6: an offer ended twice"
    assert len(set(ledger.opened.values())) == len(ledger.opened), "I2: two keys, one contact"
    parked = (await supervisor.get("/v1/parked-inputs")).json()
    assert not parked["items"]
    return len(positions)
