"""TLS and SASL against a real broker, by the service's own settings: who may is let in, who may not is told so in the log, and nothing is lost.

A broker of its own with four doors: SCRAM and PLAIN over TLS, a client's certificate, and the open one by which the test itself looks.
"""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from ccc_router.events.kafka.record import topic_of
from ccc_router.kernel.ids import fresh
from ccc_router.settings import Settings
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import start
from tests.support.database import ONE_POSTGRES
from tests.support.fake_clock import FakeClock
from tests.support.kafka.cluster import ByDoor, ends, records
from tests.support.kafka.doors import Authority, Door
from tests.support.kafka.real import RealCluster
from tests.support.logs import written
from tests.support.relayed import a_relay, place, taken_once, through
from tests.support.spine import by_hand
from tests.support.telling import back, messages, taken, there, told

__all__ = ["written"]

pytestmark = [ONE_POSTGRES, pytest.mark.timeout(120)]
USER: Final = "ccc-router"
PASSWORD: Final = "correct horse 'battery' staple"
WRONG: Final = "a wrong secret"
_JAAS: Final = "org.apache.kafka.common.security"


class Guarded:
    """The broker, and the certificates around it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.authority = Authority(folder)
        self.stranger = Authority(folder, "stranger")
        store, _ = self.authority.issue("broker")
        tls = {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": store,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.authority.file,
        }
        scram = dict.fromkeys(
            ("scram-sha-256.sasl.jaas.config", "scram-sha-512.sasl.jaas.config"),
            f"{_JAAS}.scram.ScramLoginModule required;",
        )
        plain = f'{_JAAS}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        sasl = {
            "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
            "plain.sasl.jaas.config": plain,
            **scram,
        }
        doors = (
            Door("SASL", "SASL_SSL", {**tls, **sasl}),
            Door("MUTUAL", "SSL", {**tls, "ssl.client.auth": "required"}),
        )
        self.cluster = RealCluster(programs, doors=doors)

    def by(self, **more: Any) -> ByDoor:
        """The broker as these settings reach it: by SASL unless they bring a certificate."""
        mutual = "kafka_cert_file" in more or more.get("kafka_security") == "ssl"
        given = {
            "kafka_servers": f"127.0.0.1:{self.cluster.doors['MUTUAL' if mutual else 'SASL'].port}",
            "kafka_security": "sasl_ssl",
            "kafka_username": USER,
            "kafka_password": PASSWORD,
            "kafka_ca_file": self.authority.file,
            **more,
        }
        reached = Settings(**given).kafka()
        assert reached is not None
        return ByDoor(self.cluster, reached)

    def enrol(self, user: str = USER) -> None:
        """Let the broker know this user and the password, for SCRAM."""
        admin = AdminClient({"bootstrap.servers": self.cluster.servers})
        known = [
            UserScramCredentialUpsertion(user, ScramCredentialInfo(mechanism, 4096), PASSWORD.encode())
            for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
        ]
        for one in known:
            for done in admin.alter_user_scram_credentials([one]).values():
                done.result(10)


@pytest.fixture(scope="module")
def guarded(kafka_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One broker for all tests here, which none of them stops."""
    made = Guarded(kafka_programs, tmp_path_factory.mktemp("guarded"))
    try:
        asyncio.run(made.cluster.start())
        made.enrol()
        yield made
    finally:
        made.cluster.stop()


def ways(guarded: Guarded) -> dict[str, dict[str, Any]]:
    cert, key = guarded.authority.issue("router")
    return {
        "scram-512": {},
        "scram-256": {"kafka_mechanism": "SCRAM-SHA-256"},
        "plain": {"kafka_mechanism": "PLAIN"},
        "certificate": {"kafka_security": "ssl", "kafka_cert_file": cert, "kafka_key_file": key},
    }


@pytest.mark.parametrize("way", ["scram-512", "scram-256", "plain", "certificate"])
async def test_facts_come_and_the_journal_leaves_by_a_guarded_door(
    guarded: Guarded, database: Database, topic: str, way: str
) -> None:
    """I1, I2: appended, taken and relayed as the settings say; PostgreSQL is not asked to stand in, and topics are made by that door too."""
    kafka = guarded.by(**ways(guarded)[way])
    pool = fresh("p")
    async with by_hand(database, pool, FakeClock(), kafka=kafka, append_s=10) as spine:
        await start(spine)
        keys = [f"m{number}" for number in range(20)]
        await told(spine, *keys)
        assert spine.kafka is not None
        assert spine.kafka.mode == "kafka"
        assert sum((await ends(kafka.servers, topic_of(pool))).values()) == 20, "all of them came by Kafka"
        assert await taken(spine) == messages(*keys)
        relay = a_relay(database, kafka, topic, pool=pool)
        await through(relay)
        await relay.stop()
        head = spine.state.position
    assert await place(database, topic, pool) == head
    found = await records(kafka.servers, topic, partitions=range(12))
    assert sorted(taken_once(found)) == list(range(1, head + 1))


REFUSED: Final = {
    "wrong-password": "SaslAuthenticationFailed",
    "unknown-authority": "certificate verify failed",
    "no-certificate": "KafkaConnectionError",  # TLS 1.3 tells a client only by closing
}


def refused(guarded: Guarded, why: str) -> dict[str, Any]:
    given: dict[str, dict[str, Any]] = {
        "wrong-password": {"kafka_password": WRONG, "kafka_mechanism": "PLAIN"},
        "unknown-authority": {"kafka_ca_file": guarded.stranger.file},
        "no-certificate": {"kafka_security": "ssl"},
    }
    return given[why]


@pytest.mark.parametrize("why", REFUSED)
async def test_who_is_refused_is_named_without_a_secret_and_postgresql_takes_what_comes(
    guarded: Guarded, database: Database, written: io.StringIO, topic: str, why: str
) -> None:
    """I1: nothing is lost by it, nothing reaches the topics, and the log says which it was, without the password."""
    kafka = guarded.by(**refused(guarded, why))
    pool = fresh("p")
    async with by_hand(database, pool, FakeClock(), kafka=kafka, append_s=1.0) as spine:
        await start(spine)
        await told(spine, "first", "second", "third")
        assert spine.kafka is not None
        assert spine.kafka.mode == "postgres"
        await spine.turns()
        assert await there(spine) == messages("first", "second", "third")
        relay = a_relay(database, kafka, topic, pool=pool)
        assert not await relay.run_once()
        assert await place(database, topic, pool) == 0
        await relay.stop()
    said = written.getvalue()
    assert all(
        event in said for event in ("kafka_unreachable", "kafka_unread", "inbox_falls_back", "relay_not_acknowledged")
    )
    assert REFUSED[why] in said
    assert PASSWORD not in said
    assert WRONG not in said


async def test_i1_i2_facts_go_by_kafka_once_the_broker_knows_the_password(guarded: Guarded, database: Database) -> None:
    """Who was refused is asked about again, and what PostgreSQL took meanwhile is there once."""
    late = fresh("u")
    kafka = guarded.by(kafka_username=late)
    async with by_hand(database, fresh("p"), FakeClock(), kafka=kafka, append_s=1.0) as spine:
        await start(spine)
        await told(spine, "first", "second")
        assert spine.kafka is not None
        assert spine.kafka.mode == "postgres"
        await asyncio.to_thread(guarded.enrol, late)
        after = await back(spine)
        await told(spine, "last")
        assert sum((await ends(kafka.servers, topic_of(spine.pool))).values()) >= 2
        assert await taken(spine) == messages("first", "second", *after, "last")
