"""The centre of the soak: a catalogue with everything that can go wrong in it, and how its clients prove who they are."""

import json
from pathlib import Path
from typing import Final

from bench.plain import DISPOSITIONS, LANGUAGE, a_queue, an_agent, skills, text, topics
from ccc_router.events.vocabulary import Role
from ccc_router.kernel import signing
from ccc_router.kernel.clock import SystemClock
from ccc_router.queues.catalogue import as_document, faults_of
from ccc_router.routing.policy import (
    Agent,
    Calendar,
    Capacity,
    Catalogue,
    Deadline,
    Department,
    Endpoint,
    Interval,
    Rules,
)
from ccc_router.web.tokens import Tokens

POOL: Final = "main"
QUEUES: Final = ("insurance", "pension", "maternity")
AGENTS: Final = 24
DEPARTMENTS: Final = ("policy", "regional", "records")
TRACKED: Final = "tracked"
HOTLINE: Final = "hotline"
PAGE: Final = "page"
SITE: Final = "site"
PAGE_ID: Final = "1000"
SIGNING_KEY: Final = "a key for soaks that is long enough to sign"
SWITCH_SECRET: Final = signing.secret_of(b"of the switches of a soak run")
DEPARTMENT_SECRET: Final = signing.secret_of(b"of the departments of a soak")
PAGE_SECRET: Final = "of-the-page-of-the-soak"
_CAPACITY: Final = Capacity(
    channels={"phone": 1, "email": 1, "fanpage": 2, "portal": 2, "internal": 1}, total_weight=130
)


def agent_ids() -> list[str]:
    """Everybody who works."""
    return [f"agent.{number}" for number in range(AGENTS)]


def catalogue(outside: str) -> Catalogue:
    """``outside``: the base URL of the server that plays switch, page and departments.

    An ended call stays in memory for a minute instead of ten: at some hundred events a second a take-over need not load a day's calls.
    """
    always = tuple(Interval(weekday=day, opens=0, closes=1440) for day in range(7))
    return Catalogue(
        version=1,
        queues=tuple(a_queue(name, (LANGUAGE, name)) for name in QUEUES),
        skills=skills(QUEUES),
        agents=tuple(_agent(number) for number in range(AGENTS)),
        endpoints=(
            Endpoint(id=TRACKED, channel="phone", name=text(TRACKED), queue=QUEUES[0], dialect="csta"),
            Endpoint(
                id=HOTLINE,
                channel="phone",
                name=text(HOTLINE),
                queue=QUEUES[0],
                dialect="csta",
                control_url=f"{outside}/control",
            ),
            Endpoint(
                id=PAGE,
                channel="fanpage",
                name=text(PAGE),
                queue=QUEUES[1],
                options={"page_id": PAGE_ID, "base_url": f"{outside}/graph"},
            ),
            Endpoint(id=SITE, channel="portal", name=text(SITE), queue=QUEUES[2]),
        ),
        departments=tuple(
            Department(
                id=name,
                name=text(name),
                calendar="always",
                url=f"{outside}/hooks/{name}",
                private_network=True,
                deadlines={"default": Deadline(acknowledge_min=60, answer_min=480)},
            )
            for name in DEPARTMENTS
        ),
        calendars=(Calendar(id="always", intervals=always),),
        dispositions=DISPOSITIONS,
        topics=topics(QUEUES),
        rules=Rules(call_linger_s=60, penalty_s=2, penalty_max_s=10, wait_for_customer_s=120),
    )


def _agent(number: int) -> Agent:
    served = [QUEUES[(number + step) % len(QUEUES)] for step in range(2)]
    return an_agent(number, served, _CAPACITY, HOTLINE)


def write_catalogue(folder: Path, outside: str) -> Path:
    """The catalogue as a file the service takes. Raises ValueError for one with faults."""
    made = catalogue(outside)
    faults = faults_of(made)
    if faults:
        raise ValueError(str(faults))
    path = folder / "catalogue.json"
    path.write_text(json.dumps(as_document(made)), encoding="utf-8")
    return path


def settings(catalogue_file: Path) -> dict[str, str]:
    """CCC_* variables that every process gets."""
    return {
        "CCC_CATALOGUE": str(catalogue_file),
        "CCC_SIGNING_KEY": SIGNING_KEY,
        "CCC_FORMS_PER_MINUTE": "1000000",
        "CCC_DEPARTMENT_LOOPBACK": "true",
        "CCC_PUBLIC_URL": "https://ccc.example.org",
        "CCC_LOG_LEVEL": "warning",
        "CCC_SECRET_TRACKED": SWITCH_SECRET,
        "CCC_SECRET_HOTLINE": SWITCH_SECRET,
        "CCC_SECRET_PAGE": PAGE_SECRET,
        "CCC_SECRET_PAGE_TOKEN": "a page's token",
        "CCC_SECRET_MAIL": "the key of the marks in mails of a soak",
        "CCC_SECRET_LINKS": "the key of the links in mails of a soak",
        **{f"CCC_SECRET_{name.upper()}": DEPARTMENT_SECRET for name in DEPARTMENTS},
    }


def bearer(role: Role, subject: str) -> dict[str, str]:
    """The header of somebody's requests."""
    tokens = Tokens([SIGNING_KEY], issuer="ccc-router", audience="ccc-router", clock=SystemClock())
    return {"Authorization": f"Bearer {tokens.issue(role, subject, lifetime_s=86_400)}"}
