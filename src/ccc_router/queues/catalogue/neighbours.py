"""Other pools: what may be handed over to them, and what they may hand over to us (ADR 0046)."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from ccc_router.queues.catalogue.document import Fault, pointer
from ccc_router.routing.policy import Catalogue, Endpoint, Queue
from ccc_router.storage.database import Database

_POOL: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
_OTHERS: Final = """
SELECT DISTINCT ON (pool) pool, document::text AS document FROM catalogue WHERE pool <> $1 ORDER BY pool, version DESC
"""


async def neighbours(database: Database, pool: str) -> dict[str, Catalogue]:
    """The catalogues in force of all other pools. Raises what the database raises."""
    rows = await database.pool.fetch(_OTHERS, pool)
    return {row["pool"]: msgspec.json.decode(row["document"], type=Catalogue) for row in rows}


def pool_faults(catalogue: Catalogue, pool: str, others: Mapping[str, Catalogue] | None) -> Iterator[Fault]:
    """Everything wrong between this catalogue, of ``pool`` ("": not known yet), and the ``others`` (None: not known).

    Whoever takes a contact over answers by the way the customer came, so every endpoint by which he may have come is shared with him.
    """
    for at, queue in enumerate(catalogue.queues):
        for number, rule in enumerate(queue.overflow_when):
            here = pointer("queues", at, "overflow_when", number)
            if not rule.pool:
                continue
            yield from _pool(rule.pool, pool, here + "/pool")
            if rule.if_on_target:
                yield Fault(here + "/if_on_target", "unknowable", "how a queue of another pool does is not known here")
            if others is not None and rule.pool != pool:
                yield from _fits(catalogue, pool, queue, rule.pool, rule.to, others, here)
    for at, endpoint in enumerate(catalogue.endpoints):
        if endpoint.shared_from:
            yield from _pool(endpoint.shared_from, pool, pointer("endpoints", at, "shared_from"))
    for name, other in sorted((others or {}).items()):
        yield from _relied_on(catalogue, pool, name, other)


def _pool(named: str, own: str, path: str) -> Iterator[Fault]:
    if not _POOL.fullmatch(named):
        yield Fault(path, "bad_pool", "a pool is lower-case letters, digits, dash and underscore, at most 31")
    elif named == own:
        yield Fault(path, "own_pool", "that is this pool: leave it out")


def _fits(
    catalogue: Catalogue, pool: str, queue: Queue, to_pool: str, to: str, others: Mapping[str, Catalogue], path: str
) -> Iterator[Fault]:
    """Our rule against the catalogue of the pool it names."""
    other = others.get(to_pool)
    if other is None:
        yield Fault(path + "/pool", "unknown_pool", f"no pool {to_pool} has a catalogue in force")
        return
    target = next((one for one in other.queues if one.id == to), None)
    if target is None:
        yield Fault(path + "/to", "unknown_queue", f"there is no queue {to} in the pool {to_pool}")
        return
    for channel in sorted(set(queue.channels) - {"internal"} - set(target.channels)):
        yield Fault(path + "/to", "wrong_channel", f"{to} in the pool {to_pool} does not serve {channel}")
    for endpoint in unshared(catalogue, pool, queue, other):
        yield Fault(path + "/pool", "not_shared", f"the catalogue of {to_pool} does not share the endpoint {endpoint}")


def _relied_on(catalogue: Catalogue, pool: str, name: str, other: Catalogue) -> Iterator[Fault]:
    """Rules of another pool that name us, against what we want to put in force."""
    known = {queue.id for queue in catalogue.queues}
    for queue in other.queues:
        for rule in queue.overflow_when:
            if rule.pool != pool or not pool:
                continue
            if rule.to not in known:
                yield Fault("/queues", "in_use", f"{queue.id} of the pool {name} overflows to {rule.to}")
            for endpoint in unshared(other, name, queue, catalogue):
                yield Fault("/endpoints", "in_use", f"{queue.id} of the pool {name} overflows here by {endpoint}")


def unshared(catalogue: Catalogue, pool: str, queue: Queue, other: Catalogue) -> list[str]:
    """The endpoints by which a contact may have come to a queue, and by which the other catalogue cannot answer."""
    theirs = {one.id: one for one in other.endpoints}
    return [
        one.id
        for one in catalogue.endpoints
        if one.channel in queue.channels and not _shares(one, pool, theirs.get(one.id))
    ]


def _shares(ours: Endpoint, pool: str, theirs: Endpoint | None) -> bool:
    if theirs is None or theirs.channel != ours.channel or theirs.shared_from != (ours.shared_from or pool):
        return False
    return bool(theirs.control_url) or not ours.control_url
