"""The verdict's reasons: what the clients were told, held against what the journal says happened."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

from ccc_router.events.codec import trace_of
from soak.checking.model import Faults, Model
from soak.checking.told import ACKNOWLEDGED, REFUSED, Command, Told, name_of

_ENDS: Final = ("sent", "parked", "failed", "unknown")


def losses(told: Told, model: Model, command_keys: Mapping[str, str]) -> Faults:
    """I1: what was acknowledged and is not in the journal. ``command_keys``: of each idempotency key, the command's own."""
    lost = Faults()
    for name, known in told.facts.items():
        if known == ACKNOWLEDGED and name not in model.names:
            lost.add("I1: a fact acknowledged and lost", name)
    for key, command in told.commands.items():
        if command.acknowledged and _name(command, command_keys.get(key)) not in model.names:
            lost.add("I1: a command acknowledged and lost", f"{command.who} {command.verb} {key}")
    accepted = {
        (offer.contact_id, offer.agent_id) for one, offer in model.made.items() if model.ended.get(one) == "accepted"
    }
    for command in told.commands.values():
        if command.verb == "accept" and command.acknowledged and command.ref not in model.ended:
            lost.add("I6: an accepted offer that did not end", command.ref)
        for one in command.answered:
            if command.verb == "accept" and one.status == 200 and (one.told, _person(command)) not in accepted:
                lost.add("I4: a contact told to be somebody's that never was", f"{command.who} {one.told}")
    return lost


def refused_but_taken(told: Told, model: Model) -> Faults:
    """I14: what was refused before accepting, each time it was tried, and is there all the same."""
    found = Faults()
    for name, known in told.facts.items():
        if known == REFUSED and name in model.names:
            found.add("I14: refused, and taken", name)
    return found


def doublings(told: Told, model: Model) -> Faults:
    """I2, I6, I10: what happened twice, or was told in two ways."""
    found = Faults()
    for name, contacts in told.forms.items():
        if len(contacts) > 1:
            found.add("I2: two contacts told for one form", name)
    of_contact = Counter(contact for contacts in told.forms.values() for contact in contacts)
    for contact, forms in of_contact.items():
        if forms > 1:
            found.add("I2: one contact told for two forms", contact)
    takers: defaultdict[str, set[str]] = defaultdict(set)
    for key, command in told.commands.items():
        if len({(one.status, one.told) for one in command.answered}) > 1:
            found.add(
                "I2: one command told in two ways", f"{key} {[(one.status, one.told) for one in command.answered]}"
            )
        if command.verb == "accept" and command.acknowledged:
            takers[command.ref].add(command.who)
    for offer, whom in takers.items():
        if len(whom) > 1:
            found.add("I4: an offer accepted by two agents", f"{offer} {sorted(whom)}")
    _hooks(told, model, found)
    return found


def _hooks(told: Told, model: Model, found: Faults) -> None:
    """A notice has one id and one body on every try; and one raised notice a department and escalation."""
    bodies: defaultdict[str, set[str]] = defaultdict(set)
    raised: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for hook in told.hooks:
        bodies[hook.webhook_id].add(hook.digest)
        if hook.type.endswith("raised.v1"):
            raised[hook.department, hook.escalation].add(hook.webhook_id)
        if hook.webhook_id not in model.owed:
            found.add("I10: a webhook that nobody owed", hook.webhook_id)
    for webhook_id, digests in bodies.items():
        if len(digests) > 1:
            found.add("I10: one webhook with two bodies", webhook_id)
    for thing, ids in raised.items():
        if len(ids) > 1:
            found.add("I10: one escalation told under two ids", f"{thing} {sorted(ids)}")


def double_offers(told: Told, model: Model) -> Faults:
    """I4: what agents were told of offers, against the offers there were."""
    found = Faults()
    for agent_id, offer_id, contact_id in told.offers:
        made = model.made.get(offer_id)
        if made is None or (made.contact_id, made.agent_id) != (contact_id, agent_id):
            found.add("I4: an offer told that was not made so", f"{agent_id} {offer_id} {contact_id}")
    return found


def delivered(told: Told, model: Model) -> Faults:
    """I10: every notice that is said to be sent was taken by its department, and every one owed is sent, parked, or still being tried."""
    found = Faults()
    taken = {hook.webhook_id for hook in told.hooks if 200 <= hook.status < 300}
    for delivery_id, owed in model.owed.items():
        state = model.over.get(delivery_id, "")
        if owed.delivery == "webhook" and state == "sent" and delivery_id not in taken:
            found.add("I10: said to be sent, and never taken", delivery_id)
        if state and state not in _ENDS:
            found.add("I10: a delivery that ended in no end", f"{delivery_id} {state}")
    return found


def real_time(told: Told, model: Model, command_keys: Mapping[str, str]) -> Faults:
    """Who was answered before another asked stands before him in the journal: nobody is answered from a past that is over."""
    found = Faults()
    done: list[tuple[float, float, int, str]] = []
    for key, command in told.commands.items():
        position = model.positions.get(_name(command, command_keys.get(key)), 0)
        if (
            position and command.tries == len(command.answered) == 1
        ):  # an earlier try that was cut may have been taken long before
            done.append((command.answered[0].began, command.answered[0].ended, position, key))
    answered = sorted(done, key=lambda one: one[1])
    highest, at = 0, 0
    for began, _, position, key in sorted(done):
        while at < len(answered) and answered[at][1] < began:
            highest = max(highest, answered[at][2])
            at += 1
        if position < highest:
            found.add(
                "order: answered before, and later in the journal", f"{key} at {position}, {highest} was answered"
            )
    return found


def calls(model: Model) -> Faults:
    """I3: however late and shuffled the events of a watched call came, it is over, and as what its events say."""
    found = Faults()
    for contact in model.hung_up:
        wanted = "closed" if contact in model.answered else "abandoned"
        if model.ends.get(contact, "open") != wanted:
            found.add(
                "I3: a call that did not end as its events say",
                f"{contact}: {model.ends.get(contact, 'open')}, not {wanted}",
            )
    return found


def balance(model: Model, rows: Mapping[str, int]) -> Faults:
    """I18: the contacts that were opened are those that ended and those that are open, and the tables count the same."""
    found = Faults()
    told = Counter(model.ends[contact] for contact in model.channels if contact in model.ends)
    told["open"] = len(model.channels) - sum(told.values())
    for state in told.keys() | rows.keys():
        if told[state] != rows.get(state, 0):
            found.add("I18: counts of contacts differ", f"{state}: journal {told[state]}, rows {rows.get(state, 0)}")
    for contact in model.ends.keys() & model.owners.keys():
        found.add("I4: a contact that is over has an owner", contact)
    for offer_id in model.ended:
        if offer_id not in model.made:
            found.add("I6: an offer ended that was never made", offer_id)
    return found


def _name(command: Command, key: str | None) -> str:
    return name_of(command.who, trace_of(key)) if key is not None else ""


def _person(command: Command) -> str:
    return command.who.partition(":")[2]
