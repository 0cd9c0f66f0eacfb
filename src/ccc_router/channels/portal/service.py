"""What the portal does for a visitor, apart from HTTP."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from ccc_router.channels.channel import Secrets
from ccc_router.channels.intake import DiskAlmostFull
from ccc_router.channels.portal import facts, names, proof
from ccc_router.channels.portal.forms import CallbackForm, ContactForm, MessageForm
from ccc_router.channels.portal.reading import Conversations
from ccc_router.channels.portal.stream import name_of
from ccc_router.channels.portal.tickets import NewTicket, TicketRow, Tickets
from ccc_router.channels.portal.uploads import Received
from ccc_router.events.commands import PromiseCallback
from ccc_router.events.facts import MessageReceived, Private
from ccc_router.events.inbox import Inbox, RawDelivery, Submission
from ccc_router.events.vocabulary import Channel, Role
from ccc_router.kernel.clock import Clock, to_ms
from ccc_router.kernel.errors import Invalid, NotFound, Unavailable
from ccc_router.kernel.ids import derive, fresh, parse_reference
from ccc_router.kernel.signing import same
from ccc_router.rest.asking import Desk, ask
from ccc_router.rest.numbers import typed_number
from ccc_router.routing.policy import Endpoint

Hint = Callable[[str], None]
_NO_TICKET: Final = "There is no such reference, or the token is not its own."


class Sent(msgspec.Struct, frozen=True):
    """A form as it came: its parsed content, its bytes, its path, and the key under which it may be repeated ("": none)."""

    endpoint: Endpoint
    path: str
    body: bytes
    key: str


class Opened(msgspec.Struct, frozen=True):
    """A ticket and the token that opens it."""

    ticket: TicketRow
    token: str


class Portal:
    """Takes forms and messages, knows tickets. Answers only after what it took is durable (I1)."""

    def __init__(
        self,
        inbox: Inbox,
        tickets: Tickets,
        conversations: Conversations,
        secrets: Secrets,
        clock: Clock,
        hint: Hint,
        desk: Desk,
        *,
        closed: Callable[[], bool] = lambda: False,
    ) -> None:
        """``closed``: whether nothing new is taken now; a message below a reference still is."""
        self._closed = closed
        self._inbox = inbox
        self._tickets = tickets
        self.conversations = conversations
        self._secrets = secrets
        self._clock = clock
        self._hint = hint
        self._desk = desk

    async def open(self, sent: Sent, form: ContactForm) -> Opened:
        """A contact form. The same key and body again: the same ticket and token; nothing is made twice (I2).

        Raises Invalid (422): filled in by a machine, unsolved or used challenge, unknown upload, same key with another body.
        """
        endpoint = sent.endpoint
        self._refuse_when_closed()
        if form.website:
            raise Invalid("The form was filled in by a machine.", code="rejected")
        key = sent.key or fresh("ik")
        key_hash = names.fingerprint(key)
        ids = facts.ids_of(endpoint, _dedup("contact", key_hash))
        known = await self._tickets.by_key(endpoint.id, key_hash) if sent.key else None
        solved = None
        if known is None and proof_wanted(endpoint):
            solved = await self._solved(endpoint, form.altcha)
        salt = names.new_salt()
        new = NewTicket(
            endpoint=endpoint.id,
            ids=ids,
            key_hash=key_hash,
            body_hash=names.fingerprint(sent.body.decode("latin-1")),
            salt=salt,
            token_hash=names.fingerprint(names.token_of(salt, key)),
            uploads=form.attachments,
            proof=solved,
        )
        ticket, files = await self._tickets.open(new)
        fact = facts.opened(endpoint, ids, form, files, self._clock.now_ms())
        await self._append(sent, _dedup("contact", key_hash), fact)
        self._hint(name_of(endpoint.id, ticket.reference))
        return Opened(ticket, names.token_of(ticket.salt, key))

    async def follow(self, sent: Sent, ticket: TicketRow, form: MessageForm) -> tuple[str, int]:
        """A message below a reference: its id and number, the same ones for the same key and body."""
        endpoint = sent.endpoint
        key = sent.key or fresh("ik")
        dedup = _dedup(f"message:{ticket.reference}", names.fingerprint(key))
        ids = facts.ids_of(endpoint, dedup)
        body_hash = names.fingerprint(sent.body.decode("latin-1"))
        line = await self._tickets.add_line(endpoint.id, ticket.reference, ids.message_id, body_hash, form.attachments)
        fact = facts.followed(endpoint, ids, ticket.reference, form, line.files, self._clock.now_ms())
        await self._append(sent, dedup, fact)
        self._hint(name_of(endpoint.id, ticket.reference))
        return ids.message_id, line.number

    async def call_back(self, sent: Sent, ticket: TicketRow, form: CallbackForm) -> None:
        """Have the visitor called on his case: one callback a ticket, asking again moves it.

        Raises Invalid (422): no number, or none; Conflict (409) outside the hours or without a switch; Unavailable (503).
        """
        name, claimed = await self.conversations.claimed(ticket)
        typed = form.phone or claimed
        if not typed and await self.conversations.state(ticket) == "received":
            raise Unavailable(retry_after_s=1)  # the form, which may name one, is still on its way
        if not typed:
            raise Invalid("Say at which number.", code="no_number")
        command = PromiseCallback(
            actor=ticket.contact_id,
            actor_role=Role.CUSTOMER,
            private=Private(name=name, address=typed_number(typed)),
            case_id=ticket.case_id,
            not_before=to_ms(form.not_before) if form.not_before is not None else 0,
        )
        key = names.fingerprint(sent.key or fresh("ik"))
        await ask(self._desk, command, _dedup(f"callback:{ticket.reference}", key))

    async def ticket(self, endpoint: Endpoint, reference: str, token: str) -> TicketRow:
        """The ticket a token opens. Raises NotFound (404) alike for an unknown reference, a foreign one and a wrong token."""
        parsed = parse_reference(reference)
        ticket = None if parsed is None else await self._tickets.by_reference(endpoint.id, parsed)
        expected = ticket.token_hash if ticket is not None else names.fingerprint("")
        if not same(names.fingerprint(token), expected) or ticket is None:
            raise NotFound(_NO_TICKET)
        return ticket

    async def keep(self, endpoint: Endpoint, file: Received) -> str:
        """Keep an upload and name it; the name is as good as a key to it, once."""
        self._refuse_when_closed()
        upload_id = fresh("at")
        await self._tickets.keep_upload(endpoint.id, upload_id, file)
        return upload_id

    async def spend(self, endpoint: Endpoint, payload: str | None) -> None:
        """Use up a solved challenge, where one is asked for. Raises Invalid (422)."""
        if proof_wanted(endpoint):
            await self._tickets.spend(await self._solved(endpoint, payload))

    def challenge(self, endpoint: Endpoint) -> dict[str, str | int]:
        """A challenge to solve. Raises NotFound (404) where none is asked for."""
        if not proof_wanted(endpoint):
            raise NotFound
        number = endpoint.options.get("proof_number", "")
        work = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else proof.DEFAULT_NUMBER
        return proof.ask(self._proof_keys(endpoint)[0], self._clock.now(), work)

    def _refuse_when_closed(self) -> None:
        if self._closed():
            raise DiskAlmostFull(retry_after_s=30)

    async def _solved(self, endpoint: Endpoint, payload: str | None) -> proof.Solved:
        keys = self._proof_keys(endpoint)
        now = self._clock.now()
        solved = await asyncio.to_thread(proof.check, payload, keys, now) if payload else None
        if solved is None:
            raise Invalid("Solve a challenge first.", code="proof_required")
        return solved

    def _proof_keys(self, endpoint: Endpoint) -> tuple[str, ...]:
        keys = self._secrets.of(f"{endpoint.id}.proof")
        if not keys:
            raise Unavailable("The portal's challenge has no key.", code="proof_unconfigured")
        return keys

    async def _append(self, sent: Sent, dedup: str, fact: MessageReceived) -> None:
        endpoint = sent.endpoint
        raw = RawDelivery(
            raw_id=derive("rw", endpoint.id, dedup),
            endpoint=endpoint.id,
            channel=Channel.PORTAL,
            received_at=fact.at,
            method="POST",
            path=sent.path,
            query="",
            headers={},
            body=sent.body,
            state="parsed",
        )
        await self._inbox.append([Submission(endpoint.id, dedup, fact)], raw)


def proof_wanted(endpoint: Endpoint) -> bool:
    """Whether the endpoint asks for proof of work: option ``proof`` is ``on``."""
    return endpoint.options.get("proof", "off") == "on"


def _dedup(what: str, key_hash: bytes) -> str:
    return f"{what}:{key_hash.hex()}"
