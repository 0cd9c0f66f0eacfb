"""A small centre around one process: a switch, Meta, a mail relay and a department, each a server of the test's own."""

import json
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import httpx
import msgspec

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.signing import hex_digest
from ccc_router.routing.policy import Catalogue, Endpoint, Rules, Text
from tests.support import fake_graph
from tests.support.fake_department import SECRET as DEPARTMENT_SECRET
from tests.support.fake_department import FakeDepartment
from tests.support.fake_graph import APP_SECRET, PAGE_ID, TOKEN, FakeGraph
from tests.support.fake_relay import FakeRelay, relay
from tests.support.fake_switch import FakeSwitch
from tests.support.process import SECRET, Process, a_process, free_port
from tests.support.waiting import eventually
from tests.support.world import a_catalogue

PERSON = "6512345678901234"
Document = dict[str, Any]


@dataclass
class Centre:
    """The service and who is around it."""

    service: Process
    switch: FakeSwitch
    graph: FakeGraph
    department: FakeDepartment
    mails: FakeRelay
    smtp_port: int
    _clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    def agent(self, subject: str) -> httpx.AsyncClient:
        """The client of an agent."""
        return self.service.client(Role.AGENT, subject)

    def supervisor(self) -> httpx.AsyncClient:
        """The client of a supervisor."""
        return self.service.client(Role.SUPERVISOR, "sup")

    async def meta_says(self, *events: Document, changes: tuple[Document, ...] = ()) -> httpx.Response:
        """Post a page's events as Meta signs them."""
        entry: Document = {"id": PAGE_ID, "time": 1795336000000}
        if events:
            entry["messaging"] = list(events)
        if changes:
            entry["changes"] = list(changes)
        return await self.meta_posts(json.dumps({"object": "page", "entry": [entry]}).encode())

    async def meta_posts(self, raw: bytes) -> httpx.Response:
        """Post a body with Meta's signature."""
        headers = {
            "X-Hub-Signature-256": f"sha256={hex_digest(APP_SECRET.encode(), raw)}",
            "Content-Type": "application/json",
        }
        return await self.service.anybody().post("/v1/channels/fanpage/page/webhook", content=raw, headers=headers)


def the_catalogue(
    control_url: str = "", rules: Rules | None = None, graph_url: str = "", department_url: str = ""
) -> Catalogue:
    """The catalogue of the core's tests, with the servers of the test in it, and agents who may call beside a message."""
    catalogue = a_catalogue(rules=rules)
    endpoints = []
    for one in catalogue.endpoints:
        control = control_url if one.id == "hotline" else ""
        options = {"page_id": PAGE_ID, "base_url": graph_url} if one.id == "page" else {}
        endpoints.append(msgspec.structs.replace(one, control_url=control, options=options))
    endpoints.append(Endpoint("ari", "phone", Text("Asterisk", "Asterisk"), "general", dialect="asterisk-ari"))
    departments = [
        msgspec.structs.replace(one, url=department_url or one.url, private_network=True) if one.url else one
        for one in catalogue.departments
    ]
    agents = [
        msgspec.structs.replace(one, capacity=msgspec.structs.replace(one.capacity, total_weight=130))
        for one in catalogue.agents
    ]
    return msgspec.structs.replace(
        catalogue, endpoints=tuple(endpoints), departments=tuple(departments), agents=tuple(agents)
    )


@asynccontextmanager
async def a_centre(rules: Rules | None = None, **more: str) -> AsyncIterator[Centre]:
    """Everything at work. ``more`` are further CCC_* variables."""
    async with (
        FakeSwitch().running() as switch,
        fake_graph.serving() as graph,
        FakeDepartment().running() as department,
        relay() as mails,
    ):
        catalogue = the_catalogue(switch.control_url, rules, graph.base_url, department.url)
        smtp_port = free_port()
        async with a_process(
            catalogue,
            CCC_SECRET_HOTLINE=SECRET,
            CCC_SECRET_D_HI=DEPARTMENT_SECRET,
            CCC_SECRET_PAGE=APP_SECRET,
            CCC_SECRET_PAGE_TOKEN=TOKEN,
            CCC_SECRET_ARI="asterisk:a password",
            CCC_SMTP_PORT=str(smtp_port),
            CCC_MAIL_RELAY=f"smtp://127.0.0.1:{mails.port}?tls=none",
            CCC_MAIL_FROM="no-reply@example.org",
            CCC_DEPARTMENT_LOOPBACK="true",
            **more,
        ) as service:
            switch.connect(service.url)
            yield Centre(service, switch, graph, department, mails, smtp_port)


async def ready(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Be there for contacts."""
    answer = await client.put("/v1/agents/me/presence", json={"state": "ready"})
    assert answer.status_code == 200, answer.text
    return client


async def offer_for(client: httpx.AsyncClient) -> Document:
    """Pull until there is an offer."""
    answer = await client.post("/v1/agents/me/work/next?wait=10")
    assert answer.status_code == 200, answer.text
    offer: Document = answer.json()
    return offer


async def accepted(client: httpx.AsyncClient) -> Document:
    """Pull and accept; the offer."""
    offer = await offer_for(client)
    answer = await client.post(f"/v1/offers/{offer['offer_id']}/accept")
    assert answer.status_code == 200, answer.text
    return offer


async def state_of(client: httpx.AsyncClient, contact_id: object, wanted: str) -> Document:
    """Wait until a contact is in a state."""

    async def look() -> Document | None:
        found: Document = (await client.get(f"/v1/contacts/{contact_id}")).json()
        return found if found.get("state") == wanted else None

    return await eventually(look, what=f"{contact_id} to be {wanted}")


async def do(client: httpx.AsyncClient, path: str, body: Document | None = None, status: int = 200) -> Document:
    """Post, and expect a status."""
    answer = await client.post(path, json=body)
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
    made: Document = answer.json() if answer.content else {}
    return made


def a_message(text: str, mid: str, person: str = PERSON) -> Document:
    """A Messenger message as Meta tells it."""
    return {
        "sender": {"id": person},
        "recipient": {"id": PAGE_ID},
        "timestamp": 1795335999000,
        "message": {"mid": mid, "text": text},
    }


def answers_by_mail(centre: Centre) -> list[bytes]:
    """What reached the relay from a person; acknowledgements are from a machine."""
    return [one.raw for one in centre.mails.taken if b"auto-replied" not in one.raw]


def send_mail(port: int, mail: EmailMessage) -> None:
    """A customer's mail, over SMTP; call it in a thread."""
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.send_message(mail, "hoi@example.net", ["ccc@example.org"])
