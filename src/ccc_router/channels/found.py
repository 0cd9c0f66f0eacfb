"""Collecting what a delivery tells while an adapter reads it."""

import hashlib

from ccc_router.channels.channel import Keyed, Parsed
from ccc_router.events.facts import AnyFact
from ccc_router.kernel.ids import derive


class Found:
    """The facts found so far, each key once, and how much was ignored."""

    def __init__(self, endpoint_id: str) -> None:
        self._endpoint_id = endpoint_id
        self._facts: dict[str, AnyFact] = {}
        self._ignored = 0

    def add(self, key: str, fact: AnyFact) -> None:
        """A fact under its dedup key. One told twice in a delivery is told once."""
        self._facts.setdefault(key, fact)

    def ignore(self) -> None:
        """Something that is no business of ours."""
        self._ignored += 1

    def parsed(self) -> Parsed:
        """What was found."""
        return Parsed(tuple(Keyed(key, fact) for key, fact in self._facts.items()), self._ignored)

    def ids(self, key: str) -> tuple[str, str, str]:
        """The message, contact and case ids that derive from the dedup key of a message."""
        return message_id(self._endpoint_id, key), contact_id(self._endpoint_id, key), case_id(self._endpoint_id, key)


def message_id(endpoint_id: str, key: str) -> str:
    """The id of the message that was told under ``key``; edits and deletions of it find it by the same key."""
    return derive("ms", endpoint_id, key)


def contact_id(endpoint_id: str, key: str) -> str:
    """The id of the contact a message opens, if it opens one."""
    return derive("ct", endpoint_id, key)


def case_id(endpoint_id: str, key: str) -> str:
    """The id of the case a message opens, if it opens one."""
    return derive("cs", endpoint_id, key)


def digest(*parts: str | int) -> str:
    """A short name for what the vendor does not name: the same parts give the same one."""
    joined = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:32]
