"""The inbox without a database: for unit tests and for simulations, with the same rules (the contract tests run on both)."""

from collections.abc import Callable, Sequence

from ccc_router.events.envelope import Appended
from ccc_router.events.inbox import LONGEST_KEY, Overloaded, RawDelivery, Submission
from ccc_router.kernel.errors import Invalid


class MemoryInbox:
    """Inputs in the order they came. ``taken`` is what a reader has not removed; ``raws`` are the raw deliveries by id."""

    def __init__(self, *, wake: Callable[[], None] = lambda: None, limit: int = 1_000_000) -> None:
        self.taken: list[Submission] = []
        self.raws: dict[str, RawDelivery] = {}
        self._seen: set[tuple[str, str]] = set()
        self._wake = wake
        self._limit = limit

    async def append(self, submissions: Sequence[Submission], raw: RawDelivery | None = None) -> list[Appended]:
        """See `Inbox.append`."""
        if any(not 0 < len(one.key) <= LONGEST_KEY or "\0" in one.key for one in submissions):
            raise Invalid("A dedup key has 1 to 400 characters.")
        if len(self.taken) + len(submissions) > self._limit:
            raise Overloaded
        answers = []
        for one in submissions:
            known = (one.source, one.key) in self._seen
            if not known:
                self._seen.add((one.source, one.key))
                self.taken.append(one)
            answers.append(Appended(one.key, duplicate=known))
        if raw is not None and (raw.raw_id not in self.raws or self.raws[raw.raw_id].state == "unreadable"):
            self.raws[raw.raw_id] = raw
        self._wake()
        return answers

    async def withdraw(self, source: str, key: str) -> bool:
        """See `Inbox.withdraw`."""
        for number, one in enumerate(self.taken):
            if (one.source, one.key) == (source, key):
                del self.taken[number]
                self._seen.discard((source, key))
                return True
        return False

    def read(self, limit: int = 1_000) -> list[Submission]:
        """Take the oldest inputs out."""
        batch, self.taken = self.taken[:limit], self.taken[limit:]
        return batch
