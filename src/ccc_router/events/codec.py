"""Inputs and entries as bytes. Canonical: equal values give equal bytes, whatever the hash seed or the order of a dict.

JSON with the fields in the order of their declaration and the keys of dicts sorted. What the journal holds is hashed as
stored, so a later field changes no old hash.
"""

import hashlib
from typing import Final

import msgspec

from ccc_router.events.commands import AnyCommand, Command
from ccc_router.events.envelope import AnyInput, Input
from ccc_router.events.facts import AnyFact, Private

_CANONICAL: Final = msgspec.json.Encoder(order="deterministic")
_INPUTS: Final[msgspec.json.Decoder[AnyFact | AnyCommand]] = msgspec.json.Decoder(AnyFact | AnyCommand)
_FACTS: Final[msgspec.json.Decoder[AnyFact]] = msgspec.json.Decoder(AnyFact)
_ENTRIES: Final[msgspec.json.Decoder[Input]] = msgspec.json.Decoder(Input)


class Undecodable(ValueError):
    """Bytes that are no input this version knows."""


def canonical(value: object) -> bytes:
    """Any struct, dict or list as canonical JSON. Raises ValueError for what JSON cannot hold (lone surrogates)."""
    return _CANONICAL.encode(value)


def decode_body(body: bytes) -> AnyInput:
    """A fact or command from its JSON. Raises Undecodable."""
    try:
        return _INPUTS.decode(body)
    except msgspec.DecodeError as error:
        raise Undecodable(str(error)) from error


def decode_fact(body: bytes) -> AnyFact:
    """A fact from its JSON, and nothing else: commands do not come by every way. Raises Undecodable."""
    try:
        return _FACTS.decode(body)
    except msgspec.DecodeError as error:
        raise Undecodable(str(error)) from error


def decode_input(body: bytes) -> Input:
    """An input entry's body. Raises Undecodable."""
    try:
        return _ENTRIES.decode(body)
    except msgspec.DecodeError as error:
        raise Undecodable(str(error)) from error


def kind_of(body: AnyInput) -> str:
    """The word of a fact or command: its tag."""
    return str(type(body).__struct_config__.tag)


def is_command(body: AnyInput) -> bool:
    """Whether somebody waits for an outcome."""
    return isinstance(body, Command)


def trace_of(key: str) -> str:
    """What the journal keeps of a dedup key, which may hold an address: enough to find the entry of a known key."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()


def seal(private: Private, salt: bytes) -> str:
    """The salted digest that the journal keeps of a message's erasable content. Without the salt nothing can be guessed from it.

    It covers what the message's row holds, so that the row can be checked against the journal as long as it is not erased.
    """
    files = [(one.name, one.media_type, one.size, one.sha256) for one in private.attachments]
    content = canonical([private.subject, private.text, private.full_text, private.html, files])
    return hashlib.sha256(salt + content).hexdigest()


def without_nul(private: Private) -> Private:
    """PostgreSQL's text has no NUL; adapters remove it, and should one not do so, the message matters more."""
    kept = {name: getattr(private, name).replace("\0", "") for name in ("name", "subject", "text", "full_text", "html")}
    return msgspec.structs.replace(private, **kept)
