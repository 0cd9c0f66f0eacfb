"""Topics: made as we want them where we may, taken as they are where not."""

from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from ccc_router.kernel.log import get_logger
from ccc_router.storage.kafka import Cluster

_log = get_logger("events.kafka")

PARTITIONS: Final = 12
_REPLICAS: Final = 3
_RETENTION_MS: Final = 30 * 24 * 3_600_000
"""Below the 40 days for which dedup keys are known: a topic read again from its beginning makes nothing twice."""


REQUEST_MS: Final = 5_000
"""How long an answer of a broker is waited for, and how often it is asked who leads what."""


def arguments(cluster: Cluster, request_ms: int) -> dict[str, Any]:
    """What every client is told."""
    return cluster.arguments() | {"request_timeout_ms": request_ms, "metadata_max_age_ms": request_ms}


async def prepare(cluster: Cluster, topic: str, request_ms: int) -> int:
    """Make the topic if it is missing; how many partitions it has, 0 when that cannot be told yet. Raises KafkaError when Kafka is away."""
    admin = AIOKafkaAdminClient(**arguments(cluster, request_ms))
    try:
        await admin.start()
        if topic not in await admin.list_topics():
            await _make(admin, topic)
        [described] = await admin.describe_topics([topic])
        return len(described["partitions"])
    finally:
        await admin.close()


async def _make(admin: AIOKafkaAdminClient, topic: str) -> None:
    """Who may not make topics relies on those who may, or on the broker."""
    try:
        brokers = len((await admin.describe_cluster())["brokers"])
        replicas = min(_REPLICAS, brokers)
        configs = {
            "retention.ms": str(_RETENTION_MS),
            "min.insync.replicas": str(max(1, replicas - 1)),
        }
        await admin.create_topics([NewTopic(topic, PARTITIONS, replicas, topic_configs=configs)])
    except (KafkaError, AttributeError) as error:  # AttributeError: there is no controller to ask
        _log.warning("topic_not_made", topic=topic, error=type(error).__name__)
