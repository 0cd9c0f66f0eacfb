"""What becomes of a contact beyond the first answer, drawn for each: handed on to another queue, handed to a department, called back."""

from random import Random

import msgspec

from ...events.vocabulary import Channel
from ...routing.policy import Catalogue
from .description import Behaviour, Description
from .drawing import exponential_ms, lognormal_ms, one_of
from .workload import Arrival, CallingBack, Escalating, Transfer


class Onward:
    """``anything``: whether a rate is not zero. Queues are chosen by how much comes to them, departments as the topic says."""

    def __init__(self, description: Description, catalogue: Catalogue) -> None:
        """For the queues, topics and departments of a catalogue."""
        self._description = description
        ways = description.channels.values()
        self.anything = bool(description.callbacks.missed_percent) or any(
            one.transfer_percent or one.escalate_percent or one.callback_percent for one in ways
        )
        shares = dict.fromkeys((one.id for one in catalogue.queues), 1.0)
        for topic in catalogue.topics:
            if topic.queue in shares:
                shares[topic.queue] += topic.share_permille
        self._queues = {
            channel: {one.id: shares[one.id] for one in catalogue.queues if channel.value in one.channels}
            for channel in Channel
        }
        self._departments = [one.id for one in catalogue.departments]
        self._by_topic = {one.id: one.department for one in catalogue.topics if one.department in self._departments}

    def of(self, arrival: Arrival, dice: Random) -> Arrival:
        """The arrival with what becomes of it."""
        behaviour = self._description.channels[arrival.channel.value]
        return msgspec.structs.replace(
            arrival,
            transfers=self._transfers(arrival, behaviour, dice),
            escalation=self._escalation(arrival, behaviour, dice),
            callback=self._callback(arrival, behaviour, dice),
        )

    def _transfers(self, arrival: Arrival, behaviour: Behaviour, dice: Random) -> tuple[Transfer, ...]:
        found: list[Transfer] = []
        at = arrival.queue
        while len(found) < behaviour.transfers and 100 * dice.random() < behaviour.transfer_percent:
            others = {one: share for one, share in self._queues[arrival.channel].items() if one != at}
            at = one_of(others, dice) if others else at
            found.append(Transfer(at, exponential_ms(behaviour.transfer_after_s, dice)))
        return tuple(one for one in found if one.queue)

    def _escalation(self, arrival: Arrival, behaviour: Behaviour, dice: Random) -> Escalating | None:
        if not self._departments or 100 * dice.random() >= behaviour.escalate_percent:
            return None
        does = self._description.departments
        return Escalating(
            department=self._by_topic.get(arrival.topic) or dice.choice(self._departments),
            acknowledged_ms=exponential_ms(does.acknowledged_s, dice),
            solved_ms=lognormal_ms(does.solved_s, does.solved_sigma, dice),
            returned=100 * dice.random() < does.returned_percent,
            handling_ms=exponential_ms(does.handling_s, dice),
        )

    def _callback(self, arrival: Arrival, behaviour: Behaviour, dice: Random) -> CallingBack:
        if arrival.channel is not Channel.PHONE:
            return arrival.callback
        called, missed = self._description.callbacks, 0
        wishes = 100 * dice.random() < behaviour.callback_percent
        wish_ms = max(1, exponential_ms(behaviour.callback_after_s, dice)) if wishes else 0
        while missed < _MOST_MISSED and 100 * dice.random() < called.missed_percent:
            missed += 1
        return CallingBack(wish_ms, missed, max(1, exponential_ms(called.ring_s, dice)))


_MOST_MISSED = 20
