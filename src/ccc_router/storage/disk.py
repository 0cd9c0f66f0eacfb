"""How full the database's disk is, so that what is new is refused while there is still room for what is under way (I14)."""

import asyncio
import shutil
from pathlib import Path
from typing import Final

from prometheus_client import Gauge

from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Loop

_log = get_logger("storage.disk")
USED: Final = Gauge("ccc_disk_used_ratio", "Used share of the file system the embedded database lies on")
REFUSING: Final = Gauge("ccc_disk_refusing", "1 while new contacts are refused because that file system is almost full")
_LOOK_S: Final = 5.0
_BACK: Final = 2
"""Percent below the mark before what is new is taken again: at the mark itself it would go to and fro."""


class Disk:
    """Looks every five seconds. Run ``loop`` under the supervisor. Of a database that is not ours nothing can be seen."""

    def __init__(self, folder: Path | None, watermark: int) -> None:
        """``folder`` is the embedded database's; None: it is elsewhere. ``watermark``: percent; 100 never refuses."""
        self._folder = folder
        self._watermark = watermark
        self.used = 0.0
        self.almost_full = False
        self.loop = Loop("disk", self.look, _LOOK_S)

    async def look(self) -> None:
        """Measure; change sides at the mark."""
        if self._folder is None or self._watermark >= 100:
            return
        try:
            usage = await asyncio.to_thread(shutil.disk_usage, self._folder)
        except OSError as error:
            _log.warning("disk_not_measured", error=type(error).__name__)
            return
        self.weigh(usage.used, usage.used + usage.free)  # what is kept for root is no room for us

    def weigh(self, used: int, whole: int) -> None:
        """So many bytes of so many are used."""
        self.used = used / whole if whole else 0.0
        mark = self._watermark - (_BACK if self.almost_full else 0)
        almost_full = 100 * self.used > mark
        if almost_full is not self.almost_full:
            _log.error(
                "disk_almost_full" if almost_full else "disk_has_room_again", used_percent=round(100 * self.used)
            )
        self.almost_full = almost_full
        USED.set(self.used)
        REFUSING.set(almost_full)
