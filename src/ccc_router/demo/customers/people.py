"""Who they are: numbers, addresses and ids by which the same person comes again. Nobody has a name."""

import random
from dataclasses import dataclass
from typing import Final

from ccc_router.demo.world import Json

TOWN: Final = 2_000
"""People who may come; with so many, somebody comes twice now and then."""
_ENGLISH: Final = frozenset({"foreign-worker", "overseas"})
_ALSO_ENGLISH: Final = 0.02


@dataclass(frozen=True, slots=True)
class Person:
    """One customer."""

    number: int

    @property
    def phone(self) -> str:
        """As a switch presents it."""
        return f"09{70_000_000 + self.number:08d}"

    @property
    def email(self) -> str:
        """His address."""
        return f"khach{self.number:04d}@mail.example"

    @property
    def name(self) -> str:
        """What he writes into a form."""
        return f"Khách {self.number:04d}"

    @property
    def page_id(self) -> str:
        """His id on the page."""
        return f"7{self.number:015d}"


@dataclass(frozen=True, slots=True)
class Matter:
    """What somebody comes with: a topic of the catalogue and the language it is said in."""

    person: Person
    topic: str
    language: str


def somebody(dice: random.Random, catalogue: Json, channel: str) -> Matter:
    """A person and a topic, by the shares that topics really have; a channel has only the topics of the queues it serves."""
    served = {queue["id"] for queue in catalogue["queues"] if channel in queue["channels"]}
    topics = [topic for topic in catalogue["topics"] if topic["queue"] in served]
    topic = dice.choices(topics, [one["share_permille"] for one in topics])[0]["id"]
    english = topic in _ENGLISH or dice.random() < _ALSO_ENGLISH
    return Matter(Person(dice.randrange(TOWN)), topic, "en" if english else "vi")


def key_of(topics: dict[str, str], topic: str) -> str:
    """The key of a menu, or the button, that stands for a topic; the topic itself where there is none."""
    return next((key for key, named in topics.items() if named == topic), topic)
