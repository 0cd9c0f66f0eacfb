"""Faults of what surrounds the queues: endpoints, departments and their ladders, calendars, topics."""

from collections.abc import Iterator
from datetime import date
from typing import Final
from urllib.parse import urlsplit

from ccc_router.queues.catalogue.document import Fault, pointer
from ccc_router.queues.catalogue.names import KINDS, unknown
from ccc_router.routing.policy import Calendar, Catalogue, Department, Topic

_MINUTES_A_DAY: Final = 24 * 60


def surrounding_faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Everything wrong with endpoints, departments, calendars and topics."""
    yield from _endpoints(catalogue)
    for at, department in enumerate(catalogue.departments):
        yield from _department(department, catalogue, pointer("departments", at))
    for at, calendar in enumerate(catalogue.calendars):
        yield from _calendar(calendar, pointer("calendars", at))
    for at, topic in enumerate(catalogue.topics):
        yield from _topic(topic, catalogue, pointer("topics", at))
    if sum(topic.share_permille for topic in catalogue.topics) > 1000:
        yield Fault("/topics", "out_of_range", "the shares of all topics are at most 1000 together")


def _endpoints(catalogue: Catalogue) -> Iterator[Fault]:
    queues = {queue.id: queue for queue in catalogue.queues}
    topics = {topic.id for topic in catalogue.topics}
    skills = {skill.id for skill in catalogue.skills}
    mailboxes: dict[str, str] = {}
    for at, endpoint in enumerate(catalogue.endpoints):
        path = pointer("endpoints", at)
        queue = queues.get(endpoint.queue)
        if queue is None:
            yield Fault(path + "/queue", "unknown_queue", f"there is no queue {endpoint.queue}")
        elif endpoint.channel not in queue.channels:
            yield Fault(path + "/queue", "wrong_channel", f"{endpoint.queue} does not serve {endpoint.channel}")
        if endpoint.language and endpoint.language not in skills:
            yield Fault(path + "/language", "unknown_skill", "a language is a skill, and there is none of that name")
        if endpoint.control_url and (endpoint.channel != "phone" or not _is_web(endpoint.control_url, private=True)):
            yield Fault(path + "/control_url", "bad_url", "call control goes from a phone endpoint to http(s)://…")
        if endpoint.channel == "email" and "@" not in endpoint.address:
            yield Fault(path + "/address", "missing", "a mailbox has an address")
        if endpoint.channel == "email":
            for address in (
                f"{endpoint.address} {endpoint.options.get('aliases', '')}".lower().replace(",", " ").split()
            ):
                if (owner := mailboxes.setdefault(address, endpoint.id)) != endpoint.id:
                    yield Fault(path + "/address", "duplicate", f"mail to {address} goes to {owner}")
        for name, topic in endpoint.topics.items():
            if topic not in topics:
                yield Fault(path + pointer("topics", name), "unknown_topic", f"there is no topic {topic}")


def _department(department: Department, catalogue: Catalogue, path: str) -> Iterator[Fault]:
    others = {one.id for one in catalogue.departments} - {department.id}
    if department.calendar not in {calendar.id for calendar in catalogue.calendars}:
        yield Fault(path + "/calendar", "unknown_calendar", f"there is no calendar {department.calendar}")
    if not department.url and "@" not in department.email:
        yield Fault(path, "unreachable", "a department needs a url or an e-mail address")
    if department.url and not _is_web(department.url, private=department.private_network):
        yield Fault(path + "/url", "bad_url", "https://…, or http:// within the private network")
    for kind, deadline in department.deadlines.items():
        here = path + pointer("deadlines", kind)
        if kind not in KINDS | {"default", "urgent"}:
            yield Fault(here, "unknown_kind", f"there is no kind of case {kind}")
        if not 0 < deadline.acknowledge_min <= deadline.answer_min:
            yield Fault(here, "out_of_range", "acknowledging comes first and takes time")
    yield from unknown(department.ladder, others, "department", path + "/ladder")
    if len(set(department.ladder)) < len(department.ladder):
        yield Fault(path + "/ladder", "duplicate", "a department is named twice")
    if not 1 <= department.remind_percent <= 99:
        yield Fault(path + "/remind_percent", "out_of_range", "1 to 99")


def _is_web(url: str, *, private: bool) -> bool:
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    schemes = {"https", "http"} if private else {"https"}
    return parts.scheme in schemes and bool(parts.hostname) and port_is_fine and not parts.username


def _calendar(calendar: Calendar, path: str) -> Iterator[Fault]:
    if not calendar.intervals:
        yield Fault(path + "/intervals", "empty", "a calendar that is never open has no deadlines")
    for at, one in enumerate(calendar.intervals):
        if not (0 <= one.weekday <= 6 and 0 <= one.opens < one.closes <= _MINUTES_A_DAY):
            yield Fault(
                path + pointer("intervals", at), "out_of_range", "weekday 0 to 6, minutes 0 to 1440, opens first"
            )
        elif any(
            other.weekday == one.weekday and other.opens < one.closes and one.opens < other.closes
            for other in calendar.intervals[:at]
        ):
            yield Fault(path + pointer("intervals", at), "overlap", "two intervals of a day overlap")
    for section in ("holidays", "make_up_days"):
        for at, day in enumerate(getattr(calendar, section)):
            if not _is_date(day):
                yield Fault(path + pointer(section, at), "bad_date", "a day is written 2026-02-17")
    for at, day in enumerate(calendar.make_up_days):
        if day in calendar.holidays:
            yield Fault(path + pointer("make_up_days", at), "contradiction", "a day is either a holiday or worked")
    if not 0 <= calendar.make_up_as <= 6:
        yield Fault(path + "/make_up_as", "out_of_range", "a weekday is 0 to 6")
    if not -720 <= calendar.utc_offset_minutes <= 840:
        yield Fault(path + "/utc_offset_minutes", "out_of_range", "-720 to 840")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _topic(topic: Topic, catalogue: Catalogue, path: str) -> Iterator[Fault]:
    if topic.queue not in {queue.id for queue in catalogue.queues}:
        yield Fault(path + "/queue", "unknown_queue", f"there is no queue {topic.queue}")
    if topic.department and topic.department not in {one.id for one in catalogue.departments}:
        yield Fault(path + "/department", "unknown_department", f"there is no department {topic.department}")
    if topic.case_kind not in KINDS:
        yield Fault(path + "/case_kind", "unknown_kind", f"there is no kind of case {topic.case_kind}")
    if not 0 <= topic.priority < len(catalogue.rules.priority_credit_s):
        yield Fault(path + "/priority", "out_of_range", "a priority the rules give a credit for")
    if topic.share_permille < 0:
        yield Fault(path + "/share_permille", "out_of_range", "a share is not negative")
