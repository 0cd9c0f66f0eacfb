"""A day in a small centre, told by its API: every operation is used once the way it is meant to be."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.signing import hex_digest
from ccc_router.routing.policy import Catalogue, Endpoint
from tests.support.fake_relay import FakeRelay, relay
from tests.support.fake_switch import FakeSwitch
from tests.support.process import SECRET, Process, a_process
from tests.support.waiting import eventually
from tests.support.walk import Walk
from tests.support.world import a_catalogue, text

_LINK = re.compile(rb"/v1/links/([A-Za-z0-9_-]{20,})")
_MAIL = (
    b"From: khach@example.net\r\nTo: ccc@example.org\r\nSubject: Hoi\r\nMessage-ID: <m1@example.net>\r\n\r\nXin hoi\r\n"
)


@dataclass
class Centre:
    """The service, its surroundings, and the callers."""

    service: Process
    switch: FakeSwitch
    mails: FakeRelay
    walk: Walk
    ids: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.an = self.service.client(Role.AGENT, "an")
        self.binh = self.service.client(Role.AGENT, "binh")
        self.lead = self.service.client(Role.SUPERVISOR, "mai")
        self.health = self.service.client(Role.DEPARTMENT, "d_hi")
        self.office = self.service.client(Role.DEPARTMENT, "d_office")
        self.visitor = self.service.anybody()

    def keep(self, name: str, value: str) -> str:
        """Remember an id for later."""
        self.ids.setdefault(name, []).append(value)
        return value

    async def accept_next(self) -> dict[str, Any]:
        """`an` takes the next contact."""
        offer = await self.walk.go(self.an, "POST /v1/agents/me/work/next", params={"wait": 20})
        self.keep("offer_id", offer["offer_id"])
        self.keep("case_id", offer["case_id"])
        contact: dict[str, Any] = await self.walk.go(self.an, "POST /v1/offers/{offer_id}/accept", offer["offer_id"])
        self.keep("contact_id", contact["contact_id"])
        return contact

    async def form(self) -> dict[str, Any]:
        """A visitor sends the contact form."""
        form = {"text": "Tôi chưa nhận được thẻ BHYT mới.", "name": "Người hỏi"}
        ticket: dict[str, Any] = await self.walk.go(
            self.visitor, "POST /v1/channels/portal/{endpoint}/contacts", "site", json=form
        )
        return ticket

    async def state(self, contact_id: str, wanted: str) -> None:
        """Wait until a contact is in a state."""

        async def there() -> bool:
            return bool((await self.lead.get(f"/v1/contacts/{contact_id}")).json()["state"] == wanted)

        await eventually(there, what=f"{contact_id} to be {wanted}")


def the_catalogue(control_url: str) -> Catalogue:
    """The catalogue of the core's tests around this switch. The department's address is one that webhooks never go to."""
    made = a_catalogue()
    endpoints = []
    for one in made.endpoints:
        options = {"page_id": "1", "rate": "off"} if one.id in ("page", "site") else {}
        control = control_url if one.id == "hotline" else ""
        endpoints.append(msgspec.structs.replace(one, control_url=control, options=options))
    endpoints.append(Endpoint("gate", "portal", text("Gate"), "general", options={"proof": "on"}))
    departments = [
        msgspec.structs.replace(one, url="https://127.0.0.1/hook", private_network=True) if one.url else one
        for one in made.departments
    ]
    return msgspec.structs.replace(made, endpoints=tuple(endpoints), departments=tuple(departments))


@asynccontextmanager
async def a_centre() -> AsyncIterator[Centre]:
    """The service as a process, with a switch and a mail relay."""
    async with FakeSwitch().running() as switch, relay() as mails:
        names = ("HOTLINE", "MAILBOX", "PAGE", "SITE", "GATE_PROOF", "D_HI", "TRACKED")
        secrets = {f"CCC_SECRET_{name}": SECRET for name in names} | {"CCC_SECRET_PAGE_VERIFY": "verify me"}
        async with a_process(
            the_catalogue(switch.control_url),
            CCC_MAIL_RELAY=f"smtp://127.0.0.1:{mails.port}",
            CCC_MAIL_FROM="ccc@example.org",
            CCC_PUBLIC_URL="http://127.0.0.1",
            **secrets,
        ) as service:
            switch.connect(service.url)
            document = (await service.anybody().get("/openapi.json")).json()
            yield Centre(service, switch, mails, Walk(document))


async def a_day(centre: Centre) -> None:
    """Use every operation."""
    await _arrive(centre)
    await _a_visitor(centre)
    await _a_call(centre)
    await _messages_of_other_channels(centre)
    await _an_escalation_there_and_back(centre)
    await _escalations_that_end_otherwise(centre)
    await _a_department_without_a_system(centre)
    await _what_could_not_be_delivered(centre)
    await _supervisors(centre)


async def _arrive(centre: Centre) -> None:
    walk, an = centre.walk, centre.an
    await walk.go(centre.visitor, "GET /livez")
    await walk.go(centre.visitor, "GET /readyz")
    await walk.go(an, "PUT /v1/agents/me/presence", json={"state": "ready"})
    await walk.go(an, "GET /v1/agents/me/presence")
    await walk.go(an, "POST /v1/agents/me/heartbeat")
    await walk.go(an, "GET /v1/agents/me/work")
    await walk.listen(an, "GET /v1/agents/me/stream")
    await walk.listen(centre.lead, "GET /v1/supervisors/stream")


async def _a_visitor(centre: Centre) -> None:
    walk, an, visitor = centre.walk, centre.an, centre.visitor
    portal = "/v1/channels/portal/{endpoint}"
    await walk.go(visitor, f"GET {portal}/challenge", "gate")
    file = await walk.go(visitor, f"POST {portal}/uploads", "site", files={"file": ("the.pdf", b"%PDF-1.7 the")})
    ticket = await centre.form()
    token = {"Authorization": f"Bearer {ticket['token']}"}
    reference = centre.keep("reference", ticket["reference"])
    contact = (await centre.accept_next())["contact_id"]
    body = {"text": "Tôi gửi thêm ảnh.", "attachments": [file["id"]]}
    await walk.go(
        visitor, f"POST {portal}/contacts/{{reference}}/messages", "site", reference, json=body, headers=token
    )
    said = await walk.go(visitor, f"GET {portal}/contacts/{{reference}}", "site", reference, headers=token)
    assert said["contact_id"] == contact

    async def shown() -> str | None:
        found = (await visitor.get(f"/v1/channels/portal/site/contacts/{reference}", headers=token)).json()
        files = [one["id"] for message in found["messages"] for one in message["attachments"]]
        return files[0] if files else None

    file_id = await eventually(shown, what="the visitor's file")
    path = f"{portal}/contacts/{{reference}}"
    await walk.go(visitor, f"GET {path}/files/{{file}}", "site", reference, file_id, headers=token)
    await walk.listen(visitor, f"GET {path}/stream", "site", reference, headers=token)

    of_contact = "/v1/contacts/{contact_id}"
    upload = await walk.go(an, "POST /v1/attachments", files={"file": ("a.txt", b"xin chao")})
    await walk.go(an, "GET /v1/attachments/{attachment_id}", centre.keep("attachment_id", upload["attachment_id"]))
    await walk.go(an, f"GET {of_contact}", contact)
    await walk.go(an, f"GET {of_contact}/why", contact)
    await walk.go(an, "GET /v1/agents/{agent}/why-not", "an", params={"contact": contact})
    await walk.go(an, f"PUT {of_contact}/draft", contact, json={"text": "Dạ"})
    await walk.go(an, f"GET {of_contact}/draft", contact)
    answer = {"text": "Thẻ đã được gửi.", "attachments": [upload["attachment_id"]]}
    await walk.go(an, f"POST {of_contact}/messages", contact, json=answer)
    handle = {"handle": {"kind": "phone", "value": "0912345678"}, "evidence": "called_back"}
    await walk.go(an, f"POST {of_contact}/identify", contact, json=handle)
    await walk.go(an, f"POST {of_contact}/unidentify", contact, json={"reason": "Nhầm người cùng tên"})
    await walk.go(an, "GET /v1/customers", params={"q": "nguoi"})
    case = (await walk.go(an, f"POST {of_contact}/link", contact, json={"case": reference}))["case_id"]
    await walk.go(an, "PATCH /v1/cases/{case_id}", case, json={"topic": "card", "kind": "complaint", "province": "79"})
    await walk.go(an, "GET /v1/cases/{case_id}", case)
    await walk.go(an, "GET /v1/cases")
    until_then = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await walk.go(an, f"POST {of_contact}/wait", contact, json={"until": until_then})
    await walk.go(visitor, f"POST {path}/messages", "site", reference, json={"text": "Cảm ơn"}, headers=token)
    await centre.state(contact, "active")
    await walk.go(an, f"POST {of_contact}/transfer", contact, json={"agent": "an"})
    offer = await walk.go(an, "POST /v1/agents/me/work/next", params={"wait": 20})
    await walk.go(an, "POST /v1/offers/{offer_id}/decline", offer["offer_id"], json={"reason": "expertise"})
    await walk.go(centre.lead, f"POST {of_contact}/priority", contact, json={"priority": 2, "reason": "in_hospital"})
    await walk.go(centre.lead, f"POST {of_contact}/assign", contact, json={"agent": "an", "reason": "knows_it"})
    await centre.accept_next()
    await walk.go(an, f"GET {of_contact}/timeline", contact)
    await walk.go(an, f"POST {of_contact}/complete", contact, json={"disposition": "answered", "note": "Xong."})
    body = {"phone": "0912345678", "not_before": until_then}
    await walk.go(visitor, f"POST {path}/callback", "site", reference, json=body, headers=token)


async def _a_call(centre: Centre) -> None:
    walk, an = centre.walk, centre.an
    of_contact = "/v1/contacts/{contact_id}"
    event = {
        "event_id": "walk-1", "event": "Offered", "call_id": "walk", "leg_id": "cust", "role": "customer",
        "at": datetime.now(UTC).isoformat(), "calling": "0912345678", "called": "19009068",
    }  # fmt: skip
    await _signed(centre, "POST /v1/channels/phone/{endpoint}/events", "hotline", msgspec.json.encode(event))
    contact = (await centre.accept_next())["contact_id"]
    await centre.state(contact, "active")
    await walk.go(an, f"POST {of_contact}/hold", contact)
    await centre.state(contact, "held")
    await walk.go(an, f"POST {of_contact}/resume", contact)
    await centre.state(contact, "active")
    await walk.go(an, f"POST {of_contact}/hangup", contact)
    await centre.state(contact, "wrap_up")
    await walk.go(an, f"POST {of_contact}/wrap-up", contact, json={"extend_s": 60, "reason": "notes"})
    case = (await walk.go(an, f"POST {of_contact}/complete", contact, json={"disposition": "answered"}))["case_id"]
    called = await walk.go(an, "POST /v1/cases/{case_id}/call", case)
    await centre.state(called["contact_id"], "active")
    await walk.go(an, f"POST {of_contact}/hangup", called["contact_id"])
    await centre.state(called["contact_id"], "wrap_up")
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await walk.go(an, f"POST {of_contact}/callback", called["contact_id"], json={"not_before": later})


async def _signed(centre: Centre, operation: str, endpoint: str, raw: bytes, kind: str = "application/json") -> None:
    at = datetime.now(UTC)
    headers = {
        "webhook-id": f"msg_{endpoint}",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(f"msg_{endpoint}", at, raw.decode()),
        "content-type": kind,
    }
    await centre.walk.go(centre.visitor, operation, endpoint, content=raw, headers=headers)


async def _messages_of_other_channels(centre: Centre) -> None:
    walk, an = centre.walk, centre.an
    await _signed(centre, "POST /v1/channels/email/{endpoint}/messages", "mailbox", _MAIL, "message/rfc822")
    contact = (await centre.accept_next())["contact_id"]
    await walk.go(an, "POST /v1/contacts/{contact_id}/complete", contact, json={"disposition": "answered"})
    path = "/v1/channels/fanpage/{endpoint}/webhook"
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify me", "hub.challenge": "42"}
    assert await walk.go(centre.visitor, f"GET {path}", "page", params=query) == b"42"
    raw = b'{"object":"page","entry":[]}'
    headers = {"X-Hub-Signature-256": f"sha256={hex_digest(SECRET.encode(), raw)}", "Content-Type": "application/json"}
    await walk.go(centre.visitor, f"POST {path}", "page", content=raw, headers=headers)


async def _escalated(centre: Centre, department: str = "d_hi") -> tuple[str, str]:
    """A visitor's case goes to a department; returns escalation and contact."""
    await centre.form()
    contact = (await centre.accept_next())["contact_id"]
    body = {"department": department, "summary": "Thẻ báo không còn giá trị.", "keep": False}
    raised = await centre.walk.go(centre.an, "POST /v1/contacts/{contact_id}/escalate", contact, json=body)
    done = {"disposition": "answered", "resolution": "unresolved"}
    await centre.walk.go(centre.an, "POST /v1/contacts/{contact_id}/complete", contact, json=done)
    return centre.keep("escalation_id", raised["escalation_id"]), contact


async def _an_escalation_there_and_back(centre: Centre) -> None:
    walk, health, an = centre.walk, centre.health, centre.an
    one, _ = await _escalated(centre)
    of = "/v1/escalations/{escalation_id}"
    await walk.go(health, "GET /v1/escalations")
    await walk.go(health, f"POST {of}/acknowledge", one)
    await walk.go(health, f"POST {of}/progress", one, json={"text": "Đang kiểm tra."})
    await walk.go(health, f"POST {of}/ask", one, json={"text": "Mã thẻ?"})
    await walk.go(an, f"POST {of}/reply", one, json={"text": "Số trong hồ sơ."})
    for days, decide in ((3, "grant"), (6, "refuse")):
        later = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        await walk.go(health, f"POST {of}/extend", one, json={"until": later, "reason": "Chờ tỉnh."})
        await walk.go(centre.lead, f"POST {of}/{decide}", one, json={})
    await walk.go(health, f"POST {of}/answer", one, json={"text": "Đã gia hạn."})
    await walk.go(an, f"POST {of}/reject", one, json={"reason": "Chưa thấy trên cổng."})
    file = await walk.go(health, "POST /v1/attachments", files={"file": ("a.pdf", b"%PDF-1.7 a")})
    body = {"text": "Đã cập nhật.", "attachments": [file["attachment_id"]]}
    await walk.go(health, f"POST {of}/answer", one, json=body)
    await walk.go(an, f"GET {of}/attachments/{{attachment_id}}", one, file["attachment_id"])
    await walk.go(an, f"POST {of}/accept", one)
    await walk.go(an, f"GET {of}", one)
    while (await an.get("/v1/agents/me/work")).json()["offer"] or centre.ids.get("internal") is None:
        contact = (await centre.accept_next())["contact_id"]
        centre.keep("internal", contact)
        await walk.go(an, "POST /v1/contacts/{contact_id}/complete", contact, json={"disposition": "answered"})


async def _escalations_that_end_otherwise(centre: Centre) -> None:
    walk, health = centre.walk, centre.health
    of = "/v1/escalations/{escalation_id}"
    one, _ = await _escalated(centre)
    await walk.go(centre.an, f"POST {of}/withdraw", one)
    one, _ = await _escalated(centre)
    await walk.go(health, f"POST {of}/forward", one, json={"department": "d_office"})
    one, _ = await _escalated(centre)
    await walk.go(health, f"POST {of}/return", one, json={"reason": "Không thuộc thẩm quyền."})


async def _a_department_without_a_system(centre: Centre) -> None:
    async def link() -> bytes | None:
        found = [one for mail in centre.mails.taken for one in _LINK.findall(mail.raw.replace(b"=\r\n", b""))]
        return found[0] if found else None

    token = (await eventually(link, within_s=20, what="the mail with its links")).decode()
    await centre.walk.go(centre.visitor, "GET /v1/links/{token}", token)
    form = {"content-type": "application/x-www-form-urlencoded"}
    await centre.walk.go(centre.visitor, "POST /v1/links/{token}", token, content="text=Xong", headers=form)


async def _what_could_not_be_delivered(centre: Centre) -> None:
    walk, lead = centre.walk, centre.lead

    async def parked() -> str | None:
        found = (await lead.get("/v1/deliveries", params={"state": "parked"})).json()["items"]
        return found[0]["delivery_id"] if found else None

    delivery = centre.keep("delivery_id", await eventually(parked, within_s=20, what="a parked delivery"))
    await walk.go(lead, "GET /v1/deliveries", params={"state": "parked", "kind": "webhook"})
    await walk.go(lead, "GET /v1/departments")
    await walk.go(centre.service.client(Role.ADMIN, "root"), "POST /v1/departments/{department}/enable", "d_hi")
    await walk.go(lead, "POST /v1/deliveries/{delivery_id}/retry", delivery)


async def _supervisors(centre: Centre) -> None:
    walk, lead = centre.walk, centre.lead
    for operation in ("queues", "readings", "agents", "contacts", "parked-inputs", "journal"):
        await walk.go(lead, f"GET /v1/{operation}")
    await walk.go(lead, "GET /v1/queues/{queue}/readings", "general")
    surge = {
        "mode": "on",
        "duration_s": 60,
        "reason": "outage",
        "text": {"vi": "VssID đang bảo trì.", "en": "VssID is down."},
    }
    await walk.go(lead, "POST /v1/queues/{queue}/surge", "general", json=surge)
    await walk.go(lead, "POST /v1/queues/{queue}/surge", "general", json={"mode": "off", "reason": "over"})
    text = {"vi": "VssID đã hoạt động lại.", "en": "VssID works again."}
    opened = await walk.go(
        lead, "POST /v1/incidents", json={"title": {"vi": "VssID ngừng", "en": "VssID is down"}, "text": text}
    )
    incident = centre.keep("incident_id", opened["incident_id"])
    await walk.go(lead, "GET /v1/incidents")
    await walk.go(lead, "PUT /v1/agents/{agent}/presence", "binh", json={"state": "not_ready", "reason": "training"})
    await centre.form()
    contact = (await centre.accept_next())["contact_id"]
    await walk.go(lead, "POST /v1/contacts/{contact_id}/requeue", contact, json={"reason": "shift_ends"})
    await walk.go(
        lead, "POST /v1/incidents/{incident_id}/attach", incident, json={"contacts": [contact], "attach": True}
    )
    await walk.go(
        lead, "POST /v1/incidents/{incident_id}/attach", incident, json={"contacts": [contact], "attach": False}
    )
    await walk.go(lead, "POST /v1/incidents/{incident_id}/resolve", incident, json={"text": text})
    await walk.go(lead, "GET /v1/contacts/{contact_id}/why", contact)
    await walk.go(lead, "POST /v1/contacts/{contact_id}/close", contact, json={"reason": "spam"})
    document = await walk.go(lead, "GET /v1/catalog")
    version = document["version"]
    await walk.go(lead, "PUT /v1/catalog", json=document, headers={"If-Match": f'"v{version}"'})
    await walk.go(
        lead, "PATCH /v1/catalog", json={"rules": {"connect_s": 25}}, headers={"If-Match": f'"v{version + 1}"'}
    )
