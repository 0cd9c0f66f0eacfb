"""A random day at the centre, one input at a time: every kind of command and fact, most of them sensible, some not."""

import random
from collections.abc import Callable
from typing import Any, Literal

from ccc_router.events import commands as c
from ccc_router.events import facts as f
from ccc_router.events.envelope import AnyInput
from ccc_router.events.facts import Handle, Private
from ccc_router.events.vocabulary import CallEventName, Channel, LegRole, Newcomers, Presence, Role, Visibility
from ccc_router.kernel.ids import derive
from ccc_router.routing import State
from tests.support.inputs import a_message

AGENTS = ("an", "binh", "chi", "dung")


class Workload:
    """Chooses inputs by looking at the state, as people do."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.count = 0

    def next(self, state: State) -> tuple[str, AnyInput]:
        """(source, input)."""
        self.count += 1
        makers: list[Callable[[State], AnyInput | None]] = [
            self._message, self._message, self._message, self._call, self._call, self._presence, self._accept, self._accept,
            self._accept, self._decline, self._complete, self._complete, self._wait, self._reply, self._transfer,
            self._requeue, self._lost, self._supervise, self._escalate, self._identify, self._edit, self._nonsense, self._surge, self._incident,
        ]  # fmt: skip
        body = None
        while body is None:
            body = self.rng.choice(makers)(state)
        source = f"{body.actor_role.value}:{body.actor}" if isinstance(body, c.Command) else "portal"
        return source, body

    def _agent(self) -> str:
        return self.rng.choice(AGENTS)

    def _owned(self, state: State) -> tuple[str, str] | None:
        owned = [(contact.id, contact.agent_id) for contact in state.contacts.values() if contact.agent_id]
        return self.rng.choice(sorted(owned)) if owned else None

    def _message(self, _: State) -> AnyInput:
        person = f"p{self.rng.randrange(12)}"
        channel = self.rng.choice([Channel.PORTAL, Channel.EMAIL, Channel.FANPAGE])
        endpoint = {Channel.PORTAL: "portal", Channel.EMAIL: "mailbox", Channel.FANPAGE: "page"}[channel]
        return a_message(
            f"m{self.count}",
            endpoint=endpoint,
            channel=channel,
            handle=Handle("email", person, verified=self.rng.random() < 0.3),
            refs=(f"conversation:{endpoint}:{person}",),
            own_refs=(f"conversation:{endpoint}:{person}",),
            fresh_case=self.rng.random() < 0.1,
        )

    def _call(self, state: State) -> AnyInput:
        number = self.rng.randrange(max(1, self.count // 8) + 1)
        event = self.rng.choice(list(CallEventName))
        role = self.rng.choice([LegRole.CUSTOMER, LegRole.CUSTOMER, LegRole.AGENT])
        if self.rng.random() < 0.4:
            event, role = CallEventName.OFFERED, LegRole.CUSTOMER
        offers = [contact.offer_id for contact in state.contacts.values() if contact.call and contact.offer_id]
        call_id = f"call{number}"
        return f.CallEvent(
            at=1_795_000_000_000 + self.count,
            endpoint="hotline",
            call_id=call_id,
            leg_id=f"{call_id}-{role.value}",
            contact_id=derive("ct", "hotline", "call", call_id),
            case_id=derive("cs", "hotline", "call", call_id),
            event=event,
            role=role,
            sequence=self.count,
            offer_id=self.rng.choice(offers) if offers and role is LegRole.AGENT else "",
            private=Private(handles=(Handle("phone", f"+849{number:08d}"),)) if role is LegRole.CUSTOMER else None,
        )

    def _presence(self, state: State) -> AnyInput:
        agent = self._agent()
        presence = self.rng.choice(
            [Presence.READY, Presence.READY, Presence.READY, Presence.NOT_READY, Presence.SIGNED_OUT]
        )
        return c.SetPresence(
            actor=agent, actor_role=Role.AGENT, agent_id=agent, presence=presence, after_current=self.rng.random() < 0.5
        )

    def _accept(self, state: State) -> AnyInput | None:
        if not state.offers:
            return None
        offer = state.offers[self.rng.choice(sorted(state.offers))]
        return c.AcceptOffer(actor=offer.agent_id, actor_role=Role.AGENT, offer_id=offer.id)

    def _decline(self, state: State) -> AnyInput | None:
        if not state.offers:
            return None
        offer = state.offers[self.rng.choice(sorted(state.offers))]
        return c.DeclineOffer(actor=offer.agent_id, actor_role=Role.AGENT, offer_id=offer.id, reason="busy")

    def _complete(self, state: State) -> AnyInput | None:
        owned = self._owned(state)
        if owned is None:
            return None
        resolutions: tuple[Literal["resolved", "unresolved", "waiting_customer"], ...]
        resolutions = ("resolved", "unresolved", "waiting_customer")
        return c.CompleteContact(
            actor=owned[1], actor_role=Role.AGENT, contact_id=owned[0], disposition="answered",
            resolution=self.rng.choice(resolutions), private=Private(text="Đã trả lời") if self.rng.random() < 0.5 else None,
        )  # fmt: skip

    def _wait(self, state: State) -> AnyInput | None:
        owned = self._owned(state)
        if owned is None:
            return None
        return c.WaitForCustomer(actor=owned[1], actor_role=Role.AGENT, contact_id=owned[0], until=state.now + 3_000)

    def _reply(self, state: State) -> AnyInput | None:
        owned = self._owned(state)
        if owned is None:
            return None
        return c.SendMessage(
            actor=owned[1], actor_role=Role.AGENT, contact_id=owned[0], message_id=derive("ms", "reply", self.count),
            visibility=self.rng.choice([Visibility.PRIVATE, Visibility.NOTE]), private=Private(text="Xin chào"),
            then="keep" if self.rng.random() < 0.5 else "wait", wait_until=state.now + 3_000,
        )  # fmt: skip

    def _transfer(self, state: State) -> AnyInput | None:
        owned = self._owned(state)
        if owned is None:
            return None
        where = {"queue": "cards"} if self.rng.random() < 0.5 else {"agent_id": self._agent()}
        return c.TransferContact(actor=owned[1], actor_role=Role.AGENT, contact_id=owned[0], **where)  # type: ignore[arg-type]

    def _requeue(self, state: State) -> AnyInput | None:
        owned = self._owned(state)
        if owned is None:
            return None
        return c.RequeueContact(actor=owned[1], actor_role=Role.AGENT, contact_id=owned[0], reason="break")

    def _lost(self, state: State) -> AnyInput:
        agent = self._agent()
        return f.AgentBack(agent_id=agent) if state.agents[agent].lost else f.AgentLost(agent_id=agent)

    def _supervise(self, state: State) -> AnyInput | None:
        if not state.contacts:
            return None
        contact_id = self.rng.choice(sorted(state.contacts))
        sup, role = "sup", Role.SUPERVISOR
        commands: list[AnyInput] = [
            c.AssignContact(actor=sup, actor_role=role, contact_id=contact_id, agent_id=self._agent(), reason="vip"),
            c.CloseContact(actor=sup, actor_role=role, contact_id=contact_id, reason="spam"),
            c.SetPriority(actor=sup, actor_role=role, contact_id=contact_id, priority=2, reason="urgent"),
        ]
        return self.rng.choice(commands)

    def _surge(self, state: State) -> AnyInput:
        return c.SetSurge(
            actor="sup", actor_role=Role.SUPERVISOR, queue=self.rng.choice(("general", "cards")), reason="outage",
            newcomers=self.rng.choice((None, *Newcomers)), until=state.now + self.rng.choice((0, 20_000, 60_000)),
            announcement="outage", message_id=derive("ms", "surge", self.count), private=Private(text="Đang bảo trì"),
        )  # fmt: skip

    def _incident(self, state: State) -> AnyInput:
        by: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR}
        if not state.incidents:
            return c.OpenIncident(
                **by, incident_id=derive("in", self.count), title_vi="Sự cố", title_en="Outage", queue="general"
            )
        by["incident_id"] = min(state.incidents)
        cases = sorted(state.cases)
        if cases and self.rng.random() < 0.6:
            return c.AttachCases(**by, cases=(self.rng.choice(cases),), attach=self.rng.random() < 0.7)
        text = Private(text="Đã hoạt động lại", extra={"en": "It works again"})
        return c.ResolveIncident(**by, message_id=derive("ms", "over", self.count), private=text)

    def _escalate(self, state: State) -> AnyInput | None:
        if state.escalations and self.rng.random() < 0.6:
            escalation_id = self.rng.choice(sorted(state.escalations))
            actions: tuple[Literal["acknowledge", "ask", "progress", "answer", "return"], ...]
            actions = ("acknowledge", "ask", "progress", "answer", "return")
            return c.ActOnEscalation(
                actor="policy", actor_role=Role.DEPARTMENT, escalation_id=escalation_id, action=self.rng.choice(actions),
                message_id=derive("ms", "act", self.count), private=Private(text="Trả lời của đơn vị"),
            )  # fmt: skip
        owned = self._owned(state)
        if owned is None:
            return None
        return c.RaiseEscalation(
            actor=owned[1], actor_role=Role.AGENT, contact_id=owned[0], escalation_id=derive("es", "x", self.count),
            department="policy", message_id=derive("ms", "raise", self.count), keep=self.rng.random() < 0.5,
            private=Private(text="Tóm tắt"),
        )  # fmt: skip

    def _identify(self, state: State) -> AnyInput | None:
        owned = self._owned(state)
        if owned is None:
            return None
        handle = Handle("email", f"p{self.rng.randrange(12)}")
        return c.IdentifyCustomer(
            actor=owned[1],
            actor_role=Role.AGENT,
            contact_id=owned[0],
            evidence="cccd",
            private=Private(handles=(handle,)),
        )

    def _edit(self, state: State) -> AnyInput | None:
        if not state.cases:
            return None
        case_id = self.rng.choice(sorted(state.cases))
        return c.EditCase(actor="sup", actor_role=Role.SUPERVISOR, case_id=case_id, topic="cards", priority=1)

    def _nonsense(self, _: State) -> AnyInput:
        return c.AcceptOffer(actor=self._agent(), actor_role=Role.AGENT, offer_id="of_none")
