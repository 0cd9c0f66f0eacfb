"""A small history of everything the service does, told to a process that will crash somewhere in it, by people who do not give up.

Whoever is not answered asks again under the same key; whatever crashed is started anew without the switch. What was told, by whom and how
often, is kept for the judge.
"""

import asyncio
import contextlib
import json
import shutil
import smtplib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from ccc_router.events import journal
from ccc_router.events.kafka.entries import TOPIC
from ccc_router.events.kafka.record import topic_of
from ccc_router.events.vocabulary import Role
from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.ids import fresh
from ccc_router.kernel.signing import hex_digest
from ccc_router.kernel.tasks import Tasks
from ccc_router.storage.database import Database
from tests.acceptance.surroundings import PERSON, a_message, the_catalogue
from tests.support import fake_graph, row_invariants
from tests.support.database import make_folder
from tests.support.fake_department import OK, Behaviour, FakeDepartment, Received, answers
from tests.support.fake_department import SECRET as DEPARTMENT_SECRET
from tests.support.fake_graph import APP_SECRET, TOKEN, FakeGraph
from tests.support.fake_relay import FakeRelay, relay
from tests.support.fake_switch import FakeSwitch
from tests.support.fault_proxy import FaultProxy, Faults, a_proxy
from tests.support.kafka.cluster import Cluster, ends, reached, records
from tests.support.process import SECRET, Process, free_port
from tests.support.relayed import events, journalled, place, taken_once
from tests.support.waiting import eventually

Document = dict[str, Any]
BUSY: Final = {408, 429, 500, 502, 503}
_PAUSE_S: Final = 0.03
_FILE: Final = b"%PDF-1.4 a file of a customer\n" * 40
# What two seconds of silence, or half a minute, would bring by themselves: the lease and the claims of whoever died are over.
_TIME_PASSES: Final = """
UPDATE lease SET until = clock_timestamp();
UPDATE delivery SET due = clock_timestamp() WHERE state = 'owed' AND due > clock_timestamp()
"""

_RETRIES_ARE_DUE: Final = """
UPDATE delivery SET due = clock_timestamp()
WHERE state = 'owed' AND claimed_by IN ('', 'cut') AND due > clock_timestamp() + interval '2 seconds'
"""


class PatientSwitch(FakeSwitch):
    """A switch that tells an event again until somebody takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.over = asyncio.Event()

    async def post(self, raw: bytes, message_id: str = "") -> httpx.Response:
        """See `FakeSwitch.post`; the message's id stays."""
        message_id = message_id or f"msg_{next(self._numbers)}"
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = await super().post(raw, message_id)
                if answer.is_success or self.over.is_set():
                    return answer
            await asyncio.sleep(_PAUSE_S)


@dataclass
class Walk:
    """The service that will crash, who is around it, and what was told to whom."""

    service: Process
    database: Database
    switch: PatientSwitch
    graph: FakeGraph
    department: FakeDepartment
    mails: FakeRelay
    smtp_port: int
    point: str
    crashed: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    contacts: dict[str, str] = field(default_factory=dict)
    ways: dict[str, FaultProxy] = field(default_factory=dict)
    pool: str = "main"
    kafka: Cluster | None = None
    _reviving: asyncio.Lock = field(default_factory=asyncio.Lock)
    _escalated: set[str] = field(default_factory=set)

    async def begin(self) -> None:
        """Start it armed. It may crash on the way up already."""
        self.service._environment["CCC_CRASH_AT"] = self.point
        try:
            await self.service.start()
        except AssertionError:
            await self.revive()
        if "client" in self.ways:
            self.service.url = f"http://127.0.0.1:{self.ways['client'].port}"

    async def revive(self) -> bool:
        """Start it again, without the switch, if it has crashed; whether it had."""
        async with self._reviving:
            process = self.service._process
            assert process is not None
            if process.returncode is None:
                return False
            assert process.returncode == crashing.STATUS, self.service.log.read_text()[-3000:]
            self.crashed += 1
            self.service._environment.pop("CCC_CRASH_AT", None)
            await self.database.pool.execute(_TIME_PASSES)
            await self.service.start()
            return True

    async def insist(self, ask: Callable[[], Awaitable[httpx.Response]], what: str) -> httpx.Response:
        """Ask until there is an answer that is none of the service's troubles."""

        async def once() -> httpx.Response | None:
            try:
                answer = await ask()
            except httpx.HTTPError:
                await self.revive()
                return None
            if answer.status_code in BUSY:
                await self.revive()
                return None
            return answer

        answer = await eventually(once, within_s=50, what=what)
        self.acknowledged[what] += answer.is_success
        return answer

    async def told(self, client: httpx.AsyncClient, method: str, path: str, key: str, **more: Any) -> httpx.Response:
        """A request under a key."""
        headers = {"Idempotency-Key": f"the-key-of-{key}"}
        return await self.insist(lambda: client.request(method, path, headers=headers, timeout=15, **more), key)

    async def history(self) -> None:
        """Everybody comes once; everything is brought to its end."""
        client = self.service.client(Role.AGENT, "an")
        if self.point.startswith(Site.WITHDRAW):
            await self._without_an_engine(client)
        await self.told(client, "PUT", "/v1/agents/me/presence", "ready", json={"state": "ready"})
        tasks = Tasks()
        arriving = [self._mail(), self._visit(), self._page(), self._call()]
        running = [tasks.start(one, name=f"arrival-{number}") for number, one in enumerate(arriving)]
        running.append(tasks.start(self._department(), name="department"))
        try:
            await self._work(client)
            await asyncio.gather(*running)
            if self.point.startswith(Site.PRUNE):
                await eventually(self._crashed_by_now, within_s=100, what="the minute after which is pruned again")
            await self._settled()
        finally:
            await tasks.close()
        await self._end()

    async def _crashed_by_now(self) -> bool:
        return await self.revive() or self.crashed > 0

    async def _without_an_engine(self, client: httpx.AsyncClient) -> None:
        """One command while the engine cannot begin a transaction: it gets no outcome and is taken back."""
        async with self.database.transaction() as connection:
            await connection.execute("SELECT true FROM lease FOR UPDATE")
            headers = {"Idempotency-Key": "the-key-of-ready"}
            with contextlib.suppress(httpx.HTTPError):
                answer = await client.put("/v1/agents/me/presence", json={"state": "ready"}, headers=headers)
                assert answer.status_code == 503, answer.text

    async def _mail(self) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"] = "Người hỏi <hoi@example.net>", "ccc@example.org"
        mail["Subject"], mail["Message-ID"] = "Thẻ hết hạn", "<the-1@example.net>"
        mail.set_content("Thẻ của tôi hết hạn.")
        mail.add_attachment(_FILE, maintype="application", subtype="pdf", filename="the.pdf")
        raw = mail.as_bytes()  # once: a queue hands over the same bytes again

        def send() -> None:
            with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=10) as client:
                client.sendmail("hoi@example.net", ["ccc@example.org"], raw)

        async def once() -> bool:
            try:
                await asyncio.to_thread(send)
            except (OSError, smtplib.SMTPException):
                await self.revive()
                return False
            return True

        await eventually(once, within_s=50, what="the mail to be taken")
        self.acknowledged["mail"] += 1

    async def _visit(self) -> None:
        client, site = self.service.anybody(), "/v1/channels/portal/site/contacts"
        up = await self.told(
            client,
            "POST",
            "/v1/channels/portal/site/uploads",
            "upload",
            files={"file": ("a.pdf", _FILE, "application/pdf")},
        )
        form = {"text": "Thẻ của tôi hết hạn.", "attachments": [up.json()["id"]]}
        opened = await self.told(client, "POST", site, "visit", json=form)
        assert opened.status_code == 201, opened.text
        ticket = opened.json()
        self.contacts["portal"] = ticket["contact_id"]
        client.headers["Authorization"] = f"Bearer {ticket['token']}"
        more = await self.told(
            client, "POST", f"{site}/{ticket['reference']}/messages", "second-line", json={"text": "Xin nhanh giúp."}
        )
        assert more.is_success, more.text

    async def _page(self) -> None:
        body = _page_body()
        headers = {"X-Hub-Signature-256": _signature_of(body), "Content-Type": "application/json"}
        client = self.service.anybody()
        answer = await self.insist(
            lambda: client.post("/v1/channels/fanpage/page/webhook", content=body, headers=headers, timeout=15), "page"
        )
        assert answer.status_code == 200, answer.text

    async def _call(self) -> None:
        await self.switch.event("Offered", "call-1", calling="0912345678", called="19009068")
        self.acknowledged["call"] += 1

    async def _department(self) -> None:
        """Acknowledge and answer what was raised."""
        client = self.service.client(Role.DEPARTMENT, "d_hi")

        async def raised() -> str | None:
            await self.revive()
            found = [one for one in self.department.events if one["type"] == "ccc.escalation.raised.v1"]
            return str(found[0]["data"]["escalation_id"]) if found else None

        path = f"/v1/escalations/{await eventually(raised, within_s=50, what='the notice')}"
        await self.told(client, "POST", f"{path}/acknowledge", "acknowledged")
        answered = await self.told(client, "POST", f"{path}/answer", "answered", json={"text": "Đã gia hạn thẻ."})
        assert answered.status_code == 200, answered.text

    async def _work(self, client: httpx.AsyncClient) -> None:
        """Take what comes until all five contacts are closed."""
        turn = 0

        async def all_closed() -> bool:
            nonlocal turn
            turn += 1
            if await self._closed() >= 5:
                return True
            await self.told(client, "PUT", "/v1/agents/me/presence", f"here-{turn}", json={"state": "ready"})
            offer = await self.told(client, "POST", "/v1/agents/me/work/next?wait=1", f"next-{turn}")
            if offer.status_code == 200:
                await self._handle(client, offer.json())
            return False

        await eventually(all_closed, within_s=100, what="everything to be handled")

    async def _handle(self, client: httpx.AsyncClient, offer: Document) -> None:
        name, contact = offer["offer_id"], offer["contact_id"]
        taken = await self.told(client, "POST", f"/v1/offers/{name}/accept", f"{name}-accept")
        if taken.status_code != 200:
            return
        path = f"/v1/contacts/{contact}"
        match offer["channel"]:
            case "phone":
                await self._phone(client, path, name)
                return
            case "portal":
                await self._escalate(client, path, "d_hi", name)
                await self.told(
                    client, "POST", f"{path}/complete", f"{name}-complete", json={"disposition": "answered"}
                )
                return
            case "fanpage":
                await self._escalate(client, path, "d_office", name, keep=True)
            case "internal":
                for one in self._escalated:
                    await self.told(client, "POST", f"/v1/escalations/{one}/accept", f"{one}-accept")
            case _:
                await self.told(client, "PUT", f"{path}/draft", f"{contact}-draft", json={"text": "Dạ"})
        up = await self.told(
            client, "POST", "/v1/attachments", f"{contact}-file", files={"file": ("a.pdf", _FILE, "application/pdf")}
        )
        body: Document = {"text": f"Đã rõ {contact}", "then": "complete", "disposition": "answered"}
        if offer["channel"] == "email":
            body["attachments"] = [up.json()["attachment_id"]]
        said = await self.told(client, "POST", f"{path}/messages", f"{contact}-say", json=body)
        assert said.status_code == 202, said.text

    async def _escalate(self, client: httpx.AsyncClient, path: str, to: str, name: str, *, keep: bool = False) -> None:
        body = {"department": to, "summary": "Xem giúp.", "keep": keep}
        raised = await self.told(client, "POST", f"{path}/escalate", f"{name}-escalate", json=body)
        assert raised.status_code == 201, raised.text
        if to == "d_hi":
            self._escalated.add(raised.json()["escalation_id"])

    async def _phone(self, client: httpx.AsyncClient, path: str, name: str) -> None:
        """Talk, hang up, complete; should the connection never have come about, it comes again."""

        async def state(*wanted: str) -> str:
            async def look() -> str | None:
                found = (await self.insist(lambda: client.get(path, timeout=15), "look")).json().get("state", "")
                return found if found in wanted else None

            return await eventually(look, within_s=40, what=f"the call to be {wanted}")

        if await state("active", "queued", "offered", "abandoned") != "active":
            return
        await self.told(client, "POST", f"{path}/hangup", f"{name}-hangup")
        await state("wrap_up", "closed")
        await self.told(client, "POST", f"{path}/complete", f"{name}-complete", json={"disposition": "answered"})

    async def _closed(self) -> int:
        return int(await self.database.pool.fetchval("SELECT count(*) FROM contact WHERE NOT open"))

    async def _settled(self) -> None:
        """Everything owed has its end, and the inbox is empty."""

        async def nothing_owed() -> bool:
            await self.revive()
            await self.database.pool.execute(_RETRIES_ARE_DUE)
            left: int = await self.database.pool.fetchval(
                "SELECT (SELECT count(*) FROM delivery WHERE state = 'owed') + (SELECT count(*) FROM inbox)"
            )
            return left == 0 and (self.kafka is None or await self._level(self.kafka))

        await eventually(nothing_owed, within_s=50, what="everything owed to have an end")

    async def _level(self, kafka: Cluster) -> bool:
        """The engine has taken every record, and the journal's topic has every entry."""
        rows = await self.database.pool.fetch("SELECT partition, next FROM kafka_offset WHERE pool = $1", self.pool)
        wanted = await ends(kafka.servers, topic_of(self.pool))
        if {row["partition"]: row["next"] for row in rows} != {one: end for one, end in wanted.items() if end}:
            return False
        last: int = await self.database.pool.fetchval("SELECT max(last) FROM journal")
        return await place(self.database, TOPIC, self.pool) == last

    async def _end(self) -> None:
        """Stop it in good order, which it may also crash in."""
        if await self.service.stop() != 0:
            await self.revive()
            assert await self.service.stop() == 0

    async def judge(self) -> None:
        """Nothing acknowledged is lost, nothing is doubled, what left has one id, the journal and the rows are whole."""
        assert self.crashed == bool(self.point), f"the history never came past {self.point}"
        async with self.database.pool.acquire() as connection:
            verdict = await journal.verify(connection, self.pool)
            assert not verdict.fault, f"I16: {verdict.fault}"
            await row_invariants.check_rows(connection, self.pool)
            await row_invariants.check_entries(connection, self.pool)
            channels = await connection.fetch("SELECT channel, count(*) AS n FROM contact GROUP BY 1")
            messages = await connection.fetch("SELECT direction, author, count(*) AS n FROM message GROUP BY 1, 2")
            unsent = await connection.fetch(
                "SELECT kind, state, last_error FROM delivery WHERE state <> 'sent' AND kind <> 'control'"
            )
            ended = await connection.fetch("SELECT state FROM contact WHERE id = $1", self.contacts["portal"])
        found = {row["channel"]: row["n"] for row in channels}
        assert found == {"email": 1, "portal": 1, "fanpage": 1, "phone": 1, "internal": 1}, f"I1, I2: {found}"
        assert [row["state"] for row in ended] == ["closed"]
        assert messages, "texts are kept"
        self._judge_department()
        self._judge_mail(unsent)
        if self.kafka is not None:
            await self._judge_topics(self.kafka)

    async def _judge_topics(self, kafka: Cluster) -> None:
        """I1, I13: facts came by Kafka, and every entry is on the journal's topic once for who passes over what is not greater."""
        assert sum((await ends(kafka.servers, topic_of(self.pool))).values()) > 0, "nothing came by Kafka"
        partitions = await ends(kafka.servers, TOPIC)
        found = await records(kafka.servers, TOPIC, partitions=partitions)
        ours = [
            record for record, event in zip(found, events(found), strict=True) if event["data"]["pool"] == self.pool
        ]
        told = {entry.position: entry.body for entry in await journalled(self.database, self.pool)}
        assert sorted(taken_once(ours)) == sorted(told), "I13"
        assert all(
            told[event["data"]["position"]] in record.value for record, event in zip(ours, events(ours), strict=True)
        )

    def _judge_department(self) -> None:
        """I10: every notice arrived, signed, under one id and with one body, however often."""
        ids: dict[str, set[str]] = {}
        bodies: dict[str, set[bytes]] = {}
        for one in self.department.received:
            assert one.event is not None, "a notice with a bad signature"
            ids.setdefault(f"{one.event['type']} {one.event['data']['escalation_id']}", set()).add(one.webhook_id)
            bodies.setdefault(one.webhook_id, set()).add(one.body)
        assert ids
        assert {what: found for what, found in ids.items() if len(found) > 1} == {}, "I10"
        assert {name: len(found) for name, found in bodies.items() if len(found) > 1} == {}, "I10"

    def _judge_mail(self, unsent: list[Any]) -> None:
        """A mail may come twice only under one Message-ID; a page's reply is there once, or somebody sees that nobody knows."""
        ids = Counter(_message_id(one.raw) for one in self.mails.taken if b"auto-replied" not in one.raw)
        assert len([name for name in ids if "office" not in name]) >= 2, "the answer and the department's mail"
        said = Counter(str(call.text) for call in self.graph.calls)
        assert max(said.values(), default=0) <= 1, "I2: said twice on the page"
        left = {(row["kind"], row["state"]) for row in unsent}
        assert left <= {("reply", "unknown"), ("acknowledgement", "failed")}, f"I10: {left}"
        assert said or left, "I10: the reply on the page neither left nor is seen"


def _message_id(raw: bytes) -> str:
    line = next(one for one in raw.split(b"\r\n") if one.lower().startswith(b"message-id:"))
    return line.decode("latin-1").partition(":")[2].strip()


def _page_body() -> bytes:
    entry: Document = {"id": fake_graph.PAGE_ID, "time": 1795336000000, "messaging": [a_message("Thẻ", "m_e1", PERSON)]}
    return json.dumps({"object": "page", "entry": [entry]}).encode()


def _signature_of(body: bytes) -> str:
    """As Meta signs a body."""
    return f"sha256={hex_digest(APP_SECRET.encode(), body)}"


def at_first_unwell(number: int, _request: Received) -> Behaviour:
    """A department that is not there at the first notice."""
    return answers(503, "Retry-After: 1") if number == 1 else OK


@asynccontextmanager
async def a_walk(
    dsn: str, point: str = "", faults: Faults | None = None, kafka: Cluster | None = None
) -> AsyncIterator[Walk]:
    """A service on that database, armed and not started yet. With ``faults`` each way between it and the others has a proxy that has them.

    With ``kafka`` it has a pool of its own there, and relays its journal.
    """
    pool = fresh("p") if kafka is not None else "main"
    async with (
        AsyncExitStack() as stack,
        PatientSwitch().running() as switch,
        fake_graph.serving() as graph,
        FakeDepartment(behave=at_first_unwell).running() as department,
        relay() as mails,
    ):
        assert isinstance(switch, PatientSwitch)
        smtp_port = free_port()
        ways: dict[str, FaultProxy] = {}

        async def way(name: str, url: str) -> str:
            """The address by way of a proxy, if there are to be any."""
            parts = urlsplit(url)
            if faults is None:
                return url
            proxy = await stack.enter_async_context(a_proxy(("127.0.0.1", parts.port or 0)))
            proxy.faults, ways[name] = faults, proxy
            return urlunsplit(parts._replace(netloc=f"127.0.0.1:{proxy.port}"))

        service = Process(
            make_folder("ccc-crash-"),
            the_catalogue(
                await way("switch", switch.control_url),
                None,
                await way("page", graph.base_url),
                await way("department", department.url),
            ),
            CCC_DATABASE_URL=dsn,
            CCC_SECRET_HOTLINE=SECRET,
            CCC_SECRET_D_HI=DEPARTMENT_SECRET,
            CCC_SECRET_PAGE=APP_SECRET,
            CCC_SECRET_PAGE_TOKEN=TOKEN,
            CCC_SMTP_PORT=str(smtp_port),
            CCC_MAIL_RELAY=await way("relay", f"smtp://127.0.0.1:{mails.port}?tls=none"),
            CCC_MAIL_FROM="no-reply@example.org",
            CCC_DEPARTMENT_LOOPBACK="true",
            CCC_OUTCOME_WAIT_S="1.5" if point.startswith(Site.WITHDRAW) else "5",
            CCC_POOL=pool,
            CCC_KAFKA_SERVERS="" if kafka is None else reached(kafka).servers,
        )
        await way("client", service.url)
        switch.connect(service.url)
        database = await Database.open(dsn, name="walk")
        try:
            yield Walk(
                service, database, switch, graph, department, mails, smtp_port, point, ways=ways, pool=pool, kafka=kafka
            )
        finally:
            switch.over.set()
            await service.close()
            await database.close()
        shutil.rmtree(service.folder, ignore_errors=True)  # after a failure it stays: its log says why
