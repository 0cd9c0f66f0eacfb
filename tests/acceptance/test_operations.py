"""The running process: it stops in time, says what it does in numbers, and writes down nobody's name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import httpx
import pytest

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.tasks import Tasks
from tests.support.fake_switch import FakeSwitch
from tests.support.process import SECRET, Process, a_process, free_port
from tests.support.waiting import eventually
from tests.support.world import a_catalogue

PHONE, MAIL, CARD, NAME = "0987654321", "le.thi.binh@example.vn", "001099012345", "Lê Thị Bình Minh"
MARKERS = (PHONE, PHONE[1:], MAIL, CARD, NAME, "Bình Minh")


@asynccontextmanager
async def a_service(**more: str) -> AsyncIterator[Process]:
    async with a_process(a_catalogue(), CCC_SECRET_HOTLINE=SECRET, CCC_SECRET_MAILBOX=SECRET, **more) as service:
        yield service


@pytest.mark.timeout(120)
async def test_sigterm_ends_polls_and_streams_and_the_process() -> None:
    """I17: nobody's open request holds up the end, and what was acknowledged is there after the next start."""
    async with a_service() as service:
        an = service.client(Role.AGENT, "an")
        await an.put("/v1/agents/me/presence", json={"state": "on_demand"})
        tasks = Tasks()
        poll = tasks.start(an.post("/v1/agents/me/work/next?wait=60"), name="poll")

        async def waits() -> bool:
            found = (await service.client(Role.SUPERVISOR, "mai").get("/v1/agents")).json()["items"]
            return bool(found[0]["state"] == "on_demand")

        await eventually(waits, what="the agent to be there")
        async with an.stream("GET", "/v1/agents/me/stream") as stream:
            chunks = stream.aiter_bytes()
            assert b"event: snapshot" in await anext(chunks)
            form = await service.anybody().post("/v1/channels/portal/site/contacts", json={"text": "Xin chào"})
            assert form.status_code == 201
            before = monotonic()
            ended = tasks.start(service.stop(), name="stop")
            rest = [chunk async for chunk in chunks]
            assert all(chunk.startswith((b": ping", b"id: ")) for chunk in rest)
            assert (await poll).status_code in (200, 204)
            assert await ended == 0
            assert monotonic() - before < 50, "the poll alone would have taken a minute"
        await service.start()
        lead = service.client(Role.SUPERVISOR, "mai")
        listed = (await lead.get("/v1/contacts")).json()["items"]
        assert [one["contact_id"] for one in listed] == [form.json()["contact_id"]]


async def test_metrics_have_a_port_of_their_own() -> None:
    port = free_port()
    async with a_service(CCC_METRICS_PORT=str(port)) as service, httpx.AsyncClient() as scraper:
        assert (await service.anybody().get("/metrics")).status_code == 404
        text = (await scraper.get(f"http://127.0.0.1:{port}/metrics")).text
        for name in ("ccc_http_requests_total", "ccc_engine_leading", "ccc_loop_lag_seconds_bucket"):
            assert name in text


async def _live(service: Process, switch: FakeSwitch) -> list[httpx.Response]:
    """A person is in everything: form, call, mail, search, notes, files, headers, paths, and what is refused."""
    visitor, an = service.anybody(), service.client(Role.AGENT, "an")
    await an.put("/v1/agents/me/presence", json={"state": "ready"})
    form = {"text": f"Tôi là {NAME}, số {PHONE}, CCCD {CARD}.", "name": NAME, "phone": PHONE, "email": MAIL}
    seen = [await visitor.post("/v1/channels/portal/site/contacts", json=form)]
    await switch.event("Offered", "call-1", calling=PHONE, called="19009068")
    mail = (
        f"From: {NAME} <{MAIL}>\r\nTo: ccc@example.org\r\nSubject: {CARD}\r\nMessage-ID: <{CARD}@x>\r\n\r\n{PHONE}\r\n"
    )
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "message/rfc822"}
    seen.append(await visitor.post("/v1/channels/email/mailbox/messages", content=mail.encode(), headers=headers))
    offer = (await an.post("/v1/agents/me/work/next?wait=20")).json()
    contact = (await an.post(f"/v1/offers/{offer['offer_id']}/accept")).json()["contact_id"]
    path = f"/v1/contacts/{contact}"
    identify = {"handle": {"kind": "personal_id", "value": CARD}, "evidence": "asked"}
    for request in (
        an.post(f"{path}/messages", json={"text": f"{NAME} {PHONE}", "visibility": "note"}),
        an.post(f"{path}/identify", json=identify),
        an.post(f"{path}/escalate", json={"department": "d_hi", "summary": f"{NAME}, {CARD}", "keep": True}),
        an.post("/v1/attachments", files={"file": (f"{CARD}.txt", NAME.encode())}),
        an.put(f"{path}/draft", json={"text": f"{MAIL}"}),
        an.get("/v1/customers", params={"q": NAME}),
        an.get("/v1/customers", params={"q": PHONE}),
    ):
        assert (await request).is_success
    for request in (
        an.get(f"/v1/contacts/{PHONE}"),
        an.get(f"/v1/{MAIL}"),
        an.get("/v1/cases", params={"reference": CARD, MAIL: PHONE}),
        an.post(f"{path}/messages", json={"text": NAME, MAIL: PHONE}),
        an.post(f"{path}/complete", json={"disposition": NAME}, headers={"Idempotency-Key": PHONE}),
        an.post(f"{path}/transfer", json={"queue": MAIL}, headers={"X-Request-Id": PHONE, "User-Agent": MAIL}),
        an.post(
            f"{path}/messages", content=f'{{"text": "{PHONE}'.encode(), headers={"content-type": "application/json"}
        ),
        visitor.get("/v1/agents/me/work", headers={"Authorization": f"Bearer {CARD}"}),
        visitor.post(f"/v1/channels/portal/{CARD}/contacts", json=form),
        visitor.get(f"/v1/links/{PHONE}"),
    ):
        answer = await request
        assert answer.is_client_error, answer.text
        seen.append(answer)
    return seen


@pytest.mark.timeout(120)
async def test_no_log_no_metric_and_no_error_names_a_person() -> None:
    """The canary: a marker person goes through the whole API; logs (at debug), metrics and errors are searched for him."""
    async with (
        FakeSwitch().running() as switch,
        a_service(CCC_LOG_LEVEL="debug", CCC_METRICS_TOKEN="scraper") as service,
    ):
        switch.connect(service.url)
        answers = await _live(service, switch)
        scraper = {"Authorization": "Bearer scraper"}
        metrics = (await service.anybody().get("/metrics", headers=scraper)).text
        journal = (await service.client(Role.SUPERVISOR, "mai").get("/v1/journal", params={"limit": 200})).text
        await service.stop()
        log = await asyncio.to_thread(service.log.read_text)
    errors = "\n".join(answer.text for answer in answers)
    assert "request" in log
    assert "ccc_http_requests_total" in metrics
    for where, text in {"log": log, "metrics": metrics, "errors": errors, "journal": journal}.items():
        found = [marker for marker in MARKERS if marker in text]
        assert found == [], f"in the {where}"
