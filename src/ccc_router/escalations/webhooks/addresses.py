"""Where a webhook may go: which URLs, and which addresses a host may have (no request to our own network: SSRF).

A host's name says nothing; what counts is every address it has at the moment of connecting, and the connection is made to
one of exactly those (``outbound``).
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

USUAL_PORTS: Final = frozenset({443, 8443})
_LONGEST_URL: Final = 2_000
_NAME: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
# What a system's resolver takes for a number although it is no dotted quad: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMERIC_LABEL: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)")

_LOOPBACK: Final = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128")))
_PRIVATE: Final = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_NEVER: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",
            "169.254.0.0/16",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/96",
            "::ffff:0:0/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
        ),
    )
)
"""Never a department: this network, shared and link-local addresses (cloud metadata), tests, multicast, and every form in
which an IPv4 address hides inside an IPv6 one."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be reached. ``private``: the state's own network; ``loopback``: this machine (tests and demo only)."""

    private: bool = False
    loopback: bool = False

    @property
    def near(self) -> bool:
        """Whether plain HTTP and any port will do."""
        return self.private or self.loopback


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be tried: ``host`` as it is looked up and as the certificate must name it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why not, as a stable code without any part of the address."""

    reason: str


def target_of(url: str, reach: Reach) -> Target | Refused:
    """Read a department's URL. Refuses what is no plain https URL with a host name or an ordinary address."""
    if len(url) > _LONGEST_URL or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url) or "\\" in url:
        return Refused("bad_url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return Refused("bad_url")
    if parts.scheme not in ("https", "http"):
        return Refused("bad_scheme")
    if parts.scheme == "http" and not reach.near:
        return Refused("not_https")
    if "@" in parts.netloc:
        return Refused("user_info")
    if "[" in parts.netloc and ":" not in (parts.hostname or ""):
        return Refused("bad_host")  # in brackets there is an IPv6 address or nothing
    host = _host_of(parts.hostname or "")
    if isinstance(host, Refused):
        return host
    port = port or (443 if parts.scheme == "https" else 80)
    if port not in USUAL_PORTS and not reach.near:
        return Refused("bad_port")
    path = parts.path or "/"
    return Target(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path)


def refused_address(text: str, reach: Reach) -> str:
    """Why an address may not be connected to, as a code; "" when it may."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return "bad_address"
    if _within(address, _LOOPBACK):
        return "" if reach.loopback else "loopback_address"
    if _within(address, _PRIVATE):
        return "" if reach.private else "private_address"
    if _within(address, _NEVER) or not address.is_global:
        return "blocked_address"
    return ""


def _host_of(host: str) -> str | Refused:
    if ":" in host:  # urlsplit took the brackets off
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            return Refused("bad_host")
    try:
        # One trailing dot is the same host; letters outside ASCII become what DNS has, wide digits become digits.
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        return Refused("bad_host")
    if not _NAME.fullmatch(name) or len(name) > 253:
        return Refused("bad_host")
    if _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            return Refused("numeric_host")
    return name


def _within(address: Address, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
