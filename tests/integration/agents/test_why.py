"""Why a contact waits or was offered, and why an agent is not offered it: each answer against a count made the long way (R-13)."""

from typing import Any, Literal

import httpx
import msgspec

from ccc_router.events.vocabulary import ContactState, Role
from ccc_router.kernel.clock import SystemClock, format_local, from_ms, local, parse_utc
from ccc_router.routing.calendar import is_open
from ccc_router.routing.policy import Calendar, Capacity, Catalogue, Interval, Queue, Requirement, RequirementStep
from ccc_router.storage.database import Database
from tests.support.builders import CHANNELS, a_catalogue, an_agent, text
from tests.support.service import Service, a_service
from tests.support.waiting import eventually
from tests.support.working import accept_next, next_offer, ready
from tests.support.world import eligible

Answer = dict[str, Any]


def two(*steps: RequirementStep, card: int = 2, **cards: Any) -> Catalogue:
    """``an`` (card 3) and ``binh`` (card 1), one chat at a time each; ``cards`` asks for ``card`` of card."""
    one_chat = Capacity({"phone": 1, "portal": 1, "email": 1}, 100)
    queues = (
        Queue("general", text("Chung"), (Requirement("vi"),), CHANNELS),
        Queue("cards", text("Thẻ"), (Requirement("card", card),), CHANNELS, steps=steps, **cards),
    )
    agents = (
        an_agent("an", capacity=one_chat),
        an_agent("binh", capacity=one_chat, skills={"vi": 5, "card": 1}),
    )
    return msgspec.structs.replace(a_catalogue(), queues=queues, agents=agents)


async def why(client: httpx.AsyncClient, contact_id: str) -> Answer:
    """The answer, as JSON."""
    answer = await client.get(f"/v1/contacts/{contact_id}/why")
    assert answer.status_code == 200, answer.text
    found: Answer = answer.json()
    return found


async def why_not(client: httpx.AsyncClient, agent: str, contact_id: str) -> Answer:
    """The answer for one agent, as JSON."""
    answer = await client.get(f"/v1/agents/{agent}/why-not", params={"contact": contact_id})
    assert answer.status_code == 200, answer.text
    found: Answer = answer.json()
    return found


async def waits(service: Service, contact_id: str) -> None:
    """Return once the contact waits, in the tables and in memory, and nothing is left to decide."""
    await in_state(service, contact_id, ContactState.QUEUED)
    await service.spine.empty()


async def in_state(service: Service, contact_id: str, state: ContactState) -> None:
    """Return once the tables say so."""

    async def there() -> bool:
        contact = await service.room.contacts.contact(contact_id)
        return contact is not None and contact.state is state

    await eventually(there, what=f"the contact to be {state}")


async def check_waiting(service: Service, lead: httpx.AsyncClient, contact_id: str) -> Answer:
    """The whole answer for a waiting contact, against the engine's memory looked at person by person."""
    answer = await why(lead, contact_id)
    state = service.spine.state
    contact = state.contacts[contact_id]
    waiting: Answer = answer["waiting"]
    could = [name for name in sorted(state.book.agents) if eligible(state, contact, name)]
    assert waiting["eligible"] == len(could) == 0, "I8: nobody who could take it is idle"
    needs = dict(state.book.needs(contact.queue, contact.language, contact.step))
    able = [
        name
        for name, profile in sorted(state.book.agents.items())
        if any(one.queue == contact.queue for one in profile.profiles)
        and all(profile.skills.get(skill, 0) >= level for skill, level in needs.items())
    ]
    if not contact.reserved_for:
        assert (waiting["able"], waiting["able_agents"]) == (len(able), able)
    ahead = [
        (one.rank, one.id)
        for one in state.contacts.values()
        if one.queue == contact.queue and one.state is ContactState.QUEUED and not one.reserved_for
        if (one.rank, one.id) < (contact.rank, contact.id)
    ]
    assert (waiting["ahead"], waiting["before"]) == (len(ahead), [name for _, name in sorted(ahead)][:5])
    named = {name for stop in waiting["stops"] for name in stop["named"]}
    assert named == set(state.book.agents)
    for name in state.book.agents:
        single = await why_not(lead, name, contact_id)
        assert not single["eligible"]
        groups = sorted(stop["code"] for stop in waiting["stops"] if name in stop["named"])
        assert sorted(one["code"] for one in single["reasons"]) == groups
    for stop in waiting["stops"]:
        assert stop["agents"] == len(stop["named"])
        assert stop["text"]["vi"]
        assert stop["text"]["en"]
    return answer


def codes(answer: Answer) -> dict[str, list[str]]:
    """Who is stopped by what."""
    return {stop["code"]: stop["named"] for stop in answer["waiting"]["stops"]}


async def test_waiting_with_no_agent_able(database: Database) -> None:
    async with a_service(database, two(card=5)) as service:
        lead = service.client(Role.SUPERVISOR, "mai")
        for name in ("an", "binh"):
            await ready(service.client(Role.AGENT, name))
        both = [await service.write(queue="cards"), await service.write(queue="cards")]
        for one in both:
            await waits(service, one)
        rank = {one: service.spine.state.contacts[one].rank for one in both}
        first, contact_id = sorted(both, key=lambda one: (rank[one], one))  # they may have come in one millisecond
        answer = await check_waiting(service, lead, contact_id)
        assert codes(answer) == {"skill": ["an", "binh"]}
        assert answer["waiting"]["before"] == [first]
        assert answer["waiting"]["next_step"] is None
        assert "Không có nhân viên nào đủ khả năng." in answer["text"]["vi"]
        single = await why_not(lead, "an", contact_id)
        assert single["reasons"][0]["values"] == {"skill": "card", "needed": 5, "has": 3}
        assert single["text"]["vi"] == "an: chưa đủ kỹ năng card mức 5."


async def test_waiting_while_those_who_are_able_are_busy(database: Database) -> None:
    async with a_service(database, two()) as service:
        lead, an, binh = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        await ready(an)
        mine = await service.write(queue="cards")
        await accept_next(an)
        await binh.put("/v1/agents/me/presence", json={"state": "not_ready", "reason": "lunch"})
        contact_id = await service.write(queue="cards")
        await waits(service, contact_id)
        answer = await check_waiting(service, lead, contact_id)
        assert codes(answer) == {"channel_full": ["an"], "presence": ["binh"], "skill": ["binh"]}
        assert {stop["code"]: stop["only"] for stop in answer["waiting"]["stops"]} == {
            "channel_full": 1,
            "presence": 0,
            "skill": 0,
        }
        assert "1 nhân viên đủ khả năng, hiện chưa ai nhận được." in answer["text"]["vi"]
        lunch = (await why_not(lead, "binh", contact_id))["reasons"][0]
        assert (lunch["values"], lunch["text"]["en"]) == (
            {"presence": "not_ready", "reason": "lunch"},
            "not ready (lunch)",
        )
        his = await why_not(lead, "binh", mine)
        assert his["reasons"][0]["code"] == "not_waiting"


async def test_waiting_while_its_queue_is_at_its_limit(database: Database) -> None:
    """One agent is free and able, but the queue may have only one chat in hand; the answer counts what the tables say."""
    async with a_service(database, two(card=1, max_active={"portal": 1})) as service:
        lead, an, binh = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        await ready(an)
        await service.write(queue="cards")
        held = (await accept_next(an))["contact_id"]
        await ready(binh)
        contact_id = await service.write(queue="cards")
        await waits(service, contact_id)
        answer = await check_waiting(service, lead, contact_id)
        assert codes(answer) == {"queue_at_limit": ["an", "binh"], "channel_full": ["an"]}
        [stopped] = (await why_not(lead, "binh", contact_id))["reasons"]
        assert stopped["values"] == {"queue": "cards", "channel": "portal", "active": 1, "limit": 1}
        assert stopped["text"]["vi"] == "hàng đợi Thẻ đã có đủ 1 lượt kênh portal đang xử lý"
        newer = await service.write(queue="general")
        assert (await next_offer(binh))["contact_id"] == newer
        [overtook] = (await why(lead, newer))["overtook"]
        assert (overtook["contact_id"], overtook["reason"]) == (contact_id, "queue_at_limit")
        await an.post(f"/v1/contacts/{held}/complete", json={"disposition": "answered"})
        assert (await next_offer(an))["contact_id"] == contact_id


def map_agents(service: Service) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """The clients of `an` and `binh`."""
    return service.client(Role.AGENT, "an"), service.client(Role.AGENT, "binh")


async def test_offered_among_several_and_names_only_for_those_who_may_know(database: Database) -> None:
    async with a_service(database, two(card=1)) as service:
        lead, an, binh = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        await ready(an)
        await ready(binh)
        contact_id = await service.write(queue="cards")
        await in_state(service, contact_id, ContactState.OFFERED)
        state = service.spine.state
        chosen = state.offers[state.contacts[contact_id].offer_id].agent_id
        other = "binh" if chosen == "an" else "an"
        answer = await why(lead, contact_id)
        assert (answer["agent"], answer["runner_up"], answer["eligible"]) == (chosen, other, 2)
        assert (answer["waiting"], answer["overtook"], answer["step"]) == (None, [], 0)
        assert answer["won"][-1] == chosen
        assert answer["text"]["vi"].startswith(f"Đang được mời cho {chosen}.")
        own, their = (an, binh) if chosen == "an" else (binh, an)
        seen = await why(own, contact_id)
        assert (seen["agent"], seen["runner_up"]) == (chosen, "")
        assert (await their.get(f"/v1/contacts/{contact_id}/why")).status_code == 404
        offer = await next_offer(own)
        await own.post(f"/v1/offers/{offer['offer_id']}/decline", json={"reason": "busy"})
        assert (await next_offer(their))["contact_id"] == contact_id
        again = await why(their, contact_id)
        assert again["agent"] == other


async def test_overtaken_by_a_contact_that_somebody_could_take(database: Database) -> None:
    async with a_service(database, two(card=5)) as service:
        lead, an, _ = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        contact_id = await service.write(queue="cards")
        await waits(service, contact_id)
        behind = await service.write(queue="cards")
        await waits(service, behind)
        await ready(an)
        taken = await service.write(queue="general")
        offer = await next_offer(an)
        assert offer["contact_id"] == taken
        [overtook] = (await why(lead, taken))["overtook"]
        assert (overtook["contact_id"], overtook["reason"]) == (contact_id, "skill")
        assert overtook["rank"] == service.spine.state.contacts[contact_id].rank
        assert [one["contact_id"] for one in (await why(an, taken))["overtook"]] == [""], (
            "no other contacts for an agent"
        )
        answer = await check_waiting(service, lead, contact_id)
        assert answer["waiting"]["passed_by"] == [], "of another queue"


async def test_passed_by_a_contact_of_its_own_queue(database: Database) -> None:
    """The English one waits for somebody who speaks it, and who came later is handled."""
    async with a_service(database, two()) as service:
        lead, an, _ = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        contact_id = await service.write(queue="cards", language="en")
        await waits(service, contact_id)
        await ready(an)
        taken = await service.write(queue="cards")
        await accept_next(an)
        answer = await check_waiting(service, lead, contact_id)
        [passed] = answer["waiting"]["passed_by"]
        assert (passed["contact_id"], passed["agent"], passed["reason"]) == (taken, "an", "skill")


async def test_kept_for_the_agent_who_knows_the_case(database: Database) -> None:
    """R-26: a queue with limits, and for the customer his place and an expected wait with an interval, on every channel."""
    async with a_service(database, two(card=1)) as service:
        lead, an, binh = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        await ready(an)
        await service.write(queue="cards", sender="lan")
        known = (await accept_next(an))["contact_id"]
        done = await an.post(f"/v1/contacts/{known}/complete", json={"disposition": "answered"})
        assert done.status_code == 200
        await service.write(queue="cards")
        await accept_next(an)
        await ready(binh)
        contact_id = await service.write(queue="cards", sender="lan")
        await waits(service, contact_id)
        answer = await check_waiting(service, lead, contact_id)
        assert answer["waiting"]["reserved_for"] == "an"
        kept = service.spine.state.contacts[contact_id]
        assert parse_utc(answer["waiting"]["reserved_until"]) == from_ms(kept.reserved_until)
        assert codes(answer) == {"channel_full": ["an"], "reserved": ["binh"]}
        assert "Đang dành cho một nhân viên" in answer["text"]["vi"]
        await service.write(queue="cards")
        await accept_next(binh)
        behind = await service.write(queue="cards")
        await waits(service, behind)
        last = await check_waiting(service, lead, behind)
        assert last["waiting"]["ahead"] == 0, "what is kept for one agent is in nobody's way"


async def test_after_a_step_it_is_offered_to_whom_the_step_let_in(database: Database) -> None:
    step = RequirementStep(2, (Requirement("card", 1),))
    async with a_service(database, two(step)) as service:
        lead, _, binh = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        await ready(binh)
        contact_id = await service.write(queue="cards")
        await waits(service, contact_id)
        contact = service.spine.state.contacts[contact_id]
        single = await why_not(lead, "binh", contact_id)
        at = contact.state_since + 2000
        assert single["reasons"][0]["values"] == {"skill": "card", "needed": 2, "has": 1, "step": 1, "at": at}
        answer = await check_waiting(service, lead, contact_id)
        assert answer["waiting"]["next_step"]["needs"] == {"card": 1, "vi": 1}
        assert parse_utc(answer["waiting"]["next_step"]["at"]) == from_ms(at)
        assert (await next_offer(binh))["contact_id"] == contact_id
        after = await why(lead, contact_id)
        assert (after["step"], after["agent"], after["eligible"]) == (1, "binh", 1)
        target = from_ms(contact.arrived_at + 1000 * two().queues[1].service_level.seconds)
        assert parse_utc(answer["target_at"]) == parse_utc(after["target_at"]) == target
        assert parse_utc((await next_offer(binh))["target_at"]) == target


async def test_who_may_ask_about_whom(database: Database) -> None:
    """An agent asks for himself, about what he may see; everything else is 404 to him, and an unknown agent to everybody."""
    async with a_service(database, two()) as service:
        lead, an, _ = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        await ready(an)
        mine = await service.write(queue="cards")
        await accept_next(an)
        other = await service.write(queue="cards")
        await waits(service, other)
        assert (await why_not(an, "an", mine))["reasons"][0]["code"] == "not_waiting"
        for agent, contact_id, client in (("binh", mine, an), ("an", other, an), ("nobody", mine, lead)):
            answer = await client.get(f"/v1/agents/{agent}/why-not", params={"contact": contact_id})
            assert answer.status_code == 404, (agent, contact_id)
        assert (await lead.get("/v1/agents/an/why-not", params={"contact": "ct_none"})).status_code == 404
        assert (await lead.get("/v1/agents/an/why-not")).status_code == 422


async def test_during_closed_hours_the_queue_stops_every_agent_until_it_opens(database: Database) -> None:
    """Whoever is ready and able: what stops them all is the door, and the answer says since when and until when."""
    async with a_service(database, closed_now("wait")) as service:
        lead, an, binh = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        await ready(an)
        await ready(binh)
        contact_id = await service.write(queue="cards")
        await waits(service, contact_id)
        answer = await check_waiting(service, lead, contact_id)
        assert codes(answer) == {"queue_closed": ["an", "binh"], "skill": ["binh"]}
        row = service.spine.state.doors.rows["cards"]
        calendar = service.spine.state.book.hours("cards", "portal")
        assert calendar is not None
        opens_at = next(at for at in minutes(service.spine.state.now) if is_open(calendar, at))
        closed = answer["waiting"]["closed"]
        assert parse_utc(closed["since"]) == from_ms(row.closed["portal"])
        assert parse_utc(closed["opens_at"]) == from_ms(opens_at)
        assert f"Hàng đợi đang đóng cửa, mở lại lúc {format_local(opens_at)}." in answer["text"]["vi"]
        single = await why_not(lead, "an", contact_id)
        assert single["text"]["en"].startswith("an: the queue Thẻ is closed since ")
        assert single["text"]["en"].endswith(f", opens at {format_local(opens_at)}.")
        moved = await lead.post(f"/v1/contacts/{contact_id}/assign", json={"agent": "binh", "reason": "urgent"})
        assert moved.status_code == 200
        assert (await next_offer(binh))["contact_id"] == contact_id, "a person's decision waits for no opening"


async def test_after_overflow_it_says_from_where_when_and_why(database: Database) -> None:
    async with a_service(database, closed_now("overflow")) as service:
        lead, an, _ = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        contact_id = await service.write(queue="cards")
        await waits(service, contact_id)
        answer = await check_waiting(service, lead, contact_id)
        [move] = answer["overflowed_from"]
        contact = service.spine.state.contacts[contact_id]
        assert (move["from_queue"], move["queue"], move["reason"]) == ("cards", "general", "closed")
        assert (contact.queue, contact.overflowed) == ("general", ("cards", "general"))
        assert parse_utc(move["at"]) == from_ms(contact.queue_since)
        said = f"Chuyển từ hàng đợi Thẻ lúc {format_local(contact.queue_since)} vì hàng đợi đó đóng cửa."
        assert move["text"]["vi"] == said
        assert said in answer["text"]["vi"]
        assert (answer["queue"], answer["waiting"]["closed"]) == ("general", None)
        await ready(an)
        assert (await next_offer(an))["contact_id"] == contact_id
        assert said in (await why(an, contact_id))["text"]["vi"], "also once it is offered"


def closed_now(when_closed: Literal["wait", "overflow"]) -> Catalogue:
    """`two`, whose queue ``cards`` is closed today and tomorrow, whatever the hour of the test."""
    made = two()
    open_on = (local(SystemClock().now_ms()).weekday() + 3) % 7
    general, cards = made.queues
    cards = msgspec.structs.replace(
        cards, hours={"default": "far"}, when_closed={"default": when_closed}, overflow="general"
    )
    calendar = Calendar("far", (Interval(open_on, 480, 720),))
    return msgspec.structs.replace(made, queues=(general, cards), calendars=(*made.calendars, calendar))


def minutes(start: int) -> range:
    """The full minutes (ms) of the week after ``start``."""
    return range(start - start % 60_000 + 60_000, start + 7 * 86_400_000, 60_000)


async def test_r7_what_was_taken_and_not_begun_says_until_when_and_comes_back_with_its_rank(database: Database) -> None:
    async with a_service(database, two(card=1, first_action_s={"portal": 1})) as service:
        lead, an, binh = service.client(Role.SUPERVISOR, "mai"), *map_agents(service)
        await ready(an)
        contact_id = await service.write(queue="cards")
        taken = await accept_next(an)
        assert taken["begin_by"]
        rank = service.spine.state.contacts[contact_id].rank
        await ready(binh)
        offer = await next_offer(binh)
        assert (offer["contact_id"], offer["reason"]) == (contact_id, "not_begun")
        assert offer["why"]["vi"].startswith("Người trước nhận nhưng chưa bắt đầu xử lý, giữ nguyên thứ tự")
        assert (await why(lead, contact_id))["rank"] == rank
        late = await an.post(f"/v1/contacts/{contact_id}/messages", json={"text": "Dạ"})
        assert (late.status_code, late.json()["code"]) == (409, "not_yours")
        mine = await an.get("/v1/agents/me/work")
        assert mine.json()["contacts"] == []


async def test_r7_a_draft_shows_that_it_is_begun(database: Database) -> None:
    async with a_service(database, two(first_action_s={"default": 3600})) as service:
        lead, an = service.client(Role.SUPERVISOR, "mai"), service.client(Role.AGENT, "an")
        await ready(an)
        contact_id = await service.write(queue="cards")
        by = parse_utc((await accept_next(an))["begin_by"])
        at = service.spine.state.contacts[contact_id].ends_at
        assert from_ms(at) == by
        text = (await why(lead, contact_id))["text"]
        assert "an took it and has not begun" in text["en"]
        assert "an đã nhận nhưng chưa bắt đầu xử lý" in text["vi"]
        await an.put(f"/v1/contacts/{contact_id}/draft", json={"text": "  "})
        assert service.spine.state.contacts[contact_id].ends_at == at, "nothing is written yet"
        for words in ("Dạ", "Dạ, em kiểm tra"):
            await an.put(f"/v1/contacts/{contact_id}/draft", json={"text": words})

        async def begun() -> bool:
            return (await an.get(f"/v1/contacts/{contact_id}")).json()["begin_by"] is None

        await eventually(begun, what="the draft to count")
        assert "It is handled by an." in (await why(lead, contact_id))["text"]["en"]
        items = (await lead.get("/v1/journal", params={"pool": "main", "after": 0, "limit": 200})).json()["items"]
        assert [one["kind"] for one in items].count("DraftKept") == 1, "one draft is enough"
