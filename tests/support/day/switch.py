"""A neutral switch: it tells call events, late and now and then twice, and does what it is commanded."""

from dataclasses import dataclass

from ccc_router.events.facts import CallEvent, CallRecorded, Handle, Private
from ccc_router.events.vocabulary import CallEventName as E
from ccc_router.events.vocabulary import ControlCommand, DeliveryKind, LegRole
from ccc_router.kernel.ids import contact_of_call, derive
from ccc_router.routing.decisions import Decision, DeliveryOwed
from tests.support.day.centre import Centre

ENDPOINT = "hotline"


@dataclass
class Line:
    """A call at the switch: the agent's leg that rings or talks, and whether the customer is still there."""

    call_id: str
    number: str = ""
    topic: str = ""
    language: str = ""
    agent_leg: str = ""
    offer_id: str = ""
    talking: bool = False
    outbound: bool = False
    over: bool = False


class Switch:
    """Calls by id."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._lines: dict[str, Line] = {}
        centre.reactions.setdefault("DeliveryOwed", []).append(self._owed)

    def call(self, number: str, topic: str, language: str) -> None:
        """A customer calls; when his patience is over he hangs up, or chooses to be called back first."""
        centre = self._centre
        line = Line(f"call-{centre.number()}", number, topic, language)
        self._lines[line.call_id] = line
        self._tell(line, E.OFFERED)
        centre.later(centre.rng.expovariate(1 / 240), lambda: None if line.talking else self._gives_up(line))

    def _gives_up(self, line: Line) -> None:
        if not line.over and self._centre.chance(0.2):
            self._tell(line, E.CALL_BACK, not_before=self._centre.now + 600_000 if self._centre.chance(0.3) else 0)
        self.leave(line)

    def leave(self, line: Line) -> None:
        """The customer hangs up."""
        if line.over:
            return
        line.over, line.talking = True, False
        if line.agent_leg and self._centre.chance(0.8):
            self._tell(line, E.CONNECTION_CLEARED, agent=True)
        self._tell(line, E.CONNECTION_CLEARED)
        if self._centre.chance(0.1):
            self._centre.later(30, lambda: self._record(line))
        self._centre.later(1_200, lambda: self._lines.pop(line.call_id, None))

    def _owed(self, one: Decision) -> None:
        if not isinstance(one, DeliveryOwed) or one.delivery is not DeliveryKind.CONTROL:
            return
        call_id = one.data["call_id"]
        if one.command is ControlCommand.DIAL:
            self._lines[call_id] = Line(call_id, outbound=True)
        line = self._lines.get(call_id)
        if line is not None:
            self._centre.later(0.2, lambda: self._do(line, one))

    def _do(self, line: Line, one: DeliveryOwed) -> None:
        if line.over:
            return
        match one.command:
            case ControlCommand.CONNECT | ControlCommand.DIAL:
                self._ring(line, one)
            case ControlCommand.QUEUE | ControlCommand.CANCEL:
                if line.agent_leg:
                    self._tell(line, E.CONNECTION_CLEARED, agent=True, cause="cancelled")
                line.agent_leg, line.talking = "", False
            case ControlCommand.HOLD if line.agent_leg:
                self._tell(line, E.HELD, agent=True)
            case ControlCommand.RESUME if line.agent_leg:
                self._tell(line, E.RETRIEVED, agent=True)
            case ControlCommand.HANGUP if self._centre.chance(0.97):
                self.leave(line)
            case _:
                pass

    def _ring(self, line: Line, one: DeliveryOwed) -> None:
        centre = self._centre
        line.agent_leg, line.offer_id = f"{line.call_id}-{centre.number()}", one.data.get("offer_id", "")
        leg = line.agent_leg
        self._tell(line, E.DELIVERED, agent=True)

        def picked_up() -> None:
            if line.over or line.agent_leg != leg:
                return
            if centre.chance(0.04):
                self._tell(line, E.FAILED, agent=True, cause="no_answer")
                line.agent_leg = ""
                return
            line.talking = True
            self._tell(line, E.ESTABLISHED, agent=True)
            if line.outbound:
                self._tell(line, E.OFFERED)
                if centre.chance(0.3):
                    line.over, line.talking = True, False
                    self._tell(line, E.FAILED, cause="no_answer")
                    return
                self._tell(line, E.ESTABLISHED)
            centre.later(centre.rng.expovariate(1 / 100), lambda: self.leave(line) if line.talking else None)

        centre.later(centre.rng.uniform(0.5, 4), picked_up)

    def _tell(self, line: Line, event: E, *, agent: bool = False, cause: str = "", not_before: int = 0) -> None:
        """Events of a call may overtake each other, and come again."""
        centre = self._centre
        new = event in (E.OFFERED, E.CALL_BACK) and not agent
        fact = CallEvent(
            at=centre.now,
            endpoint=ENDPOINT,
            call_id=line.call_id,
            leg_id=line.agent_leg if agent else f"{line.call_id}-c",
            contact_id=contact_of_call(line.call_id) or derive("ct", ENDPOINT, "call", line.call_id),
            case_id=derive("cs", ENDPOINT, "call", line.call_id),
            event=event,
            role=LegRole.AGENT if agent else LegRole.CUSTOMER,
            sequence=centre.number(),
            topic=line.topic,
            language=line.language,
            cause=cause,
            offer_id=line.offer_id if agent else "",
            outbound=line.outbound,
            not_before=not_before,
            private=Private(handles=(Handle("phone", line.number),)) if new and line.number else None,
        )
        for _ in range(2 if centre.chance(0.02) else 1):
            centre.later(centre.rng.uniform(0.02, 0.4 if centre.chance(0.95) else 5), lambda: _give(centre, fact))

    def _record(self, line: Line) -> None:
        contact_id, case_id = (derive(kind, ENDPOINT, "call", line.call_id) for kind in ("ct", "cs"))
        self._centre.give(
            CallRecorded(
                at=self._centre.now, endpoint=ENDPOINT, call_id=line.call_id, leg_id=f"{line.call_id}-c",
                contact_id=contact_id, case_id=case_id, ended_at=self._centre.now, recording=f"rec-{line.call_id}",
            )
        )  # fmt: skip


def _give(centre: Centre, fact: CallEvent) -> None:
    centre.give(fact)
