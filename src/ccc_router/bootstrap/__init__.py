"""Settings -> services: the only room that picks adapters and wires rooms together."""

from ccc_router.bootstrap.parts.rooms import tokens
from ccc_router.bootstrap.processes import PROCESSES
from ccc_router.bootstrap.recording import record_last
from ccc_router.bootstrap.records import erase, tail_journal, verify_journal
from ccc_router.bootstrap.reparsing import reparse_all
from ccc_router.bootstrap.replaying import Replayed, export_journal, replay_file, replay_pool
from ccc_router.bootstrap.serving import run
from ccc_router.bootstrap.storage import migrate_only
from ccc_router.bootstrap.trying import demo

__all__ = [
    "PROCESSES",
    "Replayed",
    "demo",
    "erase",
    "export_journal",
    "migrate_only",
    "record_last",
    "reparse_all",
    "replay_file",
    "replay_pool",
    "run",
    "tail_journal",
    "tokens",
    "verify_journal",
]
