"""Follows the journal by its positions, as every reader outside the service may, and counts what passes."""

from collections import Counter, deque
from typing import Final

from ccc_router.demo.world import Caller, Json, World

SUPERVISOR: Final = Caller("supervisor", "demo")
_PAGE: Final = 200
_PAGES_AT_ONCE: Final = 25
_FAR: Final = 1 << 40
_LATEST: Final = 5
_WINDOW: Final = 5


class Tape:
    """``ended`` by (channel, state), ``escalations`` as they are now, ``said`` of escalations by what happened to them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.position = 0
        self.ended: Counter[tuple[str, str]] = Counter()
        self.said: Counter[str] = Counter()
        self.escalations: dict[str, str] = {}
        self.overdue: set[str] = set()
        self.latest: deque[str] = deque(maxlen=_LATEST)
        self._channels: dict[str, str] = {}
        self._begun = 0
        self._paces: deque[tuple[float, int]] = deque(maxlen=_WINDOW + 1)

    async def begin(self) -> None:
        """Go to the journal's end: the first position behind which there is nothing."""
        low, high = 0, 1
        while high < _FAR and await self._page(high, 1):
            low, high = high, high * 2
        while low < high:
            middle = (low + high) // 2
            if await self._page(middle, 1):
                low = middle + 1
            else:
                high = middle
        self.position = self._begun = low

    async def follow(self) -> None:
        """Read what is new."""
        for _ in range(_PAGES_AT_ONCE):
            entries = await self._page(self.position, _PAGE)
            for entry in entries:
                self._read(entry)
            if len(entries) < _PAGE:
                break
        self._paces.append((self._world.clock.monotonic(), self.position))

    @property
    def entries(self) -> int:
        """How many passed since the beginning."""
        return self.position - self._begun

    @property
    def pace(self) -> float:
        """Entries a second, over the last looks."""
        if len(self._paces) < 2:
            return 0.0
        (first, low), (last, high) = self._paces[0], self._paces[-1]
        return (high - low) / max(last - first, 0.001)

    def closed(self, channel: str) -> int:
        """Contacts of a channel that were closed."""
        return self.ended[channel, "closed"]

    async def _page(self, after: int, limit: int) -> list[Json]:
        got = await self._world.get(SUPERVISOR, f"/v1/journal?after={after}&limit={limit}")
        items: list[Json] = got.body.get("items", [])
        return items

    def _read(self, entry: Json) -> None:
        self.position = entry["position"]
        body = entry["body"]
        match entry["kind"]:
            case "ContactOpened":
                self._channels[body["contact_id"]] = body["channel"]
            case "OfferMade":
                channel = self._channels.get(body["contact_id"], "a contact")
                self._note(entry, f"{body['agent_id']} is offered {channel} ({body['reason']})")
            case "ContactEnded":
                channel = self._channels.get(body["contact_id"], "a contact")
                self.ended[channel, body["state"]] += 1
                if body["state"] != "closed":
                    self._note(entry, f"{channel} {body['state']}")
            case "EscalationSet":
                self._escalated(entry, body["what"], body["escalation"])
            case _:
                pass

    def _escalated(self, entry: Json, what: str, escalation: Json) -> None:
        self.said[what] += 1
        self.escalations[escalation["id"]] = escalation["state"]
        late = escalation.get("acknowledge_overdue") or escalation.get("answer_overdue")
        (self.overdue.add if late else self.overdue.discard)(escalation["id"])
        self._note(entry, f"escalation {what} · {escalation['department']}")

    def _note(self, entry: Json, text: str) -> None:
        self.latest.append(f"{entry['at'][11:19]}  {text}")
