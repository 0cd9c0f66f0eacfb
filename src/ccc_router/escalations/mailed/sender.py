"""The sender of mails to departments without a system."""

from collections.abc import Awaitable, Callable
from typing import Final

from ...queues.deliveries.port import Attempted, Delivery, Parked, Retry, Unknown
from ...routing.policy import Department
from ..links import ACTIONS, Links
from ..texts import Texts
from .writing import notice_of, write

Submit = Callable[[str, str, bytes], Awaitable[Attempted]]
"""Hand a mail to the relay once: envelope sender, recipient, the mail's bytes."""

_ASKING: Final = frozenset({"raised", "reminded", "overdue", "rejected", "reply"})


class DepartmentMailSender:
    """Sends one mail. The same mail twice does no harm: its Message-ID and its links are the same."""

    def __init__(
        self,
        department: Callable[[str], Department | None],
        texts: Texts,
        links: Links,
        submit: Submit | None,
        *,
        sender: str,
        public_url: str,
    ) -> None:
        """``submit`` None: no relay is configured, mails are parked. ``sender`` is our address for such mail."""
        self._department = department
        self._texts = texts
        self._links = links
        self._submit = submit
        self._sender = sender
        self._public_url = public_url

    async def send(self, delivery: Delivery) -> Attempted:
        """One attempt."""
        department = self._department(delivery.target)
        if department is None or not department.email:
            return Parked("no_address")
        if self._submit is None or not self._sender:
            return Parked("no_relay")
        if not self._public_url:
            return Parked("no_public_url")
        try:
            mail = write(delivery, department, await self._texts.of(delivery), await self._made(delivery), self._sender)
        except ValueError:
            return Parked("bad_address")
        outcome = await self._submit(self._sender, department.email, mail.as_bytes())
        return Retry(outcome.reason) if isinstance(outcome, Unknown) else outcome

    async def _made(self, delivery: Delivery) -> dict[str, str]:
        """Links for the department it lies with; who is only told that it is overdue cannot act on it."""
        if notice_of(delivery) not in _ASKING or delivery.data.get("department") != delivery.target:
            return {}
        made: dict[str, str] = {}
        for action in ACTIONS:
            token = await self._links.make(delivery.escalation_id, delivery.target, delivery.id, action)
            made[action] = f"{self._public_url}/v1/links/{token}"
        return made
