"""Call control out: one signed command to a switch that lets itself be controlled. What comes of it, its call events tell.

The switch answers 2xx for "received". 404, 409 and 412 mean that the call moved on meanwhile, which is ordinary: the command is done,
and its report says which of the two words of `ControlAnswer` it was, so that nobody waits for a phone that will not ring.
Order per call is kept by the delivery's lane; the repetitions within three seconds and ``not_after`` are those of the worker
that calls (`workers.deliver`), and no attempt is begun or kept up past ``not_after``.
"""

import asyncio
import json
import ssl
from typing import Final, Protocol

import httpx
import msgspec

from ccc_router.channels.channel import Directory, Secrets
from ccc_router.events.vocabulary import ControlAnswer
from ccc_router.kernel import signing, tracing
from ccc_router.kernel.clock import Clock, format_utc
from ccc_router.queues.deliveries.port import Attempted, Delivery, Failed, Postponed, Retry, Sent
from ccc_router.queues.waits.telling import SOON_MS, Standing, is_early, standing_of
from ccc_router.storage.database import Database

MOVED_ON: Final = {404: ControlAnswer.CALL_GONE, 409: ControlAnswer.MOVED_ON, 412: ControlAnswer.MOVED_ON}
_NOT_AS_THEY_ARE: Final = frozenset({"command_id", "wait", "opens_at"})
_TIMEOUT: Final = httpx.Timeout(1.5, connect=0.75)
_LONGEST_S: Final = 2.0
_AGAIN: Final = frozenset({408, 425, 429})

_READ: Final = """
SELECT contact.row #> '{call,legs}' AS legs,
       coalesce(nullif(address.address, ''), handle.value, '') AS number
FROM contact
LEFT JOIN contact_address address ON address.pool = contact.pool AND address.contact_id = contact.id
LEFT JOIN LATERAL (
    SELECT value FROM handle WHERE handle.pool = contact.pool AND handle.customer_id = contact.customer_id AND kind = 'phone'
    ORDER BY verified DESC, at DESC, value LIMIT 1
) handle ON true
WHERE contact.pool = $1 AND contact.id = $2
"""


class Line(msgspec.Struct, frozen=True):
    """What a command needs of the call beside the delivery: the customer's leg, his number where he is to be called, and where he stands
    where he is to be told (None: he waits no longer)."""

    leg_id: str = ""
    number: str = ""
    standing: Standing | None = None


class Lines(Protocol):
    """Reads it from the erasable rows at the moment of sending: a number is never in the journal."""

    async def of(self, delivery: Delivery) -> Line:
        """The line of the delivery's contact; an empty one when nothing is known."""
        ...


class PostgresLines:
    """The lines over the tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, delivery: Delivery) -> Line:
        """See `Lines.of`."""
        row = await self._database.pool.fetchrow(_READ, delivery.pool, delivery.contact_id)
        if row is None:
            return Line()
        legs = json.loads(row["legs"]) if row["legs"] else {}
        customers = [leg_id for leg_id, leg in sorted(legs.items()) if leg.get("role", "customer") == "customer"]
        standing = await standing_of(self._database, delivery) if "wait" in delivery.data else None
        return Line(customers[0] if customers else "", row["number"], standing)


def a_client(verify: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
    """A client for all switches: no redirects, nothing from the environment, connections kept, small timeouts."""
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=20)
    return httpx.AsyncClient(verify=verify, timeout=_TIMEOUT, follow_redirects=False, trust_env=False, limits=limits)


class ControlSender:
    """Posts one command to the endpoint's ``control_url``, signed as Standard Webhooks with the secrets of that endpoint.

    Secrets: ``<endpoint>.control`` when there is such a name, else those of ``<endpoint>``.
    """

    def __init__(
        self, client: httpx.AsyncClient, lines: Lines, secrets: Secrets, directory: Directory, clock: Clock
    ) -> None:
        self._client = client
        self._lines = lines
        self._secrets = secrets
        self._directory = directory
        self._clock = clock

    async def send(self, delivery: Delivery) -> Attempted:
        """See `Sender.send`."""
        endpoint = self._directory.endpoint(delivery.target)
        if endpoint is None or not endpoint.control_url or delivery.command is None:
            return Failed("no_control_url")
        keys = signing.keys_of(self._secrets.of(f"{endpoint.id}.control") or self._secrets.of(endpoint.id))
        if not keys:
            return Failed("no_secret")
        line = await self._lines.of(delivery)
        if delivery.command == "dial" and not line.number:  # erased since, or never known
            return Failed("no_number")
        now = self._clock.now_ms()
        untold = _untold(delivery, line, now) if "wait" in delivery.data else None
        if untold is not None:
            return untold
        body = encode(delivery, line)
        left_s = (delivery.not_after - now) / 1000 if delivery.not_after else _LONGEST_S
        if left_s <= 0:
            return Failed("too_late")
        headers = signing.sign(keys, delivery.id, now // 1000, body) | {"content-type": "application/json"}
        headers |= tracing.headers()
        try:
            async with asyncio.timeout(min(left_s, _LONGEST_S)):
                answer = await self._client.post(endpoint.control_url, content=body, headers=headers)
        except (TimeoutError, httpx.TimeoutException):
            return Retry("timeout")
        except httpx.InvalidURL:
            return Failed("bad_control_url")
        except httpx.HTTPError:
            return Retry("connection_failed")
        return read_answer(answer.status_code)


def _untold(delivery: Delivery, line: Line, now_ms: int) -> Failed | Postponed | None:
    """Why a caller is not told where he stands, or not yet. It is said by one attempt: by the next it would be another place."""
    if line.standing is None:
        return Failed("waits_no_longer")
    if delivery.attempt > 1:
        return Failed("told_once")
    return Postponed("not_foretold", SOON_MS) if is_early(line.standing, delivery, now_ms) else None


def encode(delivery: Delivery, line: Line) -> bytes:
    """The command's body. The same for every attempt, so that a repetition can be recognised by its bytes as by its id."""
    told = {name: value for name, value in delivery.data.items() if value and name not in _NOT_AS_THEY_ARE}
    command: dict[str, object] = {
        "command_id": delivery.id,
        "command": delivery.command,
        "call_id": delivery.data.get("call_id", ""),
        "leg_id": delivery.data.get("leg_id", "") or line.leg_id,
        "contact_id": delivery.contact_id,
        **told,
    }
    if delivery.command == "dial":
        command["called"] = line.number
    if line.standing is not None:
        command |= _wait(line.standing)
    if delivery.not_after:
        command["not_after"] = format_utc(delivery.not_after)
    return json.dumps(command, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _wait(standing: Standing) -> dict[str, object]:
    """Values to be spoken: the place and the interval (s), or when the queue opens; none that is not known."""
    if standing.closed:
        return {"closed": True} | ({"opens_at": format_utc(standing.opens_at)} if standing.opens_at else {})
    place: dict[str, object] = {"position": standing.position}
    known = {"wait_from_s": standing.soon_ms // 1000, "wait_to_s": -(-standing.late_ms // 1000)}
    return place | known if standing.late_ms else place


def read_answer(status: int) -> Attempted:
    """What the switch's answer means for the command."""
    if 200 <= status < 300:
        return Sent()
    if status in MOVED_ON:
        return Sent(MOVED_ON[status].value)
    if status >= 500 or status in _AGAIN:
        return Retry(f"http_{status}")
    return Failed(f"http_{status}")
