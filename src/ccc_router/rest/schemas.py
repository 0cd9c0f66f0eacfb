"""What all bodies and documents of the API share."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
)

from ..kernel.clock import format_utc, from_ms, to_ms
from ..kernel.text import clean, clean_name

MAX_TEXT: Final = 100_000
"""Characters of the longest text a person may send."""


class Body(BaseModel):
    """What a caller sends: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Document(BaseModel):
    """What a caller gets. Clients must accept new fields."""

    model_config = ConfigDict(frozen=True)


class Nothing(Body):
    """An empty object, for commands that need no more than their address."""


def _written(moment: datetime) -> str:
    return format_utc(to_ms(moment))


Moment = Annotated[AwareDatetime, PlainSerializer(_written, return_type=str)]
"""RFC 3339; answers are in UTC with milliseconds."""


def _in_reach(value: datetime) -> datetime:
    if not 2000 <= value.year < 2100:
        raise ValueError("must lie in this century")
    return value


When = Annotated[AwareDatetime, AfterValidator(_in_reach)]
"""A time that a caller sets: RFC 3339 with a zone, within this century."""


def _cleaned(value: object) -> object:
    return clean(value) if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


Text = Annotated[
    str, BeforeValidator(_cleaned), StringConstraints(min_length=1, max_length=MAX_TEXT), AfterValidator(_not_blank)
]
"""A text for people: NFC, without NUL and lone surrogates, not blank."""


def _one_line(value: object) -> object:
    return clean_name(value) if isinstance(value, str) else value


Line = Annotated[str, BeforeValidator(_one_line), StringConstraints(max_length=500)]
"""One line: no control or direction characters."""

Reason = Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=500)]
"""Why a person does something; it is journalled by its code, so say no names."""

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""An id of the catalogue: a queue, an agent, a department, a disposition, a topic."""

Id = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}_[0-9a-z]{1,64}$")]
"""An id with its prefix: ct_ of_ cs_ es_ cu_ ms_ dl_ at_."""


def moment(ms: int) -> datetime | None:
    """Engine milliseconds as an answer shows them; 0 is none."""
    return from_ms(ms) if ms else None
