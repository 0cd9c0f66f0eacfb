"""What runs until it is told to stop, and what is looked at before."""

import os
import sys
from collections.abc import Callable
from typing import Annotated, Final

import typer

from ccc_router import bootstrap, settings
from ccc_router.cli.running import chosen_settings, run
from ccc_router.demo.options import Options
from ccc_router.events.vocabulary import Role
from ccc_router.kernel import log
from ccc_router.kernel.clock import SystemClock


def _process(name: str) -> Callable[[], None]:
    def start() -> None:
        run(bootstrap.run(chosen_settings(), name))

    start.__name__, start.__doc__ = name, bootstrap.PROCESSES[name].told
    return start


def demo(
    speed: Annotated[float, typer.Option(min=0.1, max=50, help="how busy: 1 is what the agents just manage")] = 1.0,
    seconds: Annotated[float, typer.Option(min=0, help="stop after so long; 0 is until Ctrl-C")] = 0,
    seed: Annotated[int, typer.Option(help="another town for another number")] = 1,
    *,
    plain: Annotated[bool, typer.Option("--plain", help="lines instead of a screen")] = False,
) -> None:
    """Run everything with simulated customers, agents and departments around it, and show how it goes."""
    chosen = chosen_settings()
    options = Options(speed=speed, seconds=seconds, seed=seed, plain=plain or not sys.stdout.isatty())
    if options.plain:
        run(bootstrap.demo(chosen, options, sys.stdout))
        return
    chosen.data_dir.mkdir(parents=True, exist_ok=True)
    with (chosen.data_dir / "demo.log").open("a", encoding="utf-8") as lines:  # the screen is taken
        log.configure(chosen.log_level, stream=lines)
        run(bootstrap.demo(chosen, options, sys.stdout))


def token(
    role: Annotated[Role, typer.Option(help="agent, supervisor, admin, department or channel")],
    subject: Annotated[str, typer.Option(help="the agent's, department's or endpoint's id in the catalogue")],
    hours: Annotated[int, typer.Option(min=1, max=24 * 366, help="how long it is good for")] = 12,
) -> None:
    """Print a bearer token signed with the service's own key."""
    ours = bootstrap.tokens(chosen_settings(), SystemClock())
    try:
        print(ours.issue(role, subject, lifetime_s=3600 * hours))
    except ValueError as refused:
        raise typer.BadParameter(str(refused), param_hint="--role") from None


def migrate() -> None:
    """Bring the database's schema up to date."""
    print(f"schema at {run(bootstrap.migrate_only(chosen_settings()))}")


def check_config() -> None:
    """Tell every fault of the settings, naming the variable; nothing is started."""
    chosen = chosen_settings()
    for name in settings.Settings.model_fields:
        if settings.PREFIX + name.upper() in os.environ:
            print(f"{settings.PREFIX}{name.upper()} is set")
    where = "CCC_DATABASE_URL" if chosen.database_url is not None else f"embedded in {chosen.data_dir}"
    print(f"ok: port {chosen.port}, database {where}")


COMMANDS: Final[tuple[Callable[..., None], ...]] = (
    *map(_process, bootstrap.PROCESSES),
    demo,
    token,
    migrate,
    check_config,
)
