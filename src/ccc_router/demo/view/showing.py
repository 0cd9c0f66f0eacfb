"""Shows the figures while the demo goes on: redrawn once a second in a terminal, else a line now and then."""

from typing import Final, TextIO

from ccc_router.demo.view.figures import Figures, look
from ccc_router.demo.view.screen import account, line, screen
from ccc_router.demo.view.tape import Tape
from ccc_router.demo.world import World

_REDRAWN_S: Final = 1.0
_LINE_S: Final = 5.0
_HOME: Final = "\x1b[H"
_CLEAR: Final = "\x1b[2J"
_TO_LINE_END: Final = "\x1b[K"
_TO_END: Final = "\x1b[J"
_CURSOR_OFF: Final = "\x1b[?25l"
_CURSOR_ON: Final = "\x1b[?25h"


class Show:
    """``plain``: no terminal, or none that is wanted."""

    def __init__(self, world: World, out: TextIO, *, plain: bool) -> None:
        self._world = world
        self._out = out
        self._plain = plain
        self._tape = Tape(world)
        self._began = world.clock.monotonic()

    async def begin(self) -> None:
        """From here on it counts."""
        await self._tape.begin()
        self._began = self._world.clock.monotonic()
        self._write("" if self._plain else _CURSOR_OFF + _CLEAR)

    async def go_on(self) -> None:
        """Show, without end."""
        while True:
            await self._world.clock.sleep(_LINE_S if self._plain else _REDRAWN_S)
            self._draw(await look(self._world, self._tape, self._began))

    async def end(self) -> None:
        """Say what it came to."""
        figures = await look(self._world, self._tape, self._began)
        if not self._plain:
            self._draw(figures)
        self._write("\n".join(account(figures)) + "\n")

    def leave(self) -> None:
        """Give the terminal back as it was."""
        self._write("" if self._plain else _CURSOR_ON)

    def _draw(self, figures: Figures) -> None:
        if self._plain:
            self._write(line(figures) + "\n")
            return
        lines = (f"{text}{_TO_LINE_END}" for text in screen(figures, self._world.url, self._world.speed))
        self._write(_HOME + "\n".join(lines) + _TO_END + "\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
