"""Kafka for tests: a mock cluster everywhere, and a real Apache Kafka where there is Java (`make test` fetches it).

| fixture | what it is |
|---|---|
| `kafka` | each test twice: on a fresh mock cluster, and on the run's one real broker (or on CCC_TEST_KAFKA=host:port) |
| `way` | the same and, before them, none: facts go through PostgreSQL |
| `own_kafka` | the same two without CCC_TEST_KAFKA: a cluster that the test may stop with `go_away()` and `come_back()` |
| `kafka_mock` | a fresh mock cluster of three brokers: errors, delays, brokers up and down |
| `kafka_way` | the run's one real broker behind a proxy that spoils the way, at the address that it tells its clients |
| `kafka_trio` | the run's one real cluster of three nodes: kill, pause; mended after each test |

The real ones outlive a test: give topics names of your own (`topic` is one).
"""

from tests.support.kafka.fixtures import (
    kafka,
    kafka_mock,
    kafka_programs,
    kafka_trio,
    kafka_way,
    own_kafka,
    real_kafka,
    real_trio,
    report,
    topic,
    way,
)

__all__ = [
    "kafka",
    "kafka_mock",
    "kafka_programs",
    "kafka_trio",
    "kafka_way",
    "own_kafka",
    "real_kafka",
    "real_trio",
    "report",
    "topic",
    "way",
]
