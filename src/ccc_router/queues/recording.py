"""What of an input belongs into the erasable rows, now that it is known what followed from it."""

from typing import Final

import msgspec

from ccc_router.events import commands as c
from ccc_router.events import facts as f
from ccc_router.events.codec import canonical
from ccc_router.events.envelope import AnyInput, Input
from ccc_router.events.facts import Handle, Private
from ccc_router.events.vocabulary import CallEventName, Channel, DeliveryKind, Visibility
from ccc_router.kernel.ids import derive
from ccc_router.queues.store.erasable import AddressRow, Erasable, HandleKey, HandleRow, Mark, MessageRow, RefRow
from ccc_router.routing import State, Step
from ccc_router.routing import decisions as d

_NOTHING: Final = Private()


class Sealed(msgspec.Struct, frozen=True):
    """The erasable part of an input, with the salt of its digest. ``free``: its handles that nobody has yet."""

    private: Private
    salt: bytes
    free: frozenset[HandleKey] = frozenset()


def has_content(private: Private) -> bool:
    """Whether there is a text or a file that a message row must hold."""
    return bool(private.text or private.subject or private.full_text or private.html or private.attachments)


def case_before(state: State, body: AnyInput) -> str:
    """The case of the contact an input names, looked up before the step: afterwards the contact may have left the memory."""
    contact = state.contacts.get(getattr(body, "contact_id", ""))
    return contact.case_id if contact is not None else ""


def message_ref(message_id: str) -> str:
    """How a message that was forwarded is found again when it is changed."""
    return f"message:{message_id}"


def channel_of(body: AnyInput) -> str:
    """The channel on which a claimed handle of this input counts."""
    if isinstance(body, f.MessageReceived | f.MessageChanged | f.AnsweredOutside | f.ReceiptReceived | f.ContactTaken):
        return body.channel.value
    return Channel.PHONE.value


def record(
    rows: Erasable, pool: str, given: Input, sealed: Sealed | None, step: Step, case_id: str, state: State
) -> None:
    """Note the rows of one input. ``case_id`` is what `case_before` said."""
    recorder = _Recorder(rows, pool, given, sealed, step, case_id, state)
    recorder.follow_decisions()
    if step.refused is None and sealed is not None:
        recorder.keep_private()


class _Recorder:
    def __init__(
        self, rows: Erasable, pool: str, given: Input, sealed: Sealed | None, step: Step, case_id: str, state: State
    ) -> None:
        self.rows = rows
        self.pool = pool
        self.given = given
        self.private = sealed.private if sealed is not None else _NOTHING
        self.salt = sealed.salt if sealed is not None else None
        self.free: frozenset[HandleKey] = sealed.free if sealed is not None else frozenset()
        self.step = step
        self.state = state
        self.opened: dict[str, str] = {}
        self.counted: dict[str, d.MessageCounted] = {}
        self.owed: dict[str, d.DeliveryOwed] = {}
        self.case_id = case_id

    def follow_decisions(self) -> None:
        """What decisions change of rows that are there, whatever the input."""
        for decision in self.step.decisions:
            match decision:
                case d.ContactOpened():
                    self.opened[decision.contact_id] = decision.case_id
                case d.MessageCounted():
                    self.counted[decision.message_id] = decision
                case d.DeliveryOwed() if decision.message_id and decision.delivery is DeliveryKind.REPLY:
                    self.owed[decision.message_id] = decision
                case d.MessageMarked():
                    self.rows.marks[Mark(decision.message_id, decision.mark)] = None
                case d.ContactLinked():
                    self.rows.linked[decision.contact_id] = (decision.contact_id, decision.case_id)
                case d.IdentificationUndone():
                    self.rows.undo(decision.identification.customer_id, decision.identification.at)
                case d.DeliveryEnded():
                    self._ended(decision)
                case d.CustomerMet():
                    self.rows.name_customer(decision.customer_id, self.private.name, self.given.at)
                case _:
                    pass
        body = self.given.body
        if isinstance(body, f.ReceiptReceived) and body.watermark and self.given.resolved.case_id:
            case_id = self.given.resolved.case_id
            self.rows.seen_up_to[case_id, body.receipt] = (case_id, body.receipt, body.watermark)

    def _ended(self, decision: d.DeliveryEnded) -> None:
        """A time-out that is told after the channel's own word that it arrived changes nothing."""
        known = self.rows.delivered.get(decision.delivery_id)
        if known is not None and known[1] == "sent" and decision.state == "unknown":
            return
        external = getattr(self.given.body, "external_id", "")
        self.rows.delivered[decision.delivery_id] = (decision.delivery_id, decision.state, external)

    def keep_private(self) -> None:
        """The names, handles and texts that came with the input."""
        body = self.given.body
        if self.given.resolved.handed_to:
            self._remember_forwarded(body)
            return
        match body:
            case f.MessageReceived():
                self._inbound(body)
            case f.ContactTaken():
                self._handles(self.given.resolved.customer_id)
                self._address(body.contact_id, body.endpoint)
                self._refs(body.case_id, body.contact_id, "")
            case f.AnsweredOutside():
                contact_id = self._contact_of(body.message_id)
                self._message(
                    body.message_id, contact_id, "outbound", Visibility.PRIVATE, "outside", body.channel.value
                )
            case f.MessageChanged() if body.change == "edited" and self.salt is not None:
                private = self.private
                self.rows.edits[body.message_id] = (
                    body.message_id, private.subject, private.text, private.full_text, private.html, self.salt, self.given.digest,
                )  # fmt: skip
            case f.DeliveryReported():  # what a private answer to a comment began: the conversation belongs to its case
                self._refs(self.given.resolved.case_id, body.contact_id, body.message_id)
            case f.CallEvent():
                self._call(body)
            case c.SendMessage():
                note = body.visibility is Visibility.NOTE
                direction = "internal" if note else "outbound"
                self._message(
                    body.message_id, body.contact_id, direction, body.visibility, self._author(body), "message"
                )
                self._refs(self.case_id, body.contact_id, body.message_id)
            case c.RaiseEscalation() | c.ActOnEscalation():
                self._escalation(body)
            case c.IdentifyCustomer():
                self._handles(self.given.resolved.customer_id, evidence=body.evidence)
                self.rows.name_customer(self.given.resolved.customer_id, self.private.name, self.given.at)
            case _:
                self._keep_other(body)

    def _remember_forwarded(self, body: AnyInput) -> None:
        """Of what is another pool's business only by what later facts may name it: those come here first as well."""
        found = self.given.resolved
        if isinstance(body, f.MessageReceived | f.DeliveryReported):
            self._refs(found.case_id, found.contact_id, body.message_id)
        if isinstance(body, f.MessageReceived):
            ref = message_ref(body.message_id)
            self.rows.refs[ref] = RefRow(ref, found.case_id, found.contact_id, body.message_id)

    def _keep_other(self, body: AnyInput) -> None:
        """Those of commands that are about many, or about no text."""
        match body:
            case c.PromiseCallback():
                self._promised()
            case c.ResolveIncident():
                self._outcome(body)
            case c.SetSurge() | c.OpenIncident() if body.message_id:
                self._message(body.message_id, "", "internal", Visibility.NOTE, self._author(body), "notice")
            case c.Command() if has_content(self.private):
                message_id = derive("ms", self.pool, self.given.position)
                contact_id = getattr(body, "contact_id", "")
                self._message(message_id, contact_id, "internal", Visibility.NOTE, self._author(body), "note")
            case _:
                pass

    def _inbound(self, fact: f.MessageReceived) -> None:
        contact_id = self._contact_of(fact.message_id)
        visibility = Visibility.PUBLIC if fact.form == "comment" else Visibility.PRIVATE
        self._message(fact.message_id, contact_id, "inbound", visibility, "customer", fact.form)
        self._handles(self.given.resolved.customer_id)
        if not fact.automatic and contact_id:
            self._address(contact_id, fact.endpoint)
        if contact_id in self.opened:
            self.rows.name_customer(self.given.resolved.customer_id, self.private.name, self.given.at)
        self._refs(self._case_of(contact_id), contact_id, fact.message_id)

    def _call(self, fact: f.CallEvent) -> None:
        contact_id = self.given.resolved.contact_id or fact.contact_id
        self._refs(self._case_of(contact_id), contact_id, "")
        if contact_id in self.opened or self.given.resolved.customer_id:
            self._handles(self.given.resolved.customer_id)
            self._address(contact_id, fact.endpoint)
        elif fact.event is CallEventName.CALL_BACK:  # perhaps to another number than he calls from
            self._address(contact_id, fact.endpoint)

    def _promised(self) -> None:
        """The number a callback was promised to, if one was given."""
        number = self.private.address
        for one in self.step.decisions:
            if isinstance(one, d.CallbackSet) and number:
                endpoint = self.state.contacts[one.contact_id].endpoint
                self.rows.addresses[one.contact_id] = AddressRow(
                    one.contact_id, endpoint, number, self.private.name, "", "phone", number, "{}"
                )

    def _escalation(self, command: c.RaiseEscalation | c.ActOnEscalation) -> None:
        set_now = [one.escalation for one in self.step.decisions if isinstance(one, d.EscalationSet)]
        if not set_now or not command.message_id:
            return
        # What came back belongs to the internal contact it opened or joined.
        counted = self.counted.get(command.message_id)
        contact_id = set_now[0].contact_id if counted is None else counted.contact_id
        self._message(
            command.message_id, contact_id, "internal", Visibility.NOTE, self._author(command), "escalation",
            case_id=set_now[0].case_id, escalation_id=set_now[0].id,
        )  # fmt: skip

    def _outcome(self, command: c.ResolveIncident) -> None:
        """How an incident ended, to each customer in the language of his case, or as a note to who has him on the phone."""
        for message_id in dict.fromkeys((*self.counted, *self.owed)):
            owed, counted = self.owed.get(message_id), self.counted.get(message_id)
            contact_id = owed.contact_id if owed is not None else counted.contact_id if counted is not None else ""
            case_id = owed.case_id if owed is not None else self._case_of(contact_id)
            sent, case = owed is not None, self.state.cases.get(case_id)
            english = case is not None and case.language == "en"
            self._message(
                message_id, contact_id, "outbound" if sent else "internal",
                Visibility.PRIVATE if sent else Visibility.NOTE, self._author(command), "message" if sent else "note",
                case_id=case_id, text=self.private.extra.get("en", "") if english else "",
            )  # fmt: skip

    def _message(
        self,
        message_id: str,
        contact_id: str,
        direction: str,
        visibility: Visibility,
        author: str,
        form: str,
        *,
        case_id: str = "",
        escalation_id: str = "",
        text: str = "",
    ) -> None:
        private, counted, owed = self.private, self.counted.get(message_id), self.owed.get(message_id)
        self.rows.messages[message_id] = MessageRow(
            message_id, contact_id, case_id or self._case_of(contact_id), escalation_id,
            counted.number if counted is not None else 0,
            direction, visibility.value, author, form,
            private.subject, text or private.text, private.full_text, private.html, self.salt, self.given.digest,
            self.given.received_at or self.given.at, self.given.position,
            owed.delivery_id if owed is not None else "", "owed" if owed is not None else "",
            canonical(private.attachments).decode(), canonical(private.extra).decode(),
        )  # fmt: skip
        self.rows.put_attachments(message_id, contact_id, private.attachments)

    def _address(self, contact_id: str, endpoint: str) -> None:
        private = self.private
        handle = private.handles[0] if private.handles else Handle("", "")
        address = private.address or handle.value
        self.rows.addresses[contact_id] = AddressRow(
            contact_id, endpoint, address, private.name, private.subject, handle.kind, handle.value,
            canonical(private.extra).decode(),
        )  # fmt: skip

    def _handles(self, customer_id: str, evidence: str = "") -> None:
        """Claimed handles count on the channel they came by, proved ones everywhere. One that somebody has stays his."""
        for handle in self.private.handles if customer_id else ():
            verified = handle.verified or evidence != ""
            key = (handle.kind, handle.value, "" if verified else channel_of(self.given.body))
            if key in self.free and key not in self.rows.handles:
                self.rows.handles[key] = HandleRow(*key, customer_id, verified, evidence, self.given.at)

    def _refs(self, case_id: str, contact_id: str, message_id: str) -> None:
        for ref in self.private.own_refs if case_id else ():
            self.rows.refs[ref] = RefRow(ref, case_id, contact_id, message_id)

    def _contact_of(self, message_id: str) -> str:
        counted = self.counted.get(message_id)
        return counted.contact_id if counted is not None else ""

    def _case_of(self, contact_id: str) -> str:
        if contact_id in self.opened:
            return self.opened[contact_id]
        contact = self.state.contacts.get(contact_id)
        return contact.case_id if contact is not None else self.case_id or self.given.resolved.case_id

    @staticmethod
    def _author(command: c.Command) -> str:
        return f"{command.actor_role.value}:{command.actor}"
