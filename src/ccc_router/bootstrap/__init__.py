"""Settings -> services: the only room that picks adapters and wires rooms together."""

from ccc_router.bootstrap.recording import record_last
from ccc_router.bootstrap.reparsing import reparse_all
from ccc_router.bootstrap.rooms import tokens
from ccc_router.bootstrap.serving import run
from ccc_router.bootstrap.storage import migrate_only
from ccc_router.bootstrap.trying import demo

__all__ = ["demo", "migrate_only", "record_last", "reparse_all", "run", "tokens"]
