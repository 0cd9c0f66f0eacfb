"""librdkafka's mock cluster: a Kafka on real sockets inside this process, with faults to order.

It knows idempotent produce, fetch and metadata. It does not replicate, keeps no more than 100,000 records or 5 MiB of a
partition, hands a group of two aiokafka members no partitions, and its transactions are not to be trusted: nothing here
needs any of these. `real.py` starts the Kafka that does all that.
"""

import ctypes
import errno
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, Final

PRODUCE: Final = 0
FETCH: Final = 1
METADATA: Final = 3

NOT_LEADER: Final = 6
TIMED_OUT: Final = 7
NOT_ENOUGH_REPLICAS: Final = 19
NOT_ENOUGH_REPLICAS_AFTER_APPEND: Final = 20
_PRODUCER: Final = 0
_ROOM: Final = 512


@cache
def _library() -> ctypes.CDLL:
    """The library that comes with confluent-kafka, with the types of what is called here."""
    found = importlib.util.find_spec("confluent_kafka")
    assert found is not None
    assert found.origin is not None
    [path] = (Path(found.origin).parents[1] / "confluent_kafka.libs").glob("librdkafka-*.so.1")
    library = ctypes.CDLL(str(path))
    pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, []),
        ("rd_kafka_conf_set", number, [pointer, text, text, text, ctypes.c_size_t]),
        ("rd_kafka_new", pointer, [number, pointer, text, ctypes.c_size_t]),
        ("rd_kafka_destroy", None, [pointer]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
        ("rd_kafka_mock_cluster_destroy", None, [pointer]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
        ("rd_kafka_mock_partition_set_leader", number, [pointer, text, ctypes.c_int32, ctypes.c_int32]),
        ("rd_kafka_mock_push_request_errors_array", None, [pointer, ctypes.c_int16, ctypes.c_size_t, pointer]),
        ("rd_kafka_mock_clear_request_errors", None, [pointer, ctypes.c_int16]),
        ("rd_kafka_mock_broker_set_down", number, [pointer, ctypes.c_int32]),
        ("rd_kafka_mock_broker_set_up", number, [pointer, ctypes.c_int32]),
        ("rd_kafka_mock_broker_set_rtt", number, [pointer, ctypes.c_int32, number]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class MockCluster:
    """So many brokers, numbered from 1. Everything but `servers` may be called while clients are connected."""

    name = "mock"

    def __init__(self, brokers: int = 3) -> None:
        self.brokers = range(1, brokers + 1)
        self._library = _library()
        self._owner: int | None = None
        self._cluster: int | None = None
        self.servers = ""

    def start(self) -> None:
        """Listen on free ports of the loopback."""
        told = ctypes.create_string_buffer(_ROOM)
        conf = self._library.rd_kafka_conf_new()
        assert self._library.rd_kafka_conf_set(conf, b"log_level", b"0", told, _ROOM) == 0, told.value
        self._owner = self._library.rd_kafka_new(_PRODUCER, conf, told, _ROOM)
        assert self._owner, told.value
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._owner, len(self.brokers))
        assert self._cluster, "the mock cluster did not start"
        self.servers = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def stop(self) -> None:
        """Close every connection and forget every record."""
        if self._cluster is not None:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        if self._owner is not None:
            self._library.rd_kafka_destroy(self._owner)
        self._cluster = self._owner = None

    def __enter__(self) -> "MockCluster":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def make_topic(self, topic: str, partitions: int = 4) -> None:
        """Make a topic. Raises FileExistsError when there is one of that name."""
        code = self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, len(self.brokers))
        if code != 0:
            raise FileExistsError(errno.EEXIST, f"the mock cluster answers {code}", topic)

    async def go_away(self) -> None:
        """Cut every connection and refuse new ones."""
        for broker in self.brokers:
            self.down(broker)

    async def come_back(self) -> None:
        """Listen again at the same ports."""
        for broker in self.brokers:
            self.up(broker)

    def down(self, broker: int) -> None:
        """Cut this broker's connections and refuse new ones; what it leads has no leader until `up` or `lead`."""
        self._check(self._library.rd_kafka_mock_broker_set_down(self._cluster, broker))

    def up(self, broker: int) -> None:
        """Listen again."""
        self._check(self._library.rd_kafka_mock_broker_set_up(self._cluster, broker))

    def lead(self, topic: str, partition: int, broker: int) -> None:
        """From now on this broker leads the partition: the others answer that they do not."""
        code = self._library.rd_kafka_mock_partition_set_leader(self._cluster, topic.encode(), partition, broker)
        self._check(code)

    def delay(self, milliseconds: int, *brokers: int) -> None:
        """Each answer of these brokers (of all, when none is named) takes so long."""
        for broker in brokers or self.brokers:
            self._check(self._library.rd_kafka_mock_broker_set_rtt(self._cluster, broker, milliseconds))

    def fail(self, api: int, *errors: int) -> None:
        """The next requests of this kind are answered with these errors of Kafka's, one each, whoever asks."""
        array = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, api, len(errors), array)

    def forgive(self, api: int) -> None:
        """Take back what `fail` ordered and nobody ran into yet."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, api)

    @staticmethod
    def _check(code: Any) -> None:
        assert code == 0, f"the mock cluster answers {code}"
