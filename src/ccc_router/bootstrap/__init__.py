"""Settings -> services: the only room that picks adapters and wires rooms together.

A name is loaded when it is asked for the first time, so a command loads what it does and nothing else.
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ccc_router.bootstrap.issuing import tokens as tokens
    from ccc_router.bootstrap.processes import PROCESSES as PROCESSES
    from ccc_router.bootstrap.recording import record_last as record_last
    from ccc_router.bootstrap.records import erase as erase
    from ccc_router.bootstrap.records import tail_journal as tail_journal
    from ccc_router.bootstrap.records import verify_journal as verify_journal
    from ccc_router.bootstrap.reparsing import reparse_all as reparse_all
    from ccc_router.bootstrap.replaying import export_journal as export_journal
    from ccc_router.bootstrap.replaying import replay_file as replay_file
    from ccc_router.bootstrap.replaying import replay_pool as replay_pool
    from ccc_router.bootstrap.serving import run as run
    from ccc_router.bootstrap.storage import migrate_only as migrate_only
    from ccc_router.bootstrap.trying import demo as demo

_PLACES: Final = MappingProxyType(
    {
        "PROCESSES": "processes",
        "demo": "trying",
        "erase": "records",
        "export_journal": "replaying",
        "migrate_only": "storage",
        "record_last": "recording",
        "reparse_all": "reparsing",
        "replay_file": "replaying",
        "replay_pool": "replaying",
        "run": "serving",
        "tail_journal": "records",
        "tokens": "issuing",
        "verify_journal": "records",
    }
)


def __getattr__(name: str) -> object:
    """The name from the module that has it. Raises AttributeError."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
