"""Agents: they pull, accept or decline or let it pass, talk, answer, hand over, ask departments, and fall silent now and then."""

import asyncio
import contextlib
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ccc_router.events.vocabulary import Role
from soak.centre import DEPARTMENTS, QUEUES, bearer
from soak.http import Reply
from soak.load.asking import Asked, Doors

_AGAIN: Final = 0.05
_WAIT_S: Final = 5
_THINK_S: Final = (0.05, 0.6)
_SILENT_S: Final = 40.0
_LOOK_EVERY: Final = 4


class Working:
    """One agent's client."""

    def __init__(self, doors: Doors, subject: str, rng: random.Random, done: asyncio.Event) -> None:
        self._doors = doors
        self._subject = subject
        self._rng = rng
        self._done = done
        self._turn = 0
        self._headers = bearer(Role.AGENT, subject) | {"Content-Type": "application/json"}

    async def run(self) -> None:
        """Work until the customers are gone and it is said that all is done."""
        await self._say("ready")
        while not self._done.is_set():
            self._turn += 1
            if self._turn % _LOOK_EVERY == 0:
                await self._look_around()
            offer = await self._next()
            if offer is not None:
                await self._answer(offer)

    async def _next(self) -> dict[str, Any] | None:
        asked = Asked(
            "next", self._who, None, "POST", f"/v1/agents/me/work/next?wait={_WAIT_S}", self._headers,
            timeout_s=_WAIT_S + 8, told=_offer, counts=0,
        )  # fmt: skip
        reply, pause_s = await self._doors.once(asked)
        if reply is None or reply.status >= 400:
            await asyncio.sleep(max(pause_s, 0.2))
            return None
        return reply.json() if reply.status == 200 else None

    async def _answer(self, offer: dict[str, Any]) -> None:
        await self._think()
        chance = self._rng.random()
        if chance < 0.05:
            await self._do(f"/v1/offers/{offer['offer_id']}/decline", "decline", offer["offer_id"], {"reason": "busy"})
        elif chance < 0.08:
            return  # nobody looks at it: it is missed
        elif chance < 0.085:
            with contextlib.suppress(TimeoutError):  # the client is gone for longer than its lease
                await asyncio.wait_for(self._done.wait(), _SILENT_S)
        else:
            taken = await self._do(f"/v1/offers/{offer['offer_id']}/accept", "accept", offer["offer_id"])
            if taken is not None and taken.status == 200:
                await self._handle(taken.json())

    async def _handle(self, contact: dict[str, Any]) -> None:
        await self._think()
        match contact["channel"]:
            case "phone":
                await self._talk(contact["contact_id"])
            case "internal":
                await self._hear_department(contact)
            case _:
                await self._write(contact["contact_id"])

    async def _talk(self, contact_id: str) -> None:
        await asyncio.sleep(self._rng.uniform(0.2, 2.0))
        if self._rng.random() < 0.15:
            await self._do(f"/v1/contacts/{contact_id}/hold", "hold", contact_id)
            await self._think()
            await self._do(f"/v1/contacts/{contact_id}/resume", "resume", contact_id)
        await self._do(f"/v1/contacts/{contact_id}/hangup", "hangup", contact_id)
        await self._complete(contact_id)

    async def _write(self, contact_id: str) -> None:
        chance, path = self._rng.random(), f"/v1/contacts/{contact_id}"
        if chance < 0.06:
            await self._do(f"{path}/transfer", "transfer", contact_id, {"queue": self._rng.choice(QUEUES)})
        elif chance < 0.09:
            await self._do(f"{path}/requeue", "requeue", contact_id, {"reason": "not mine"})
        elif chance < 0.13:
            until = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
            await self._do(f"{path}/wait", "wait", contact_id, {"until": until})
        elif chance < 0.19:
            body = {"department": self._rng.choice(DEPARTMENTS), "summary": "Xin xem giúp hồ sơ này.", "keep": True}
            await self._do(f"{path}/escalate", "escalate", contact_id, body)
            await self._complete(contact_id)
        elif chance < 0.3:
            await self._do(f"{path}/messages", "message", contact_id, {"text": "Xin chờ một chút ạ."})
            await self._complete(contact_id)
        else:
            body = {"text": "Đã rõ, cảm ơn anh chị.", "then": "complete", "disposition": "answered"}
            await self._do(f"{path}/messages", "message", contact_id, body)

    async def _hear_department(self, contact: dict[str, Any]) -> None:
        escalation = contact.get("escalation_id")
        if escalation:
            if self._rng.random() < 0.15:
                await self._do(f"/v1/escalations/{escalation}/reject", "reject", escalation, {"reason": "Chưa đủ."})
            else:
                await self._do(f"/v1/escalations/{escalation}/accept", "accept-answer", escalation)
        await self._complete(contact["contact_id"])

    async def _complete(self, contact_id: str) -> None:
        body = {"disposition": "answered", "resolution": self._rng.choice(("resolved", "resolved", "waiting_customer"))}
        done = await self._do(f"/v1/contacts/{contact_id}/complete", "complete", contact_id, body)
        if done is not None and done.status == 409 and b"call_live" in done.body:
            await asyncio.sleep(1.0)
            await self._do(f"/v1/contacts/{contact_id}/complete", "complete", contact_id, body)

    async def _look_around(self) -> None:
        """Say that one is there, and finish what is at hand and was forgotten: after a fault a client knows less than the service."""
        await self._say("ready")
        reply, _ = await self._doors.once(
            Asked("read", self._who, None, "GET", "/v1/agents/me/work", self._headers, counts=0)
        )
        if reply is None or reply.status != 200:
            return
        for contact in reply.json().get("contacts", []):
            if contact["state"] in ("active", "wrap_up", "held"):
                if contact["channel"] == "phone" and contact["state"] != "wrap_up":
                    await self._do(f"/v1/contacts/{contact['contact_id']}/hangup", "hangup", contact["contact_id"])
                await self._complete(contact["contact_id"])

    async def _say(self, state: str) -> None:
        body = json.dumps({"state": state}).encode()
        await self._doors.once(
            Asked("presence", self._who, None, "PUT", "/v1/agents/me/presence", self._headers, body, counts=0)
        )

    async def _do(self, path: str, verb: str, ref: str, body: dict[str, Any] | None = None) -> Reply | None:
        """A command, until it is told; and once more now and then, as a client does that did not hear the answer."""
        key = f"{self._subject}-{verb}-{self._doors.rng.getrandbits(60):x}"
        return await do(self._doors, self._who, self._headers, key, path, (verb, ref), body)

    @property
    def _who(self) -> str:
        return f"agent:{self._subject}"

    async def _think(self) -> None:
        await asyncio.sleep(self._rng.uniform(*_THINK_S))


async def do(
    doors: Doors,
    who: str,
    headers: dict[str, str],
    key: str,
    path: str,
    about: tuple[str, str],
    body: dict[str, Any] | None,
) -> Reply | None:
    """A command under its key, repeated until it is told; one in twenty is asked once more after that."""
    raw = json.dumps(body).encode() if body is not None else b""
    asked = Asked("command", who, (key, *about), "POST", path, headers | {"Idempotency-Key": key}, raw, told=_code)
    reply = await doors.insist(asked)
    if reply is not None and doors.rng.random() < _AGAIN:
        await doors.once(replace(asked, counts=0))
    return reply


def _code(reply: Reply) -> str:
    """A refusal's code; of an acknowledged command the contact it says it was about."""
    told = reply.json()
    return str(told.get("code" if reply.status >= 400 else "contact_id", ""))


def _offer(reply: Reply) -> list[str]:
    told = reply.json() if reply.status == 200 else {}
    return [told["offer_id"], told["contact_id"]] if told else []
