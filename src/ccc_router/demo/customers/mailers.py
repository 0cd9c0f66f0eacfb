"""People who write mails, and the mailboxes in which answers arrive, the customers' and the departments'."""

import random
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Final

import aiosmtplib
from aiosmtpd.smtp import SMTP, Envelope, Session

from ccc_router.demo import words
from ccc_router.demo.customers.people import Matter
from ccc_router.demo.world import World

_WRITES_AGAIN: Final = 0.2
_READS_S: Final = 4.0
_HTML: Final = 0.4


class Mailers:
    """``address`` is the centre's mailbox; ``department_mail`` is given what goes to a department."""

    def __init__(self, world: World, address: str, department_mail: Callable[[str, EmailMessage], None]) -> None:
        self._world = world
        self._address = address
        self._department_mail = department_mail
        self._dice = world.chance("mailboxes")
        self._letters = 0

    async def write(self, matter: Matter, dice: random.Random) -> None:
        """A first mail."""
        question = words.spoken(words.QUESTIONS[matter.topic], matter.language)
        mail = self._letter(matter.person.email, question.split(",")[0][:60])
        greeting = "Dear Sir or Madam," if matter.language == "en" else "Kính gửi Trung tâm,"
        mail.set_content(f"{greeting}\n\n{question}\n\n{matter.person.name}\n")
        if dice.random() < _HTML:
            mail.add_alternative(f"<p>{greeting}</p><p>{question}</p><p>{matter.person.name}</p>", subtype="html")
        await self._post(mail)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's word
        """A mail arrived in somebody's mailbox."""
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        mail = message_from_bytes(content, policy=policy.default)
        for address in envelope.rcpt_tos:
            if address.endswith("@bhxh.example"):
                self._department_mail(address.partition("@")[0], mail)
            elif mail.get("Auto-Submitted", "no") == "no" and self._dice.random() < _WRITES_AGAIN:
                self._world.begin(self._answer(address, mail), "mail-answer")
        return "250 OK"

    async def _answer(self, address: str, got: EmailMessage) -> None:
        """The customer answers below what the centre wrote."""
        await self._world.pause(self._dice, _READS_S)
        mail = self._letter(address, f"Re: {str(got['Subject']).removeprefix('Re: ')}")
        mail["In-Reply-To"] = str(got["Message-ID"])
        mail["References"] = f"{got.get('References', '')} {got['Message-ID']}".strip()
        if reply_to := got.get("Reply-To"):
            mail.replace_header("To", str(reply_to))
        body = got.get_body(("plain",))
        quoted = "\n".join(f"> {line}" for line in (body.get_content() if body else "").splitlines())
        mail.set_content(f"{self._dice.choice(words.MORE)[0]}\n\nVào lúc đó, Trung tâm đã viết:\n{quoted}\n")
        await self._post(mail)

    def _letter(self, sender: str, subject: str) -> EmailMessage:
        self._letters += 1
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"] = sender
        mail["To"] = self._address
        mail["Subject"] = subject
        mail["Date"] = self._world.clock.now()
        mail["Message-ID"] = f"<{self._world.run}-{self._letters}@mail.example>"
        return mail

    async def _post(self, mail: EmailMessage) -> None:
        """By SMTP; a mail that is not taken is tried once more later, as a mail server would."""
        host, port = self._world.smtp
        for _ in range(2):
            try:
                await aiosmtplib.send(mail, hostname=host, port=port, timeout=15, start_tls=False)
            except (aiosmtplib.SMTPException, OSError):
                await self._world.clock.sleep(2)
            else:
                return
