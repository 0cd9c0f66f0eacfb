"""A day made ready to run."""

import msgspec

from ccc_router.events.commands import ActivateCatalogue
from ccc_router.events.facts import CustomerErased
from ccc_router.events.vocabulary import Role
from ccc_router.queues.catalogue import as_document
from ccc_router.routing.policy import Catalogue
from tests.support.day.catalogue import catalogue_of
from tests.support.day.centre import Centre
from tests.support.day.customers import Customers
from tests.support.day.departments import Deliveries, Departments, Supervisors
from tests.support.day.staff import Staff
from tests.support.day.switch import Switch


def open_day(seed: int, *, contacts: int, hours: float, copies: int) -> Centre:
    """A centre whose agenda is full. Two more catalogues come into force: other times for offers, then a queue fewer; in between
    engines take over, an input is parked and a customer erased."""
    centre = Centre(seed)
    first = catalogue_of(1, copies)
    _activate(centre, first)
    agents = [agent.id for agent in first.agents]
    switch = Switch(centre)
    Customers(centre, switch, first.topics, people=max(20, contacts // 2)).come(contacts, hours)
    Staff(centre, agents, hours)
    Departments(centre, patience_s=450 * hours)
    Deliveries(centre)
    Supervisors(centre, agents, hours)
    for share, what in (
        (0.3, lambda: centre.take_over(45_000)), (0.4, lambda: _activate(centre, _slower(copies))), (0.5, centre.park),
        (0.6, lambda: _activate(centre, _smaller(copies), {"voluntary": "general"})), (0.7, lambda: _erase(centre)),
        (0.8, lambda: centre.take_over(200)),
    ):  # fmt: skip
        centre.later(3_600 * hours * share, what)
    return centre


def _erase(centre: Centre) -> None:
    customer_id = next(one.customer_id for one in centre.state.cases.values() if one.customer_id)
    centre.give(
        CustomerErased(at=centre.now, customer_id=customer_id, actor="root", reason="asked", messages=1), "console"
    )


def _activate(centre: Centre, catalogue: Catalogue, successors: dict[str, str] | None = None) -> None:
    made = centre.give(
        ActivateCatalogue(
            actor="root", actor_role=Role.ADMIN, version=catalogue.version, catalogue=as_document(catalogue),
            successors=successors or {},
        )
    )  # fmt: skip
    assert made.refused is None


def _slower(copies: int) -> Catalogue:
    made = catalogue_of(2, copies)
    rules = msgspec.structs.replace(made.rules, offer_s={**made.rules.offer_s, "phone": 20}, penalty_s=15)
    return catalogue_of(2, copies, rules=rules)


def _smaller(copies: int) -> Catalogue:
    made = catalogue_of(3, copies)
    agents = [
        msgspec.structs.replace(one, profiles=tuple(item for item in one.profiles if item.queue != "voluntary"))
        for one in made.agents
    ]
    topics = [msgspec.structs.replace(one, queue="general") if one.queue == "voluntary" else one for one in made.topics]
    queues = [queue for queue in made.queues if queue.id != "voluntary"]
    return catalogue_of(3, copies, agents=tuple(agents), topics=tuple(topics), queues=tuple(queues))
