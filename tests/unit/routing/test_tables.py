"""The closed sets of the core are whole: every input has a handler, every decision an applier, every page its table."""

from pathlib import Path
from typing import get_args

from ccc_router.events.envelope import AnyInput
from ccc_router.routing import decisions
from ccc_router.routing.applying import APPLIERS
from ccc_router.routing.lifecycles.diagram import document
from ccc_router.routing.step import _HANDLERS


def test_every_input_has_a_handler() -> None:
    assert set(_HANDLERS) == set(get_args(AnyInput))


def test_every_decision_has_an_applier() -> None:
    made = {getattr(decisions, name) for name in decisions.__all__}
    assert set(APPLIERS) == made - {decisions.Decision, decisions.Accepted}


def test_the_page_of_lifecycles_says_what_the_tables_say() -> None:
    page = Path(__file__).parents[3] / "docs" / "lifecycles.md"
    assert page.read_text(encoding="utf-8") == document(), "write document() into docs/lifecycles.md"
