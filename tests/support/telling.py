"""Facts told one after the other, by whatever way there is, and what the engine made of them: each message once."""

from tests.integration.queues.test_isolation import consistent, parked
from tests.support.inputs import a_message, a_raw, submitted
from tests.support.spine import Spine
from tests.support.waiting import eventually


async def told(spine: Spine, *keys: str) -> None:
    """Each is acknowledged, one after the other."""
    for key in keys:
        [appended] = await spine.facts.append([submitted(key)], a_raw(f"rw_{key}"))
        assert appended.key == key


async def back(spine: Spine) -> list[str]:
    """Tell more until facts go through Kafka again; what was told."""
    keys: list[str] = []

    async def returned() -> bool:
        keys.append(f"b{len(keys)}")
        await told(spine, keys[-1])
        return spine.kafka is not None and spine.kafka.mode == "kafka"

    await eventually(returned, within_s=30, what="facts to go through Kafka again")
    return keys


async def taken(spine: Spine) -> list[str]:
    """Take everything; the messages that came of it, sorted. Nothing was parked, and rows, journal and memory are one."""
    await spine.take_all()
    assert await parked(spine.database) == []
    await consistent(spine)
    return await there(spine)


async def there(spine: Spine) -> list[str]:
    """The messages that are there by now, sorted."""
    rows = await spine.database.pool.fetch("SELECT id FROM message WHERE pool = $1 ORDER BY id", spine.pool)
    return [row[0] for row in rows]


def messages(*keys: str) -> list[str]:
    """The message of each of these keys, sorted."""
    return sorted(a_message(key).message_id for key in keys)
