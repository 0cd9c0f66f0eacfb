"""How things of the portal are called in our own words, and how its tokens are made and checked."""

import hashlib
import hmac
import secrets
from typing import Final

from ccc_router.events.facts import Handle

_TICKET: Final = "ticket:"
SALT_BYTES: Final = 32


def visitor_handle(endpoint_id: str, reference: str) -> Handle:
    """The visitor behind one reference. He proved no address, so nothing ties him to anybody on another channel."""
    return Handle("portal_account", f"{endpoint_id}:{reference}")


def ticket_ref(endpoint_id: str, reference: str) -> str:
    """What ties a later message to the case."""
    return f"portal:{endpoint_id}:{reference}"


def ticket_address(reference: str) -> str:
    """Where a reply goes: into the ticket's own conversation."""
    return _TICKET + reference


def read_address(address: str) -> str | None:
    """The reference a reply goes to, or None when that is no address of this channel."""
    return address.removeprefix(_TICKET) if address.startswith(_TICKET) else None


def fingerprint(text: str) -> bytes:
    """What is stored of a secret: its hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def new_salt() -> bytes:
    """256 random bits."""
    return secrets.token_bytes(SALT_BYTES)


def token_of(salt: bytes, key: str) -> str:
    """The ticket's token: 256 bits of the salt and the request's key.

    The key is never stored, only its hash; so the token can be said again to whoever repeats the request with it, and
    to nobody else, not even to a reader of the database.
    """
    return hmac.new(salt, b"portal-token:" + key.encode(), hashlib.sha256).hexdigest()
