"""The sender of answers and acknowledgements on mailboxes.

The Message-ID derives from case and message, so it is fixed before the first attempt and the same on every one: a receiver that
sees a mail twice can tell. Temporary refusals are tried again after 1, 5, 15, 60 minutes and then ever more rarely for three days.
"""

from typing import Final, Protocol, assert_never

from ccc_router.channels.email.inbound.automatic import LOOP_HEADER
from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.channels.email.mailbox import Mailbox, mailbox_of, with_tag
from ccc_router.channels.email.outbound import texts
from ccc_router.channels.email.outbound.compose import Letter, compose
from ccc_router.channels.email.outbound.ledger import Ledger
from ccc_router.channels.email.outbound.letters import Letters, Material, Missing
from ccc_router.channels.email.outbound.smtp import Post, wire_address
from ccc_router.events.vocabulary import DeliveryKind
from ccc_router.kernel.clock import Clock
from ccc_router.queues.deliveries.port import Attempted, Delivery, Failed, Parked, Postponed, Retry, Sent, Unknown
from ccc_router.queues.waits.telling import SOON_MS, is_early
from ccc_router.queues.waits.words import wait_sentences
from ccc_router.routing.policy import Endpoint

_MINUTE: Final = 60_000
_SCHEDULE_MIN: Final = (1, 5, 15, 60, 240, 720, 1440, 1440)
_LONGEST: Final = 3 * 24 * 60 * _MINUTE
_AFTER_DOUBT: Final = 5 * _MINUTE


class Endpoints(Protocol):
    """The catalogue in force, as far as this sender needs it."""

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint of this id, or None."""
        ...


class MailSender:
    """Sends REPLY and ACKNOWLEDGEMENT deliveries whose target is a mailbox. ``post`` None: no relay is configured."""

    def __init__(
        self,
        letters: Letters,
        ledger: Ledger,
        post: Post | None,
        threading: Threading,
        endpoints: Endpoints,
        clock: Clock,
    ) -> None:
        self._letters = letters
        self._ledger = ledger
        self._post = post
        self._threading = threading
        self._endpoints = endpoints
        self._clock = clock

    async def send(self, delivery: Delivery) -> Attempted:
        """One attempt."""
        automatic = delivery.kind is DeliveryKind.ACKNOWLEDGEMENT
        if self._post is None:
            # An answer waits for somebody to configure a relay; nobody misses an acknowledgement.
            return Failed("no_relay") if automatic else Parked("no_relay")
        material = await self._letters.material(delivery)
        if isinstance(material, Missing):
            return Failed(material.reason)
        if material.standing is not None and is_early(material.standing, delivery, self._clock.now_ms()):
            return Postponed("not_foretold", SOON_MS)
        endpoint = self._endpoints.endpoint(material.endpoint or delivery.target)
        mailbox = mailbox_of(endpoint) if endpoint is not None else None
        if mailbox is None or not mailbox.address:
            return Parked("no_mailbox")
        try:
            recipient = wire_address(material.address)
            raw = compose(self._letter(delivery, material, mailbox))
        except ValueError:
            return Failed("bad_address")
        if automatic:
            limit = await self._ledger.claim(delivery, mailbox.endpoint_id, recipient)
            if limit:
                return Failed(limit)
        else:
            await self._ledger.note(delivery, mailbox.endpoint_id, recipient)
        if delivery.interrupted:
            await self._ledger.doubt(delivery)  # the attempt that was cut may have arrived: this one is the repetition
        attempted = await self._post.send(self._envelope_from(delivery, mailbox), recipient, raw)
        return await self._judged(delivery, mailbox, attempted)

    async def _judged(self, delivery: Delivery, mailbox: Mailbox, attempted: Attempted) -> Attempted:
        match attempted:
            case Sent():
                return Sent(self._message_id(delivery, mailbox))
            case Unknown(reason=reason):
                # Once more under the same Message-ID; a second silence is reported as it is.
                if await self._ledger.doubt(delivery):
                    return attempted
                return Retry(reason, after_ms=_AFTER_DOUBT)
            case Retry(reason=reason):
                after = _SCHEDULE_MIN[min(max(delivery.attempt, 1), len(_SCHEDULE_MIN)) - 1] * _MINUTE
                if delivery.created_at and self._clock.now_ms() + after > delivery.created_at + _LONGEST:
                    return Failed(f"expired_{reason}")
                return Retry(reason, after_ms=after)
            case Failed() | Parked() | Postponed():
                return attempted
            case _:
                assert_never(attempted)

    def _message_id(self, delivery: Delivery, mailbox: Mailbox) -> str:
        return self._threading.message_id(delivery.case_id, self._own_message(delivery), mailbox.host)

    def _own_message(self, delivery: Delivery) -> str:
        """Whose id the mail bears: an acknowledgement is no message of the case, so it bears its delivery's."""
        return delivery.id if delivery.kind is DeliveryKind.ACKNOWLEDGEMENT else delivery.message_id

    def _envelope_from(self, delivery: Delivery, mailbox: Mailbox) -> str:
        """Null for what a machine wrote, so that nothing ever answers it; else an address that names the message when it bounces."""
        if delivery.kind is DeliveryKind.ACKNOWLEDGEMENT:
            return ""
        return with_tag(mailbox.address, self._threading.bounce_tag(delivery.message_id)) or mailbox.address

    def _letter(self, delivery: Delivery, material: Material, mailbox: Mailbox) -> Letter:
        automatic = delivery.kind is DeliveryKind.ACKNOWLEDGEMENT
        name, number, language = mailbox.name, material.reference, mailbox.language
        extra = {LOOP_HEADER: self._threading.loop_token(mailbox.endpoint_id)}
        if automatic:
            extra |= {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}
            waits = wait_sentences(material.standing, language) if material.standing is not None else []
            text = texts.acknowledgement(name, number, language, material.notice, waits)
        else:
            text = texts.answer(material.text, name, number, language)
        return Letter(
            message_id=self._message_id(delivery, mailbox),
            sender=mailbox.address,
            sender_name=name,
            to=wire_address(material.address),
            to_name=material.name,
            subject=texts.subject(material.subject, number, language),
            text=text,
            written_at=delivery.created_at or self._clock.now_ms(),
            reply_to=with_tag(mailbox.address, self._threading.case_tag(delivery.case_id)) or mailbox.address,
            in_reply_to=material.answered,
            references=(*material.references, *([material.answered] if material.answered else [])),
            language=language,
            extra=extra,
            files=() if automatic else material.files,
        )
