"""PostgreSQL started, watched and stopped by us: for trial, one site and tests. Elsewhere set CCC_DATABASE_URL."""

from ccc_router.storage.embedded.binaries import Binaries, bundled, installed
from ccc_router.storage.embedded.server import ROLE, SUPERUSER, EmbeddedPostgres, ServerFailed

__all__ = ["ROLE", "SUPERUSER", "Binaries", "EmbeddedPostgres", "ServerFailed", "bundled", "installed"]
