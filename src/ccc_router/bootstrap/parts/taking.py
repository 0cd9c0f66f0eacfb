"""The way in for every delivery: what a webhook, a socket, a mail system or a person who reads again hands over."""

from ccc_router.bootstrap.spine import Spine
from ccc_router.channels.intake import Intake
from ccc_router.channels.keeping import PostgresBlobs
from ccc_router.channels.phone.ari.joiner import AriJoiner
from ccc_router.channels.phone.ari.store import PostgresSightings


def intake(spine: Spine) -> Intake:
    """What takes deliveries in and makes facts of them."""
    database = spine.storage.database
    joiner = AriJoiner(PostgresSightings(database, spine.settings.pool))
    blobs = PostgresBlobs(database)
    return Intake(spine.facts, blobs, spine.secrets, spine.current, spine.clock, joiner, closed=spine.closed)
