"""A world in which cases are escalated: who raises, what departments do, what they were owed."""

from typing import Literal, get_args

from ccc_router.events.commands import ActOnEscalation, RaiseEscalation
from ccc_router.events.vocabulary import Channel, ContactState, Role
from ccc_router.routing import Step
from ccc_router.routing.decisions import DeliveryOwed
from ccc_router.routing.policy import Calendar, Catalogue, Deadline, Department, Interval
from ccc_router.routing.rows import Case, Contact, Escalation
from tests.support.world import World, a_catalogue, text

Action = Literal[
    "acknowledge", "ask", "progress", "answer", "return", "forward", "extend",
    "reply", "accept", "reject", "withdraw", "grant", "refuse",
]  # fmt: skip
ACTIONS: tuple[Action, ...] = get_args(Action)
OF_DEPARTMENT = ("acknowledge", "ask", "progress", "answer", "return", "forward", "extend")

MONDAY_8 = 1_795_395_600_000  # 2026-11-23 08:00 in Vietnam
MINUTE = 60_000
HOUR = 60 * MINUTE


def escalating_catalogue() -> Catalogue:
    """Departments with office hours, a ladder, and one without a system."""
    office = Calendar(
        id="office",
        intervals=tuple(
            Interval(day, opens, closes) for day in range(5) for opens, closes in ((480, 720), (780, 1020))
        ),
    )
    terms = {
        "default": Deadline(60, 480),
        "complaint": Deadline(30, 960),
        "urgent": Deadline(15, 120),
    }
    departments = (
        Department("d_hi", text("HI"), "office", url="https://hi.example.org/", deadlines=terms, ladder=("h_hi", "dg")),
        Department("d_si", text("SI"), "office", url="https://si.example.org/", deadlines=terms),
        Department("d_mail", text("Mail"), "office", email="mail@example.org", deadlines=terms),
        Department("h_hi", text("Head of HI"), "office", url="https://head.example.org/"),
        Department("dg", text("Office of the DG"), "office", email="dg@example.org"),
    )
    plain = a_catalogue()
    return Catalogue(
        version=1,
        queues=plain.queues,
        skills=plain.skills,
        agents=plain.agents,
        endpoints=plain.endpoints,
        departments=departments,
        calendars=(office,),
        dispositions=plain.dispositions,
        topics=plain.topics,
        rules=plain.rules,
    )


class Escalated(World):
    """A world with one agent at work on one contact."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        super().__init__(catalogue or escalating_catalogue())
        self.now = MONDAY_8
        self.sign_in("an")
        self.contact_id = self.write(Channel.PORTAL)
        self.accept("an")

    def escalate(self, department: str = "d_hi", *, escalation_id: str = "es_1", **more: object) -> Step:
        """The agent hands the contact's case over."""
        command = RaiseEscalation(
            actor=str(more.pop("actor", "an")),
            actor_role=Role(str(more.pop("role", "agent"))),
            contact_id=str(more.pop("contact_id", self.contact_id)),
            escalation_id=escalation_id,
            department=department,
            message_id=f"ms_{escalation_id}",
            urgency="urgent" if more.pop("urgent", False) else "normal",
            keep=bool(more.pop("keep", True)),
        )
        assert not more
        return self.give(command)

    def act(
        self,
        action: Action,
        *,
        actor: str = "",
        role: Role | None = None,
        escalation_id: str = "es_1",
        department: str = "",
        until: int = 0,
    ) -> Step:
        """One action, by whom it belongs to unless said otherwise."""
        if role is None:
            by_department = action in OF_DEPARTMENT
            role = (
                Role.DEPARTMENT if by_department else Role.SUPERVISOR if action in ("grant", "refuse") else Role.AGENT
            )
        if not actor:
            here = self.state.escalations.get(escalation_id)
            actor = {Role.DEPARTMENT: here.department if here else "d_hi", Role.AGENT: "an"}.get(role, "boss")
        return self.give(
            ActOnEscalation(
                actor=actor,
                actor_role=role,
                escalation_id=escalation_id,
                action=action,
                message_id=f"ms_{len(self.log)}",
                department=department,
                until=until,
            )
        )

    def advance(self, until: int) -> None:
        """Let time pass up to a moment (ms)."""
        self.wait((until - self.now) / 1000)

    def escalation(self) -> Escalation:
        """The escalation ``es_1`` as it stands."""
        return self.state.escalations["es_1"]

    def case(self) -> Case:
        """The case of the first contact."""
        return next(iter(self.state.cases.values()))

    def internal(self) -> list[Contact]:
        """Open internal contacts of all cases."""
        return [
            contact
            for contact in self.state.contacts.values()
            if contact.channel is Channel.INTERNAL and contact.state is not ContactState.CLOSED
        ]

    def owed(self, kind: str = "") -> list[DeliveryOwed]:
        """What departments were owed so far, of one notice or all."""
        found = [one for _, made in self.log for one in made.decisions if isinstance(one, DeliveryOwed)]
        return [one for one in found if one.type == (f"ccc.escalation.{kind}.v1" if kind else one.type) and one.type]
