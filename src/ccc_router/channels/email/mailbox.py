"""What the endpoint of a mailbox is configured to do: its addresses, whom it believes, how it threads, what it answers.

All of it stands in the catalogue (``Endpoint.address`` and ``Endpoint.options``); docs/email.md lists the options.
"""

from typing import Final

import msgspec

from ccc_router.channels.email.mime.headers import valid_address
from ccc_router.routing.policy import Endpoint

THREADING: Final = ("signed", "plus", "references", "subject")


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint's options, read.

    ``addresses`` are lower case, the first is the one we write from. ``authserv_id`` is the name under which our own mail server
    states its checks ("" believes nobody); its statement has to stand above the ``own_hops``-th Received field unless
    ``results_anywhere``. ``threading`` are the ways by which an answer finds its case.
    """

    endpoint_id: str
    addresses: tuple[str, ...]
    name: str = ""
    language: str = "vi"
    host: str = ""
    authserv_id: str = ""
    own_hops: int = 1
    results_anywhere: bool = False
    threading: frozenset[str] = frozenset(THREADING)
    acknowledge: bool = True

    @property
    def address(self) -> str:
        """The address we write from."""
        return self.addresses[0] if self.addresses else ""

    def owns(self, address: str) -> bool:
        """Whether mail to this address is for this mailbox, with or without a plus-part."""
        return base_of(address) in self.addresses


def mailbox_of(endpoint: Endpoint) -> Mailbox:
    """Read the endpoint's options; what is missing or malformed has its safe default."""
    options = endpoint.options
    addresses = tuple(
        one for one in map(str.lower, _words(f"{endpoint.address} {options.get('aliases', '')}")) if valid_address(one)
    )
    return Mailbox(
        endpoint_id=endpoint.id,
        addresses=addresses,
        name=endpoint.name.vi if endpoint.language == "vi" else endpoint.name.en,
        language=endpoint.language,
        host=options.get("message_id_host", "") or (addresses[0].rpartition("@")[2] if addresses else "localhost"),
        authserv_id=options.get("authserv_id", "").lower(),
        own_hops=int(hops) if (hops := options.get("own_hops", "1")).isdecimal() else 1,
        results_anywhere=options.get("results", "above") == "anywhere",
        threading=frozenset(_words(options.get("threading", " ".join(THREADING)))) & set(THREADING),
        acknowledge=options.get("acknowledge", "on") != "off",
    )


def base_of(address: str) -> str:
    """The address in lower case without its plus-part."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def tag_of(address: str) -> str:
    """The plus-part of an address in lower case, "" when it has none."""
    return address.lower().rpartition("@")[0].partition("+")[2]


def with_tag(address: str, tag: str) -> str:
    """The address with a plus-part, or "" when the local part would be too long for SMTP (64 octets)."""
    local, _, domain = address.rpartition("@")
    tagged = f"{local}+{tag}"
    return f"{tagged}@{domain}" if len(tagged.encode()) <= 64 else ""


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()
