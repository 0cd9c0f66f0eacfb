"""A catalogue is read and checked as a whole: every fault is listed with its path, and nothing else is."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ccc_router.queues.catalogue import Current, as_document, demo_document, faults_of, parse
from ccc_router.routing.policy import Catalogue
from tests.support.builders import a_catalogue, a_document, an_agent
from tests.support.holidays_vn import vietnam_days


def found(document: dict[str, Any]) -> list[tuple[str, str]]:
    """(path, code) of every fault."""
    parsed = parse(document)
    faults = faults_of(parsed) if isinstance(parsed, Catalogue) else parsed
    return [(fault.path, fault.code) for fault in faults]


def changed(path: str, value: object) -> dict[str, Any]:
    """The small catalogue's document with one value replaced; the path is a JSON pointer."""
    document = a_document()
    *parents, last = path.strip("/").split("/")
    place: Any = document
    for part in parents:
        place = place[int(part)] if isinstance(place, list | tuple) else place[part]
    place[int(last) if isinstance(place, list) else last] = value
    return document


def test_the_small_catalogue_has_no_fault() -> None:
    assert faults_of(a_catalogue()) == []
    assert parse(as_document(a_catalogue())) == a_catalogue()


def test_the_demo_catalogue_has_no_fault_and_the_twelve_queues() -> None:
    """The same validator that guards a person's catalogue guards ours."""
    demo = parse(demo_document())
    assert isinstance(demo, Catalogue)
    assert faults_of(demo) == []
    assert len(demo.queues) == 12
    assert len(demo.agents) == 24
    assert len([one for one in demo.departments if one.id.startswith("province-")]) == 34
    assert sum(topic.share_permille for topic in demo.topics) == 1000


def test_the_demo_calendar_has_the_public_holidays_of_vietnam() -> None:
    """Seeded through the library that knows the lunar year; 2026-02-17 is the first day of Tết."""
    demo = parse(demo_document())
    assert isinstance(demo, Catalogue)
    [calendar] = [one for one in demo.calendars if one.id == "office-hours"]
    assert {"2026-02-17", "2027-02-06", "2028-01-26"} <= set(calendar.holidays)
    assert (calendar.holidays, calendar.make_up_days) == vietnam_days(range(2026, 2029))


@pytest.mark.parametrize(
    ("path", "value", "faults"),
    [
        ("/queues/0/id", "Tổng hợp", {("/queues/0/id", "bad_id")}),
        ("/queues/1/overflow", "nowhere", {("/queues/1/overflow", "unknown_queue")}),
        ("/queues/1/overflow", "cards", {("/queues/1/overflow", "unknown_queue")}),
        ("/queues/1/allowance_calendar", {"email": "never", "telegraph": "office-hours"}, {
            ("/queues/1/allowance_calendar/email", "unknown_calendar"),
            ("/queues/1/allowance_calendar/telegraph", "unknown_channel")}),
        ("/queues/1/max_waiting", {"phone": -1, "telegraph": 3}, {
            ("/queues/1/max_waiting/phone", "out_of_range"), ("/queues/1/max_waiting/telegraph", "unknown_channel")}),
        ("/queues/1/max_active", {"phone": 0, "telegraph": 3}, {
            ("/queues/1/max_active/phone", "out_of_range"), ("/queues/1/max_active/telegraph", "unknown_channel")}),
        ("/queues/1/preferred", ["an", "an", "nobody"], {
            ("/queues/1/preferred/1", "duplicate"), ("/queues/1/preferred/2", "unknown_agent"),
            ("/queues/1/prefer_s", "out_of_range")}),
        ("/queues/0/prefer_s", 5, {("/queues/0/prefer_s", "out_of_range")}),
        ("/queues/1/overflow_when", [{"to": "cards", "length_over": 1}, {"to": "general", "length_over": -1}, {"to": "general"},
            {"to": "general", "when": ["closed", "full", "nobody"]}], {
            ("/queues/1/overflow_when/3/when", "never_holds"),
            ("/queues/1/overflow_when/0/to", "unknown_queue"), ("/queues/1/overflow_when/1", "out_of_range"),
            ("/queues/1/overflow_when/2", "out_of_range")}),
        ("/queues/1/hours", {"default": "never", "telegraph": "office-hours"}, {
            ("/queues/1/hours/default", "unknown_calendar"), ("/queues/1/hours/telegraph", "unknown_channel")}),
        ("/queues/0/when_closed", {
            "phone": "overflow", "email": "deflect", "portal": "callback_list", "telegraph": "wait"}, {
            ("/queues/0/when_closed/portal", "never_refused"),
            ("/queues/0/when_closed/phone", "no_overflow"), ("/queues/0/when_closed/email", "never_refused"),
            ("/queues/0/when_closed/telegraph", "unknown_channel")}),
        ("/queues/1/requirements/0/skill", "magic", {("/queues/1/requirements/0/skill", "unknown_skill")}),
        ("/queues/1/requirements/0/level", 6, {("/queues/1/requirements/0/level", "out_of_range")}),
        ("/queues/1/steps", [{"after_s": 20, "requirements": [{"skill": "magic"}]},
                             {"after_s": 20, "requirements": [{"skill": "vi", "level": 1}]},
                             {"after_s": 30, "requirements": [{"skill": "vi", "level": 2}]}], {
            ("/queues/1/steps/0/requirements/0/skill", "unknown_skill"),
            ("/queues/1/steps/1/after_s", "not_ascending"),
            ("/queues/1/steps/1/requirements/0", "tightens"),
            ("/queues/1/steps/2/requirements/0", "tightens")}),
        ("/queues/0/channels", ["phone", "telegraph"], {("/queues/0/channels/1", "unknown_channel")}),
        ("/queues/0/service_level", {"percent": 0}, {("/queues/0/service_level/percent", "out_of_range")}),
        ("/agents/2/skills", {"vi": 9, "tarot": 1}, {
            ("/agents/2/skills/vi", "out_of_range"), ("/agents/2/skills/tarot", "unknown_skill")}),
        ("/agents/0/profiles/1/queue", "nowhere", {("/agents/0/profiles/1/queue", "unknown_queue")}),
        ("/agents/0/capacity/total_weight", 50, {("/agents/0/capacity/channels/phone", "never_fits")}),
        ("/agents/1/phone", "1207", {("/agents/1/phone", "duplicate")}),
        ("/endpoints/0/queue", "nowhere", {("/endpoints/0/queue", "unknown_queue")}),
        ("/endpoints/1/control_url", "https://x.example", {("/endpoints/1/control_url", "bad_url")}),
        ("/departments/0/calendar", "never", {("/departments/0/calendar", "unknown_calendar")}),
        ("/departments/0/url", "http://policy.example", {("/departments/0/url", "bad_url")}),
        ("/departments/0/url", "", {("/departments/0", "unreachable")}),
        ("/departments/0/ladder", ["policy"], {("/departments/0/ladder/0", "unknown_department")}),
        ("/calendars/0/intervals", [], {("/calendars/0/intervals", "empty")}),
        ("/calendars/0/holidays", ["17/02/2026"], {("/calendars/0/holidays/0", "bad_date")}),
        ("/topics/0/queue", "nowhere", {("/topics/0/queue", "unknown_queue")}),
        ("/topics/0/priority", 9, {("/topics/0/priority", "out_of_range")}),
        ("/rules/on_top", {"phone": {"telegraph": "never"}, "telegraph": {}}, {
            ("/rules/on_top/phone/telegraph", "unknown_channel"), ("/rules/on_top/telegraph", "unknown_channel")}),
        ("/rules/on_top", {"phone": {"email": "interrupts"}, "email": {"phone": "interrupts"}}, {
            ("/rules/on_top", "circle")}),
        ("/rules/agent_order", ["load", "idle", "load"], {("/rules/agent_order/2", "duplicate")}),
        ("/rules/idle_since", "yesterday", {("/rules/idle_since", "wrong_type")}),
        ("/rules/on_top", {"phone": {"phone": "interrupts"}}, {("/rules/on_top", "circle")}),
        ("/rules/priority_credit_s", [100, 10], {("/rules/priority_credit_s", "not_ascending")}),
    ],
)  # fmt: skip
def test_a_fault_is_found_where_it_is(path: str, value: object, faults: set[tuple[str, str]]) -> None:
    """One wrong value; what follows from it may be listed too."""
    assert faults <= set(found(changed(path, value)))


def test_a_queue_that_nobody_can_serve_cannot_route() -> None:
    """Neither its own agents nor those of the queue it overflows into can take its contacts."""
    document = changed("/queues/0/requirements", [{"skill": "en", "level": 3}])
    codes = found(document)
    assert {code for _, code in codes} == {"nobody_serves"}
    assert all(path.startswith("/queues/0/channels/") for path, _ in codes)


def test_every_fault_of_the_shape_is_listed() -> None:
    """R-17: Not only the first: unknown, missing and mistyped fields, each with its path."""
    document = a_document(colour="green")
    document["queues"][0].pop("name")
    document["queues"][1]["channels"] = "phone"
    document["agents"][3]["skills"]["vi"] = "five"
    document["agents"][1]["shoe/size"] = 43
    assert found(document) == [
        ("/agents/1/shoe~1size", "unknown_field"),
        ("/agents/3/skills/vi", "wrong_type"),
        ("/colour", "unknown_field"),
        ("/queues/0/name", "missing"),
        ("/queues/1/channels", "wrong_type"),
    ]
    assert found([]) == [("", "wrong_type")]  # type: ignore[arg-type]


def test_a_queue_with_waiting_contacts_needs_a_successor() -> None:
    """R: removing it without one is refused."""
    before = a_catalogue()
    agents = tuple(an_agent(agent.id, ("general",)) for agent in before.agents)
    after = a_catalogue(2, queues=before.queues[:1], topics=())
    after = msgspec.structs.replace(after, agents=agents)
    assert [fault.code for fault in faults_of(after, previous=before, waiting={"cards": 3})] == ["needs_successor"]
    assert faults_of(after, previous=before, waiting={"cards": 3}, successors={"cards": "general"}) == []
    assert faults_of(after, previous=before, waiting={}) == []


def test_an_endpoint_with_open_contacts_cannot_go_nor_become_another() -> None:
    """Its customers wait for an answer over it; a queue has a successor, an address on a channel has none."""
    before = a_catalogue()
    without = a_catalogue(2, endpoints=before.endpoints[1:], agents=())
    other = msgspec.structs.replace(before.endpoints[3], channel="fanpage")
    renamed = a_catalogue(2, endpoints=(*before.endpoints[:3], other))

    def codes(after: Catalogue, **arrived: int) -> list[tuple[str, str]]:
        return [
            (one.path, one.code) for one in faults_of(after, previous=before, arrived=arrived) if one.code == "in_use"
        ]

    assert codes(without, hotline=2) == [("/endpoints", "in_use")]
    assert codes(without, portal=2, hotline=0) == []
    assert codes(renamed, portal=1) == [("/endpoints", "in_use")]
    assert codes(a_catalogue(2), hotline=1, portal=1) == []


@pytest.mark.parametrize(
    ("address", "aliases"), [("Care@CCC.example", ""), ("other@ccc.example", "x@ccc.example, care@ccc.example")]
)
def test_two_mailboxes_never_have_one_address(address: str, aliases: str) -> None:
    """Nobody could say whose the mail is."""
    second = {
        "id": "second",
        "channel": "email",
        "name": {"vi": "2", "en": "2"},
        "queue": "general",
        "address": address,
    }
    document = a_document()
    document["endpoints"] = [*document["endpoints"], second | {"options": {"aliases": aliases}}]
    assert found(document) == [("/endpoints/4/address", "duplicate")]
    document["endpoints"][4] |= {"address": "second@ccc.example", "options": {"aliases": "third@ccc.example"}}
    assert found(document) == []


def test_a_version_must_grow() -> None:
    assert [fault.code for fault in faults_of(a_catalogue(1), previous=a_catalogue(1))] == ["not_newer"]


def test_current_looks_up_by_id_and_takes_no_older_version() -> None:
    """Everybody but the engine reads the catalogue through it."""
    current = Current()
    versions: list[int] = []
    current.on_change(lambda catalogue: versions.append(catalogue.version))
    assert current.version == 0
    assert current.endpoint("portal") is None
    assert not current.agents_of("hotline")
    current.put(a_catalogue(2))
    current.put(a_catalogue(1))
    assert current.version == 2
    assert versions == [2]
    endpoint = current.endpoint("portal")
    assert endpoint is not None
    assert endpoint.channel == "portal"
    assert sorted(current.agents_of("hotline").values()) == ["an", "binh", "chi", "dung"]


def test_the_department_of_the_docs_is_one_a_catalogue_takes() -> None:
    """R-17: What docs/departments.md shows can be pasted: its id, its terms (urgent ones too), its ladder."""
    page = (Path(__file__).parents[3] / "docs" / "departments.md").read_text(encoding="utf-8")
    department = json.loads(page.split("```json\n")[1].split("```")[0])
    document = a_document()
    known = document["departments"][0]
    document["calendars"][0]["id"] = department["calendar"]
    above = [known | {"id": one, "calendar": department["calendar"], "ladder": []} for one in department["ladder"]]
    document["departments"] = [department, *above]
    document["topics"] = []
    for endpoint in document["endpoints"]:
        endpoint["topics"] = {}
    assert found(document) == []
