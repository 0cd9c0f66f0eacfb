"""The demo: the service as `serving.run` runs it, on a data folder of its own, with a town around it."""

import asyncio
from functools import partial
from typing import Final, TextIO

from ccc_router.bootstrap.issuing import tokens
from ccc_router.bootstrap.serving import run
from ccc_router.bootstrap.spine import Spine
from ccc_router.demo.options import Options
from ccc_router.demo.play import Service, play
from ccc_router.demo.serving import HOST, Places, places, port_of, smtp_port
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.errors import Misconfigured
from ccc_router.settings import Settings

FOLDER: Final = "demo"
_TOKENS_S: Final = 30 * 24 * 3600


async def demo(settings: Settings, options: Options, out: TextIO) -> None:
    """Run service and town until SIGTERM, SIGINT or the end of its time. Raises Misconfigured."""
    _refuse(settings)
    taken = places()
    try:
        own = settings.model_copy(
            update={
                "data_dir": settings.data_dir / FOLDER,
                "smtp_port": settings.smtp_port or smtp_port(),
                "mail_relay": f"smtp://{HOST}:{port_of(taken.mail)}?tls=none",
                "mail_from": "hotro@ccc.example",
            }
        )
        await run(type(settings).model_validate(own.model_dump()), beside=partial(_beside, options, taken, out))
    finally:
        taken.close()


def _refuse(settings: Settings) -> None:
    """Invented people go into no database and no catalogue but their own."""
    for name in ("database_url", "catalogue", "mail_relay"):
        if getattr(settings, name) is not None:
            raise Misconfigured(f"CCC_{name.upper()}: the demo has its own; unset it")


async def _beside(options: Options, taken: Places, out: TextIO, spine: Spine, stop: asyncio.Event) -> None:
    settings = spine.settings
    issued = tokens(settings, spine.clock)
    service = Service(
        url=f"http://{settings.host}:{settings.port}",
        smtp=(settings.smtp_host, settings.smtp_port),
        token_of=lambda role, subject: issued.issue(Role(role), subject, lifetime_s=_TOKENS_S),
        secret_of=lambda name: spine.secrets.ensure(name)[0],
    )
    await play(service, options, taken, spine.clock, stop, out)
