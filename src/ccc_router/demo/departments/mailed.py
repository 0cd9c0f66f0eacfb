"""Departments without a system: somebody there reads the mail and uses its links, each of which works once."""

import re
from email.message import EmailMessage
from typing import Final
from urllib.parse import urlencode, urlsplit

from ccc_router.demo import words
from ccc_router.demo.departments.working import temper_of
from ccc_router.demo.world import World

_LINK: Final = re.compile(r"^(Acknowledge|Answer):\s*(\S+)", re.MULTILINE)
_READS_S: Final = 2.0
_ANSWERS_S: Final = 5.0


class Mailed:
    """Everybody who reads a department's mail."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = world.chance("department-mail")

    def arrived(self, department: str, mail: EmailMessage) -> None:
        """A mail for a department."""
        body = mail.get_body(("plain",))
        links = dict(_LINK.findall(body.get_content())) if body is not None else {}
        if links and temper_of(department) != "dead":
            self._world.begin(self._use(links), f"department-mail-{department}")

    async def _use(self, links: dict[str, str]) -> None:
        await self._world.pause(self._dice, _READS_S)
        if "Acknowledge" in links:
            await self._follow(links["Acknowledge"], {})
        await self._world.pause(self._dice, _ANSWERS_S)
        if "Answer" in links:
            await self._follow(links["Answer"], {"text": self._dice.choice(words.DEPARTMENT_ANSWERS)})

    async def _follow(self, link: str, form: dict[str, str]) -> None:
        """Look at the page, then press its button."""
        path = urlsplit(link).path
        page = await self._world.send("GET", path, headers={})
        if page.done:
            headers = {"content-type": "application/x-www-form-urlencoded"}
            await self._world.send("POST", path, headers=headers, content=urlencode(form).encode())
