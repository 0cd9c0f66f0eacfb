"""Two inboxes as one: who is asked, when, and what is said when neither takes it."""

import asyncio
from collections.abc import Sequence

import pytest

from ccc_router.events.envelope import Appended
from ccc_router.events.inbox import InboxUnavailable, RawDelivery, Submission
from ccc_router.events.inbox_memory import MemoryInbox
from ccc_router.events.kafka.fallback import FallbackInbox
from ccc_router.events.kafka.inbox import KafkaInbox
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.ids import fresh
from ccc_router.storage.kafka import Cluster
from tests.support.fake_clock import FakeClock
from tests.support.inputs import submitted
from tests.support.waiting import until


async def test_nobody_there_at_all_is_503() -> None:
    """I1: no acknowledgement by anybody, no yes."""

    class Away(MemoryInbox):
        async def append(self, submissions: Sequence[Submission], raw: RawDelivery | None = None) -> list[Appended]:
            raise InboxUnavailable

    nowhere = KafkaInbox(Cluster("127.0.0.1:1"), fresh("p"), SystemClock(), append_s=0.4)
    inbox = FallbackInbox(nowhere, Away(), "p", SystemClock())
    inbox.start()
    try:
        for _ in range(2):
            with pytest.raises(InboxUnavailable):
                await inbox.append([submitted("a")])
    finally:
        await inbox.close()


async def test_while_it_is_away_one_call_at_a_time_tries_it() -> None:
    """Every pause before a try is longer than the last one, and a try costs its caller nothing."""
    clock = FakeClock()
    tried: list[str] = []
    answers: list[asyncio.Future[None]] = []

    class Slow(MemoryInbox):
        def start(self) -> None:
            """Nothing to begin."""

        async def close(self) -> None:
            """Nothing to end."""

        async def append(self, submissions: Sequence[Submission], raw: RawDelivery | None = None) -> list[Appended]:
            tried.append(submissions[0].key)
            answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            answers.append(answer)
            await answer
            return await super().append(submissions, raw)

    second = MemoryInbox()
    inbox = FallbackInbox(Slow(), second, "p", clock)
    inbox.start()
    first = asyncio.ensure_future(inbox.append([submitted("a")]))  # noqa: TID251
    await until(lambda: bool(answers))
    answers[0].set_exception(InboxUnavailable())
    await first
    await inbox.append([submitted("b")])
    assert tried == ["a"]
    await clock.advance(0.6)
    for key in "cd":
        await inbox.append([submitted(key)])
    await until(lambda: tried == ["a", "c"])
    answers[1].set_exception(InboxUnavailable())
    await until(lambda: not inbox._trying)
    await clock.advance(0.6)
    await inbox.append([submitted("e")])
    assert tried == ["a", "c"]
    await clock.advance(0.6)
    await inbox.append([submitted("f")])
    await until(lambda: tried == ["a", "c", "f"])
    answers[2].set_result(None)
    await until(lambda: inbox.mode == "kafka")
    assert [one.key for one in second.taken] == ["a", "b", "c", "d", "e", "f"]
    await inbox.close()
