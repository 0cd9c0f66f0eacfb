"""A mail over SMTP, an agent's answer over SMTP, and the customer's next mail finds its way back, three ways."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ccc_router.channels.email.adapter import EmailAdapter
from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.channels.email.listener import SmtpListener
from ccc_router.channels.email.mime.mail import Mail, read
from ccc_router.channels.email.outbound.ledger import Ledger
from ccc_router.channels.email.outbound.letters import Letters
from ccc_router.channels.email.outbound.sender import MailSender
from ccc_router.channels.email.outbound.smtp import Post, relay_of
from ccc_router.channels.intake import Intake
from ccc_router.channels.replies import Replies
from ccc_router.events.commands import AcceptOffer, SendMessage, SetSurge
from ccc_router.events.facts import Private
from ccc_router.events.vocabulary import Channel, DeliveryKind, Newcomers, Role, Visibility
from ccc_router.kernel.ids import derive, reference
from ccc_router.kernel.tasks import Supervisor
from ccc_router.routing.rows import Contact
from ccc_router.storage.database import Database
from ccc_router.workers.deliver import Deliver, Way
from ccc_router.workers.schedules import CUSTOMERS
from tests.support import mails
from tests.support.builders import a_catalogue
from tests.support.channel_intake import KeptBlobs, KnownSecrets
from tests.support.fake_relay import FakeRelay, Taken, relay
from tests.support.spine import Spine, running
from tests.support.waiting import eventually, until

ADDRESS = "care@ccc.example"


@dataclass
class Office:
    """The whole way of a mail: listener, inbox, engine, deliveries, relay."""

    spine: Spine
    listener: SmtpListener
    relay: FakeRelay

    async def receive(self, body: bytes, sender: str = "khach@example.com", to: str = ADDRESS) -> None:
        """A mail comes in over SMTP and is decided upon."""

        def work() -> None:
            with smtplib.SMTP("127.0.0.1", self.listener.port, timeout=10) as client:
                client.sendmail(sender, [to], body)

        await asyncio.to_thread(work)
        await self.spine.empty()

    @property
    def answers(self) -> list[Taken]:
        """What people wrote, as the relay took it; acknowledgements have the null sender."""
        return [one for one in self.relay.taken if one.sender]

    async def contact(self, number: int = 1) -> Contact:
        """The newest contact, once there are ``number`` of them."""
        await until(lambda: len(self.spine.state.contacts) >= number, what=f"{number} contacts")
        assert len(self.spine.state.contacts) == number
        return sorted(self.spine.state.contacts.values(), key=lambda contact: contact.arrived_at)[-1]

    async def answer(self, contact: Contact, text: str) -> Mail:
        """An agent takes the contact and answers; the mail as the customer gets it."""
        before = len(self.answers)
        if not contact.agent_id:
            await self.spine.ready("an")
            await until(lambda: bool(contact.offer_id), what="an offer")
            accepted = AcceptOffer(actor="an", actor_role=Role.AGENT, offer_id=contact.offer_id)
            assert (await self.spine.ask(accepted)).status == 200
        command = SendMessage(
            actor="an", actor_role=Role.AGENT, contact_id=contact.id, message_id=derive("ms", contact.id, text),
            visibility=Visibility.PRIVATE, private=Private(text=text),
        )  # fmt: skip
        assert (await self.spine.ask(command)).status == 200
        await until(lambda: len(self.answers) > before, what="the answer at the relay")
        return read(self.answers[-1].raw)


@asynccontextmanager
async def office(database: Database) -> AsyncIterator[Office]:
    async with relay() as fake, running(database) as spine:
        secrets = KnownSecrets({})
        intake = Intake(spine.inbox, KeptBlobs(), secrets, spine.current, spine.clock)
        threading = Threading([mails.KEY])
        post = Post(relay_of(f"smtp://127.0.0.1:{fake.port}?tls=none"))
        ledger = Ledger(database, mails.KEY)
        sender = MailSender(Letters(database), ledger, post, threading, spine.current, spine.clock)
        listener = SmtpListener(intake, EmailAdapter([mails.KEY]), lambda: a_catalogue().endpoints, spine.clock)
        replies = Replies(spine.current, {Channel.EMAIL: sender})
        way = Way(replies, CUSTOMERS, interval_s=0.05)
        deliver = Deliver(
            database,
            "main",
            spine.clock,
            {DeliveryKind.REPLY: way, DeliveryKind.ACKNOWLEDGEMENT: way},
            reported=lambda _: spine.loop.wake(),
        )
        supervisor = Supervisor(spine.clock)
        for loop in deliver.loops.values():
            supervisor.add(loop)
        await listener.start()
        try:
            yield Office(spine, listener, fake)
        finally:
            await listener.close()
            await deliver.close(drain_s=0)
            await supervisor.stop(1)


def customer_mail(text: str = "Tôi hỏi về thẻ BHYT.", **fields: str) -> bytes:
    return mails.a_mail(text, **({"To": ADDRESS, "Subject": "The BHYT"} | fields))


async def test_a_mail_is_acknowledged_answered_and_threads_back(database: Database) -> None:
    """Part 5: a mail sent with smtplib comes back as a reply that threads; answers find their case."""
    async with office(database) as desk:
        await desk.receive(customer_mail(Message_ID="<khach-1@example.com>"))
        contact = await desk.contact()
        await until(lambda: len(desk.relay.taken) == 1, what="the acknowledgement")
        said = reference(contact.case_id)
        acknowledgement = desk.relay.taken[0]
        assert acknowledgement.sender == ""
        assert f"[#{said}]".encode() in acknowledgement.raw
        assert b"\r\nIn-Reply-To: <khach-1@example.com>\r\n" in acknowledgement.raw

        reply = await desk.answer(contact, "Thẻ của Quý khách đã được gửi.")
        head = desk.answers[-1].raw.partition(b"\r\n\r\n")[0]
        assert b"\r\nIn-Reply-To: <khach-1@example.com>\r\n" in head
        assert b"\r\nReferences: <khach-1@example.com>\r\n" in head
        assert b"=?utf-8?q?=3C" not in head
        assert reply.full_text.startswith("Thẻ của Quý khách đã được gửi.")
        assert said in reply.subject

        # By Message-ID, from another address of the same person.
        await desk.receive(customer_mail("Một", In_Reply_To=reply.message_id, From="khac@example.net"))
        # By plus-address, when a program drops every reference.
        await desk.receive(
            customer_mail("Hai", Message_ID="<k2@x.vn>", To=reply.reply_to.address), to=reply.reply_to.address
        )
        # By the subject's tag, because the writer takes part.
        await desk.receive(customer_mail("Ba", Message_ID="<k3@x.vn>", Subject=f"Hoi them [#{said.lower()}]"))
        # By the id of his own first mail.
        await desk.receive(customer_mail("Bon", Message_ID="<k4@x.vn>", References="<khach-1@example.com>"))
        assert (await desk.contact()).messages == 6
        assert len(desk.spine.state.cases) == 1

        # The tag alone gives a stranger nothing.
        await desk.receive(
            customer_mail("Nam", Message_ID="<k5@x.vn>", Subject=f"Re: [#{said}]", From="la@example.org")
        )
        stranger = await desk.contact(2)
        assert stranger.case_id != contact.case_id


async def test_a_second_answer_references_the_whole_thread(database: Database) -> None:
    async with office(database) as desk:
        await desk.receive(customer_mail(Message_ID="<k1@x.vn>"))
        contact = await desk.contact()
        first = await desk.answer(contact, "Một")
        await desk.receive(
            customer_mail(
                "Cảm ơn",
                Message_ID="<k2@x.vn>",
                In_Reply_To=first.message_id,
                References=f"<k1@x.vn> {first.message_id}",
            )
        )
        second = await desk.answer(contact, "Hai")
        assert second.in_reply_to == ("<k2@x.vn>",)
        assert second.references == ("<k1@x.vn>", first.message_id, "<k2@x.vn>")
        assert second.message_id != first.message_id


async def test_a_bounce_is_told_to_those_who_answer(database: Database) -> None:
    async with office(database) as desk:
        await desk.receive(customer_mail())
        contact = await desk.contact()
        reply = await desk.answer(contact, "Một")
        bounce = mails.raw("bounces/rfc3464-permanent").replace(mails.MESSAGE_ID.encode(), reply.message_id.encode())
        await desk.receive(
            bounce.replace(b"cskh@bhxh.example.vn", ADDRESS.encode()), sender="<>", to=desk.answers[-1].sender
        )

        async def marked() -> bool:
            mark = await database.pool.fetchval(
                "SELECT mark FROM message WHERE direction = 'outbound' AND contact_id = $1", contact.id
            )
            return bool(mark == "failed")

        await eventually(marked, what="the bounce on the message")
        assert len(desk.spine.state.contacts) == 1


async def test_i2_copies_at_once_are_one_contact_and_one_acknowledgement(database: Database) -> None:
    async with office(database) as desk:
        await asyncio.gather(*(desk.receive(customer_mail()) for _ in range(16)))
        await desk.contact()
        await until(lambda: bool(desk.relay.taken), what="the acknowledgement")
        assert await database.pool.fetchval("SELECT count(*) FROM delivery") == 1


async def test_automatic_mail_wakes_nobody_and_is_not_answered(database: Database) -> None:
    async with office(database) as desk:
        await desk.receive(customer_mail(Auto_Submitted="auto-replied"))
        assert await database.pool.fetchval("SELECT state FROM contact") == "deflected"
        assert await database.pool.fetchval("SELECT count(*) FROM delivery") == 0


async def test_an_acknowledgement_tells_what_a_surge_has_to_tell(database: Database) -> None:
    """In the words of the surge that was on when the mail came, also when it leaves after the end of the surge."""
    async with office(database) as desk:
        command = SetSurge(
            actor="mai", actor_role=Role.SUPERVISOR, queue="general", reason="VssID is down", newcomers=Newcomers.DEFLECT,
            until=desk.spine.clock.now_ms() + 600_000, announcement="vssid_down", message_id="ms_notice",
            private=Private(text="VssID đang bảo trì đến 14 giờ {hôm nay}.", extra={"en": "VssID is down until 14:00."}),
        )  # fmt: skip
        assert (await desk.spine.ask(command)).status == 200
        await desk.receive(customer_mail())
        contact = await desk.contact()
        assert contact.queue == "general", "a message is never refused"
        await until(lambda: len(desk.relay.taken) == 1, what="the acknowledgement")
        said = read(desk.relay.taken[0].raw).text
        assert "VssID đang bảo trì đến 14 giờ {hôm nay}." in said
        assert said.index(reference(contact.case_id)) < said.index("VssID"), (
            "first that it arrived, then what everybody is told"
        )
        over = SetSurge(actor="mai", actor_role=Role.SUPERVISOR, queue="general", reason="it works")
        assert (await desk.spine.ask(over)).status == 200
        await desk.receive(customer_mail(From="other@example.com"), sender="other@example.com")
        await until(lambda: len(desk.relay.taken) == 2, what="the next acknowledgement")
        assert "VssID" not in read(desk.relay.taken[1].raw).text
