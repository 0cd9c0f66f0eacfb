"""The service with its escalations room and the workers that send to departments."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from ccc_router.escalations.links import Links
from ccc_router.escalations.mailed.sender import DepartmentMailSender
from ccc_router.escalations.routers import ROUTERS
from ccc_router.escalations.services import EscalationsRoom
from ccc_router.escalations.store import Store
from ccc_router.escalations.texts import Texts
from ccc_router.escalations.webhooks.endpoints import Endpoints
from ccc_router.escalations.webhooks.outbound import Outbound
from ccc_router.escalations.webhooks.sender import WebhookSender
from ccc_router.events.vocabulary import CaseKind, DeliveryKind, Role
from ccc_router.kernel.tasks import Supervisor
from ccc_router.queues.deliveries.port import Attempted, Sent
from ccc_router.routing.policy import Calendar, Catalogue, Deadline, Department, Interval
from ccc_router.storage.database import Database
from ccc_router.workers.deliver import Deliver, Way
from ccc_router.workers.schedules import DEPARTMENTS
from tests.support.builders import a_catalogue, text
from tests.support.fake_department import SECRET
from tests.support.service import Service, a_service
from tests.support.spine import Spine
from tests.support.waiting import eventually

LINK_KEY = b"a key for links in tests, 32 byte"
PUBLIC_URL = "http://service"


def with_departments(url: str) -> Catalogue:
    """The small catalogue; departments: ``policy`` and ``sister`` at ``url``, ``head`` above policy, ``mailroom`` by mail."""
    always = Calendar(id="always", intervals=tuple(Interval(weekday=day, opens=0, closes=1440) for day in range(7)))
    terms = {"default": Deadline(acknowledge_min=60, answer_min=480)}

    def department(name: str, **more: Any) -> Department:
        plain = Department(id=name, name=text(name), calendar="always", url=url, deadlines=terms)
        return msgspec.structs.replace(plain, **more)

    return msgspec.structs.replace(
        a_catalogue(),
        calendars=(always,),
        departments=(
            department("policy", ladder=("head",)),
            department("sister"),
            department("head"),
            department("trusted", sees_denouncer=True),
            department("mailroom", url="", email="mailroom@example.gov.vn"),
        ),
    )


class OneSecret:
    """Every department has the same secret."""

    def of(self, _name: str) -> tuple[str, ...]:
        return (SECRET,)


@dataclass
class Centre:
    """A running service whose agent ``an`` is ready, with what was mailed to departments."""

    service: Service
    room: EscalationsRoom
    mails: list[bytes] = field(default_factory=list)

    @property
    def an(self) -> httpx.AsyncClient:
        """The agent."""
        return self.service.client(Role.AGENT, "an")

    @property
    def boss(self) -> httpx.AsyncClient:
        """A supervisor."""
        return self.service.client(Role.SUPERVISOR, "boss")

    def department(self, name: str = "policy") -> httpx.AsyncClient:
        """A department's system."""
        return self.service.client(Role.DEPARTMENT, name)

    async def take(self) -> str:
        """A customer writes, the agent accepts; the contact's id."""
        contact_id = await self.service.write()
        await self.accept()
        return contact_id

    async def accept(self) -> dict[str, Any]:
        """The agent accepts what he is offered."""
        an = self.an

        async def offered() -> dict[str, Any] | None:
            answer = await an.post("/v1/agents/me/work/next", params={"wait": 0})
            found: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
            return found

        offer = await eventually(offered, what="an offer")
        answer = await an.post(f"/v1/offers/{offer['offer_id']}/accept")
        assert answer.status_code == 200, answer.text
        return offer

    async def escalate(self, contact_id: str, department: str = "policy", **more: Any) -> str:
        """The agent hands the case over; the escalation's id."""
        body = {"department": department, "summary": "Thẻ BHYT không còn giá trị", "keep": True} | more
        answer = await self.an.post(f"/v1/contacts/{contact_id}/escalate", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["escalation_id"])

    async def kind(self, contact_id: str, kind: CaseKind) -> None:
        """The agent says what kind of case it is."""
        case_id = (await self.an.get(f"/v1/contacts/{contact_id}")).json()["case_id"]
        answer = await self.an.patch(f"/v1/cases/{case_id}", json={"kind": kind.value})
        assert answer.status_code == 200, answer.text


def escalations_room(spine: Spine) -> EscalationsRoom:
    """The room over a test's spine."""
    database, pool = spine.database, spine.pool
    return EscalationsRoom(
        clock=spine.clock,
        desk=spine.desk,
        current=spine.current,
        store=Store(database, pool),
        endpoints=Endpoints(database, pool),
        links=Links(database, pool, LINK_KEY),
    )


def deliver_for(
    spine: Spine, room: EscalationsRoom, submit: Callable[[str, str, bytes], Awaitable[Attempted]]
) -> Deliver:
    """The workers for departments."""
    texts = Texts(spine.database)
    webhooks = WebhookSender(
        spine.database,
        spine.clock,
        spine.current.department,
        OneSecret(),
        texts,
        room.endpoints,
        Outbound(total_s=5),
        public_url=PUBLIC_URL,
        loopback=True,
    )
    mails = DepartmentMailSender(
        spine.current.department, texts, room.links, submit, sender="cskh@example.gov.vn", public_url=PUBLIC_URL
    )
    ways = {
        DeliveryKind.WEBHOOK: Way(webhooks, DEPARTMENTS, interval_s=0.05),
        DeliveryKind.DEPARTMENT_MAIL: Way(mails, DEPARTMENTS, interval_s=0.05),
    }
    return Deliver(spine.database, "main", spine.clock, ways, reported=lambda _pool: spine.loop.wake())


@asynccontextmanager
async def a_centre(database: Database, url: str) -> AsyncIterator[Centre]:
    """Run it until the context is left."""
    made: list[EscalationsRoom] = []

    async def state(spine: Spine) -> dict[str, object]:
        made.append(escalations_room(spine))
        return {"escalations": made[0]}

    async with a_service(database, with_departments(url), routers=ROUTERS, state=state) as service:
        centre = Centre(service, made[0])

        async def submit(_sender: str, _recipient: str, raw: bytes) -> Attempted:
            centre.mails.append(raw)
            return Sent()

        deliver = deliver_for(service.spine, centre.room, submit)
        supervisor = Supervisor(service.spine.clock)
        for loop in deliver.loops.values():
            supervisor.add(loop)
        answer = await centre.an.put("/v1/agents/me/presence", json={"state": "ready"})
        assert answer.status_code == 200, answer.text
        try:
            yield centre
        finally:
            await deliver.close(drain_s=0)
            await supervisor.stop(2)
