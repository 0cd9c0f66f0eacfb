"""What people see of a contact that was handed over: agents and supervisors of both pools, and the visitor of a portal (R-13)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from ccc_router.channels.outgoing import PostgresOutbox
from ccc_router.channels.portal.sender import PortalSender
from ccc_router.channels.portal.tickets import Tickets
from ccc_router.channels.replies import Replies
from ccc_router.events.commands import AcceptOffer, SendMessage
from ccc_router.events.facts import Private
from ccc_router.events.vocabulary import Channel, DeliveryKind, Role, Visibility
from ccc_router.kernel.tasks import Supervisor
from ccc_router.routing.policy import Catalogue, OverflowRule
from ccc_router.storage.database import Database
from ccc_router.workers.deliver import Deliver, Way
from ccc_router.workers.schedules import CUSTOMERS
from tests.support.fake_graph import serving
from tests.support.pools import HELP, help_catalogue, home_catalogue
from tests.support.reception import Reception, receiving
from tests.support.service import Service, a_service
from tests.support.spine import Spine, running
from tests.support.waiting import eventually, until

ONE_WAITS = OverflowRule("cards", length_over=1, pool=HELP)


def sharing() -> Catalogue:
    """What the second pool has in force: it shares the endpoints of `main`."""
    return help_catalogue(pool="main")


@contextlib.asynccontextmanager
async def both(database: Database) -> AsyncIterator[tuple[Service, Service]]:
    """The service of `main`, where a second waiting contact is handed over, and that of the pool that helps."""
    async with (
        a_service(database, home_catalogue(ONE_WAITS)) as home,
        a_service(database, sharing(), pool=HELP) as helper,
    ):
        home.spine.observers.handed.append(lambda _pool: helper.spine.loop.wake())
        yield home, helper


async def test_r13_both_pools_say_where_it_is_and_why(database: Database) -> None:
    """In Vietnamese and English; the state says so, and so does the timeline."""
    async with both(database) as (home, helper):
        await home.write()
        contact_id = await home.write()
        lead, theirs = home.client(Role.SUPERVISOR, "mai"), helper.client(Role.SUPERVISOR, "nam")
        await until(lambda: contact_id in helper.spine.state.contacts, what="the contact to be taken")
        here = (await lead.get(f"/v1/contacts/{contact_id}")).json()
        assert (here["state"], here["handed_over"]) == ("handed_over", {"pool": HELP, "queue": "cards"})
        why = (await lead.get(f"/v1/contacts/{contact_id}/why")).json()["text"]
        assert "handed over to the pool danang, queue cards" in why["en"]
        assert "too many waited before it in the queue General" in why["en"]
        assert "Đã chuyển giao cho cụm danang, hàng đợi cards" in why["vi"]
        assert "có quá nhiều lượt chờ trước" in why["vi"]
        timeline = (await lead.get(f"/v1/contacts/{contact_id}/timeline")).json()["items"]
        assert [(one["event"], one["detail"]) for one in timeline][-1] == ("ContactHandedOver", HELP)
        case = (await lead.get(f"/v1/cases/{here['case_id']}")).json()
        assert (case["state"], case["handed_over"]["pool"]) == ("closed", HELP)
        listed = (await lead.get("/v1/contacts", params={"state": "handed_over"})).json()["items"]
        assert [one["contact_id"] for one in listed] == [contact_id]
        refused = await lead.patch(f"/v1/cases/{here['case_id']}", json={"priority": 1})
        assert (refused.status_code, refused.json()["code"]) == (409, "handed_over")
        there = (await theirs.get(f"/v1/contacts/{contact_id}")).json()
        assert (there["state"], there["from_pool"], there["reference"]) == ("queued", "main", here["reference"])
        assert there["arrived_at"] == here["arrived_at"]
        why = (await theirs.get(f"/v1/contacts/{contact_id}/why")).json()["text"]
        assert "The pool main handed it over, and it kept its place" in why["en"]
        assert "Do cụm main chuyển giao, giữ nguyên thứ tự" in why["vi"]
        an = helper.client(Role.AGENT, "an")
        await an.put("/v1/agents/me/presence", json={"state": "ready"})
        offer = (await an.post("/v1/agents/me/work/next")).json()
        assert (offer["contact_id"], offer["from_pool"], offer["customer"]["name"]) == (
            contact_id,
            "main",
            "Nguyễn Văn Ân",
        )
        assert (await an.post(f"/v1/offers/{offer['offer_id']}/accept")).status_code == 200
        said = (await an.get(f"/v1/contacts/{contact_id}/timeline")).json()["items"]
        assert [one["text"] for one in said if one["kind"] == "message"] == ["Xin hỏi về thẻ BHYT"]


async def test_a_catalogue_that_breaks_what_pools_rely_on_is_refused_with_its_path(database: Database) -> None:
    """422 in the pool that hands over, and in the one that something is handed to."""
    async with both(database) as (home, helper):
        root, theirs = home.client(Role.ADMIN, "root"), helper.client(Role.ADMIN, "root")
        document = (await root.get("/v1/catalog")).json()
        document["queues"][0]["overflow_when"] = [
            {"to": "cards", "pool": "hue", "length_over": 1}, {"to": "gone", "pool": HELP, "length_over": 1},
        ]  # fmt: skip
        refused = await root.put("/v1/catalog", json=document, headers={"If-Match": "*"})
        assert refused.status_code == 422
        assert [(one["pointer"], one["code"]) for one in refused.json()["errors"]] == [
            ("/queues/0/overflow_when/0/pool", "unknown_pool"), ("/queues/0/overflow_when/1/to", "unknown_queue"),
        ]  # fmt: skip
        without = msgspec.to_builtins(sharing())
        without["endpoints"] = [one for one in without["endpoints"] if one["id"] != "portal"]
        refused = await theirs.put("/v1/catalog", json=without, headers={"If-Match": "*"})
        assert [(one["pointer"], one["code"]) for one in refused.json()["errors"]] == [("/endpoints", "in_use")]


@contextlib.asynccontextmanager
async def a_portal(database: Database) -> AsyncIterator[tuple[Reception, Spine]]:
    """The portal of `main` with its visitors, and the spine and senders of the pool that helps."""
    async with serving() as graph, receiving(database, graph) as reception:
        home = reception.spine
        general, cards = (home.current.queue(one) for one in ("general", "cards"))
        assert general is not None
        assert cards is not None
        assert home.current.catalogue is not None
        rules = msgspec.structs.replace(
            home.current.catalogue, version=2, queues=(msgspec.structs.replace(general, overflow_when=(ONE_WAITS,)), cards)
        )  # fmt: skip
        async with running(database, HELP, help_catalogue(rules, "main")) as helper:
            await home.activate(rules)
            home.observers.handed.append(lambda _pool: helper.loop.wake())
            sender = PortalSender(
                PostgresOutbox(database), Tickets(database, HELP), reception.streams.hear, helper.current
            )
            way = Way(Replies(helper.current, {Channel.PORTAL: sender}), CUSTOMERS, interval_s=0.02)
            sending = Deliver(
                database, HELP, helper.clock, {DeliveryKind.REPLY: way}, reported=lambda _pool: helper.loop.wake()
            )
            supervisor = Supervisor(helper.clock)
            for loop in sending.loops.values():
                supervisor.add(loop)
            try:
                yield reception, helper
            finally:
                await sending.close(drain_s=0)
                await supervisor.stop(1)


async def test_the_visitors_ticket_goes_on_working(database: Database) -> None:
    """He reads what the other pool's agent answers, writes on, and sees how the case stands; a callback he is told he cannot have here."""
    async with a_portal(database) as (reception, helper):
        http = reception.http
        assert (await http.post("/portal/portal/contacts", json={"text": "Người khác."})).status_code == 201
        await until(lambda: len(reception.spine.state.contacts) == 1, what="the first contact")
        ticket = (await http.post("/portal/portal/contacts", json={"text": "Thẻ của tôi đâu?"})).json()
        bearer = {"Authorization": f"Bearer {ticket['token']}"}
        where = f"/portal/portal/contacts/{ticket['reference']}"
        contact_id = ticket["contact_id"]
        await until(lambda: contact_id in helper.state.contacts, what="the contact to be taken")

        async def taken() -> bool:
            read = (await http.get(where, headers=bearer)).json()
            assert read["state"] in ("received", "open"), "never closed, whatever it is in the first pool"
            assert [one["text"] for one in read["messages"]] == ["Thẻ của tôi đâu?"]
            return (read["state"], read["waiting"]) == ("open", None)

        await eventually(taken, what="the case to be open in the other pool")
        await helper.ready("an")
        await until(lambda: helper.state.contacts[contact_id].offer_id != "", what="the offer")
        accept = AcceptOffer(actor="an", actor_role=Role.AGENT, offer_id=helper.state.contacts[contact_id].offer_id)
        assert (await helper.ask(accept)).status == 200
        answer = SendMessage(
            actor="an", actor_role=Role.AGENT, contact_id=contact_id, message_id="ms_answer", visibility=Visibility.PRIVATE,
            private=Private(text="Thẻ đã gửi hôm qua."),
        )  # fmt: skip
        assert (await helper.ask(answer)).status == 200
        await reception.delivered("ms_answer", "sent")
        wrote = await http.post(f"{where}/messages", json={"text": "Cảm ơn!"}, headers=bearer)
        assert wrote.status_code == 202
        await until(lambda: helper.state.contacts[contact_id].messages == 3, what="the visitor's second message")

        async def whole() -> bool:
            shown = (await http.get(where, headers=bearer)).json()["messages"]
            return [one["text"] for one in shown] == ["Thẻ của tôi đâu?", "Thẻ đã gửi hôm qua.", "Cảm ơn!"]

        await eventually(whole, what="the whole conversation at the portal")
        refused = await http.post(f"{where}/callback", json={"phone": "0900000001"}, headers=bearer)
        assert (refused.status_code, refused.json()["code"]) == (409, "handed_over")
        assert await reception.spine.database.pool.fetchval("SELECT count(*) FROM delivery WHERE pool = 'main'") == 0
        row = await reception.tickets.by_reference("portal", ticket["reference"])
        assert row is not None
        async with asyncio.timeout(30):
            async for chunk in reception.streams.follow(row, 1):
                if "Thẻ đã gửi" in chunk.decode():
                    break
