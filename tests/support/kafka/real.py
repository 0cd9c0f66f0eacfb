"""A real Apache Kafka (KRaft) on the loopback: one node, or three that each are broker and controller.

`fetch.sh` brings its programs. A node starts in about a second once its classes are archived: the first cluster
of one node writes the archive into the cache folder when it ends. However the tests end, the kernel ends the nodes with them.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from tests.support.kafka.doors import Door
from tests.support.process import free_port
from tests.support.waiting import eventually

_PR_SET_PDEATHSIG: Final = 1
_CLUSTER_ID: Final = "Y2NjLXJvdXRlci10ZXN0cw"
_libc = ctypes.CDLL(None, use_errno=True)


def programs() -> Path | None:
    """The folder that `fetch.sh` made, if it did and there is a Java to run what is in it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ccc-router"
    pom = Path(__file__).with_name("pom.xml").read_text(encoding="utf-8")
    version = pom.split("kafka_2.13")[1].split("<version>")[1].split("</version>")[0]
    folder = cache / f"kafka-{version}"
    return folder if folder.is_dir() and shutil.which("java") else None


class Node:
    """One process: what it was told, how it runs, how it ends."""

    def __init__(self, number: int, folder: Path, programs: Path) -> None:
        self.number = number
        self.folder = folder
        self.port = free_port()
        self.control = free_port()
        self.log = folder / "log"
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._archiving: Path | None = None
        self._alone = True

    @property
    def pid(self) -> int:
        """The process, once started."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether there is a process, also a paused one."""
        return self._process is not None and self._process.poll() is None

    def format(self, nodes: "list[Node]", doors: Sequence[Door] = ()) -> None:
        """Write the settings and the mark of a formatted folder, as Kafka's own tool does. ``doors`` are more listeners, of a single node."""
        copies = len(nodes)
        self._alone = copies == 1
        data = self.folder / "data"
        data.mkdir(parents=True)
        directory = f"bm9kZS0wMDAwMDAwMDAw{self.number}g"
        mark = {"version": 1, "cluster.id": _CLUSTER_ID, "node.id": self.number, "directory.id": directory}
        (data / "meta.properties").write_text(_properties(mark), encoding="ascii")
        front = f"PLAINTEXT://127.0.0.1:{self.port}"
        told = {
            "process.roles": "broker,controller",
            "node.id": self.number,
            "controller.quorum.voters": ",".join(f"{node.number}@127.0.0.1:{node.control}" for node in nodes),
            "listeners": ",".join([front, *(door.listens for door in doors), f"CONTROLLER://127.0.0.1:{self.control}"]),
            "advertised.listeners": ",".join([front, *(door.advertised for door in doors)]),
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": ",".join(
                ["CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", *(f"{door.name}:{door.security}" for door in doors)]
            ),
            **{name: value for door in doors for name, value in door.properties().items()},
            "log.dirs": data,
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": 2 if copies > 2 else 1,
            "offsets.topic.replication.factor": copies,
            "num.network.threads": 2,
            "num.io.threads": 2,
            # Retention goes by the times of records, and tests have clocks of their own: nothing is deleted while they run.
            "log.initial.task.delay.ms": 3_600_000,
            "log.retention.check.interval.ms": 3_600_000,
            # A killed or paused broker is noticed, and replaced as a leader, in a second or two instead of nine.
            "broker.heartbeat.interval.ms": 300,
            "broker.session.timeout.ms": 1500,
            "controller.quorum.election.timeout.ms": 500,
            "controller.quorum.fetch.timeout.ms": 1000,
            "replica.lag.time.max.ms": 2000,
        }
        (self.folder / "server.properties").write_text(_properties(told), encoding="utf-8")

    def start(self) -> None:
        """Start the process; it is not ready yet. The kernel ends it with the thread that called, so that is the main one."""
        assert threading.current_thread() is threading.main_thread()
        assert not self.alive
        parent = os.getpid()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["java", *self._tuning(), "-cp", f"{self._programs}/libs/*", "kafka.Kafka", "server.properties"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent),
            )

    def _tuning(self) -> list[str]:
        archive = self._programs / "classes.jsa"
        if archive.exists():
            classes = f"-XX:SharedArchiveFile={archive}"
        elif not self._alone:  # of several, whoever stops last in peace waits for the others
            classes = "-Xshare:auto"
        else:
            self._archiving = self._programs / f"classes.{self.port}.jsa"
            classes = f"-XX:ArchiveClassesAtExit={self._archiving}"
        return [
            classes,
            *("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xlog:disable"),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Djava.net.preferIPv4Stack=true",
        ]

    def signal(self, number: signal.Signals) -> None:
        """SIGKILL, SIGSTOP, SIGCONT: to all of its process group."""
        if self._process is not None and self.alive:
            os.killpg(self._process.pid, number)  # start_new_session made it the group's leader
            if number == signal.SIGKILL:
                self._process.wait()

    def stop(self, patience_s: float = 20.0) -> None:
        """End it: by force, unless it is to write the archive; then in peace, and by force after so many seconds."""
        if not self.alive:
            return
        assert self._process is not None
        if self._archiving is not None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_s)
        self.signal(signal.SIGKILL)
        if self._archiving is not None and self._archiving.exists():
            self._archiving.rename(self._programs / "classes.jsa")  # whole, and the last one wins
        self._archiving = None


class RealCluster:
    """The nodes, numbered from 1, in a folder of their own that is removed at the end."""

    name = "real"

    def __init__(self, programs: Path, nodes: int = 1, doors: Sequence[Door] = ()) -> None:
        self.doors = {door.name: door for door in doors}
        self.folder = Path(tempfile.mkdtemp(prefix="ccc-kafka-"))
        self._all = [Node(number, self.folder / f"node-{number}", programs) for number in range(1, nodes + 1)]
        self.nodes = {node.number: node for node in self._all}
        for node in self._all:
            node.format(self._all, doors)
        self.started_s = 0.0

    @property
    def servers(self) -> str:
        """Every broker's address."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self._all)

    async def start(self) -> None:
        """Start every node that does not run, and wait until each of them knows all of them."""
        began = time.monotonic()
        for node in self._all:
            if not node.alive:
                node.start()
        await self.ready()
        self.started_s = time.monotonic() - began

    async def ready(self) -> None:
        """Wait until every node answers and names every node as a live broker."""
        for node in self._all:
            await eventually(partial(self._answers, node), within_s=45, what=f"node {node.number}: {node.log}")

    async def _answers(self, node: Node) -> bool:
        assert node.alive, node.log.read_text(encoding="utf-8")[-3000:]
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", node.port)
            writer.close()
            client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{node.port}", request_timeout_ms=2_000)
            try:
                await client.bootstrap()
                return len(client.cluster.brokers()) == len(self._all)
            except KafkaError:
                return False
            finally:
                await client.close()
        return False

    async def make_topic(self, topic: str, partitions: int = 4) -> None:
        """Make a topic with a copy on every node. Raises FileExistsError when there is one of that name."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        try:
            answer = await admin.create_topics([NewTopic(topic, partitions, len(self._all))])
        finally:
            await admin.close()
        [(_, code, message)] = answer.topic_errors
        if code != 0:
            raise FileExistsError(code, message or "not made", topic)

    async def go_away(self) -> None:
        """Kill every node."""
        for node in self._all:
            node.signal(signal.SIGKILL)

    async def come_back(self) -> None:
        """Start what was killed, let go on what was paused, and wait until all answer."""
        for node in self._all:
            node.signal(signal.SIGCONT)
        await self.start()

    def kill(self, number: int) -> None:
        """kill -9 this node."""
        self.nodes[number].signal(signal.SIGKILL)

    def pause(self, number: int) -> None:
        """SIGSTOP: its connections stay open, and it answers nothing."""
        self.nodes[number].signal(signal.SIGSTOP)

    def resume(self, number: int) -> None:
        """SIGCONT."""
        self.nodes[number].signal(signal.SIGCONT)

    def stop(self) -> None:
        """End every node and remove its data."""
        for node in self._all:
            node.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _properties(told: dict[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in told.items())


def _die_with(parent: int) -> None:
    """In the child: be killed when the parent dies, also if it died just now."""
    if _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0 or os.getppid() != parent:
        os._exit(71)
