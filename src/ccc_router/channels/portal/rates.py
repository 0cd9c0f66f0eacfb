"""How often one address may ask: a token bucket for each, in memory."""

import ipaddress
from collections import OrderedDict
from typing import Final

from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import TooMany

_MOST_ADDRESSES: Final = 50_000


class Rates:
    """Buckets of ``burst`` that fill up at ``per_minute``. Each process counts for itself."""

    def __init__(self, clock: Clock, per_minute: int, burst: int) -> None:
        self._clock = clock
        self._per_second = per_minute / 60
        self._burst = float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> None:
        """Count one request. Raises TooMany (429) with the seconds until the next may come."""
        address, now = _whose(address), self._clock.monotonic()
        level, at = self._buckets.pop(address, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._per_second)
        if level < 1:
            self._buckets[address] = (level, now)
            raise TooMany(retry_after_s=max(1, round((1 - level) / self._per_second)))
        self._buckets[address] = (level - 1, now)
        if len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)


def _whose(address: str) -> str:
    """A household has 2^64 addresses of version 6, and may ask from a new one each time: what counts is its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4 or found.ipv4_mapped is not None:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False))
