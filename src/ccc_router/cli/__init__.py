"""The command line: what a person types, one room for what runs, one for records, one for plays."""

from collections.abc import Callable
from typing import Final

import typer

from ccc_router.cli import playing, records, serving

app = typer.Typer(
    name="ccc-router",
    help="Omnichannel contact routing that can explain every decision. Settings are CCC_* variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
journal = typer.Typer(name="journal", help="The record of everything that happened.", no_args_is_help=True)
app.add_typer(journal)

_COMMANDS: Final[tuple[Callable[..., None], ...]] = serving.COMMANDS + records.COMMANDS + playing.COMMANDS
for _command in _COMMANDS:
    app.command()(_command)
_OF_THE_JOURNAL: Final[tuple[Callable[..., None], ...]] = records.JOURNAL
for _command in _OF_THE_JOURNAL:
    journal.command()(_command)


def main() -> None:
    """Where the console script begins."""
    app()
