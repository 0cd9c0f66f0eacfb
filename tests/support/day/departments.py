"""Departments work on escalations; supervisors look after what is stuck; deliveries are reported as sent or failed."""

from typing import Any, Literal

from ccc_router.events import commands as c
from ccc_router.events.facts import DeliveryReported, Private
from ccc_router.events.vocabulary import DeliveryKind, DeliveryState, Newcomers, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing.decisions import Decision, DeliveryEnded, DeliveryOwed, EscalationSet
from tests.support.day.centre import Centre

_Action = Literal["acknowledge", "ask", "progress", "answer", "return", "forward", "extend"]
_ACTIONS: tuple[_Action, ...] = (
    "acknowledge", "acknowledge", "ask", "progress", "answer", "answer", "answer", "return", "forward", "extend",
)  # fmt: skip
_LOOKED_AT = frozenset(
    {"raised", "forwarded", "acknowledged", "progressed", "rejected", "replied", "extension_granted"}
)


class Departments:
    """Each looks at what came after a while, and does something with it."""

    def __init__(self, centre: Centre, patience_s: float) -> None:
        self._centre = centre
        self._patience_s = patience_s
        centre.reactions.setdefault("EscalationSet", []).append(self._came)

    def _came(self, one: Decision) -> None:
        assert isinstance(one, EscalationSet)
        if one.what in _LOOKED_AT:
            wait = self._centre.rng.expovariate(1 / self._patience_s)
            self._centre.later(wait, lambda: self._act(one.escalation.id))
        elif one.what == "extension_asked":
            action: Literal["grant", "refuse"] = "grant" if self._centre.chance(0.7) else "refuse"
            command = c.ActOnEscalation(
                actor="sup", actor_role=Role.SUPERVISOR, escalation_id=one.escalation.id, action=action
            )
            self._centre.later(60, lambda: self._centre.give(command))

    def _act(self, escalation_id: str) -> None:
        centre, rng = self._centre, self._centre.rng
        escalation = centre.state.escalations.get(escalation_id)
        if escalation is None:
            return
        department = escalation.department if rng.random() < 0.98 else "it"
        more: dict[str, Any] = {}
        action = rng.choice(_ACTIONS)
        if action == "forward":
            more["department"] = rng.choice(sorted(centre.state.book.departments))
        elif action == "extend":
            more["until"] = escalation.answer_by + 86_400_000
        centre.give(
            c.ActOnEscalation(
                actor=department, actor_role=Role.DEPARTMENT, escalation_id=escalation_id, action=action,
                message_id=derive("ms", centre.number()), private=Private(text="Trả lời của đơn vị"), **more,
            )
        )  # fmt: skip


class Deliveries:
    """What is owed is sent within a second; some of it cannot be, and a supervisor tries again."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        centre.reactions.setdefault("DeliveryOwed", []).append(self._owed)
        centre.reactions.setdefault("DeliveryEnded", []).append(self._ended)

    def _owed(self, one: Decision) -> None:
        assert isinstance(one, DeliveryOwed)
        centre = self._centre
        if one.delivery is DeliveryKind.CONTROL and centre.chance(0.9):
            return
        good = 0.96 if one.delivery is not DeliveryKind.CONTROL else 0.9
        fact = DeliveryReported(
            delivery_id=one.delivery_id,
            state=DeliveryState.SENT if centre.chance(good) else DeliveryState.PARKED,
            attempt=1,
            delivery=one.delivery,
            contact_id=one.contact_id,
            case_id=one.case_id,
            escalation_id=one.escalation_id,
            message_id=one.message_id,
        )
        centre.later(centre.rng.uniform(0.1, 1), lambda: centre.give(fact, "deliver"))

    def _ended(self, one: Decision) -> None:
        assert isinstance(one, DeliveryEnded)
        if one.state == "parked":
            command = c.RetryDelivery(actor="sup", actor_role=Role.SUPERVISOR, delivery_id=one.delivery_id)
            self._centre.later(300, lambda: self._centre.give(command))


class Supervisors:
    """Every minute somebody does something out of the ordinary."""

    def __init__(self, centre: Centre, agents: list[str], hours: float) -> None:
        self._centre = centre
        self._agents = agents
        for minute in range(1, round(60 * hours)):
            centre.later(60 * minute, self._act)
        for minute in range(2, round(60 * hours), 4):
            centre.later(60 * minute + 30, self._crowd)

    def _act(self) -> None:
        centre, rng = self._centre, self._centre.rng
        contacts, cases = sorted(centre.state.contacts), sorted(centre.state.cases)
        if not contacts or not cases:
            return
        by: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR}
        contact_id, case_id, agent = rng.choice(contacts), rng.choice(cases), rng.choice(self._agents)
        commands: list[c.AnyCommand] = [
            c.AssignContact(**by, contact_id=contact_id, agent_id=agent, reason="knows_it"),
            c.AssignContact(**by, contact_id=contact_id, agent_id=agent, reason="knows_it"),
            c.SetPriority(**by, contact_id=contact_id, priority=rng.randrange(4), reason="in_hospital"),
            c.EditCase(**by, case_id=case_id, topic="maternity", priority=1),
        ]
        if rng.random() < 0.1:
            commands = [c.CloseContact(**by, contact_id=contact_id, reason="spam")]
        centre.give(rng.choice(commands))

    def _crowd(self) -> None:
        """Many have one trouble: newcomers to a queue hear of it, and an incident gathers them until it is over."""
        centre, rng = self._centre, self._centre.rng
        by: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR}
        cases, incidents = sorted(centre.state.cases), sorted(centre.state.incidents)
        message_id, queue = derive("ms", centre.number()), rng.choice(sorted(centre.state.book.queues))
        if rng.random() < 0.3:
            command: c.AnyCommand = c.SetSurge(
                **by, queue=queue, newcomers=rng.choice(list(Newcomers)), until=centre.state.now + 30_000, reason="outage",
                announcement="outage", message_id=message_id, private=Private(text="Đang bảo trì"),
            )  # fmt: skip
        elif not incidents:
            command = c.OpenIncident(
                **by, incident_id=derive("in", centre.number()), title_vi="Sự cố", title_en="Outage", queue=queue
            )
        elif cases and rng.random() < 0.6:
            some = tuple(rng.sample(cases, min(3, len(cases))))
            command = c.AttachCases(**by, incident_id=incidents[0], cases=some, attach=rng.random() < 0.8)
        else:
            text = Private(text="Đã hoạt động lại", extra={"en": "It works again"})
            command = c.ResolveIncident(**by, incident_id=incidents[0], message_id=message_id, private=text)
        centre.give(command)
