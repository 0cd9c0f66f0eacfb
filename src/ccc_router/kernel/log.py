"""JSON lines on stderr, from which personal data is masked before they are written.

By construction events carry ids and counts. The mask is the second line: it also catches what a library or an
exception's message lets slip.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Final, TextIO

import structlog
from structlog.stdlib import BoundLogger
from structlog.typing import EventDict, Processor

MASKED_EMAIL: Final = "<email>"
MASKED_NUMBER: Final = "<number>"

# The local part may hold any letter; 64 and 255 are the limits of RFC 5321, and keep the match linear.
_EMAIL = re.compile(r"[^\s@<>\"',;:()\[\]]{1,64}(?:@|%40)[\w.-]{1,255}")
# A phone number or a 9 to 15 digit id (CCCD, BHXH, page-scoped), also written in groups. An id of ours is drawn at random and may well
# have nine digits in a row: it is matched first, as a whole, and stays.
_NUMBER = re.compile(
    r"(?<!\w)(?P<ours>[a-z]{2}_[0-9a-hjkmnp-tv-z]{26})(?!\w)|(?<![\d])\+?\d(?:[ .()\u00a0-]{0,2}\d){8,18}(?!\d)"
)
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
# Whole numbers of nine digits and more that are no person's: times, sizes, positions, processes.
_PLAIN_NUMBERS: Final = ("_ms", "_ns", "_us", "_bytes", "position", "epoch", "pid", "xid", "count")
_SMALLEST_ID: Final = 10**8


def mask(text: str) -> str:
    """`text` without e-mail addresses, phone numbers and ids of 9 to 15 digits."""
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(MASKED_EMAIL, text)
    return _NUMBER.sub(_mask_number, text)


def _mask_number(found: re.Match[str]) -> str:
    return found[0] if found["ours"] or _TIMESTAMP.match(found.string, found.start()) else MASKED_NUMBER


def _plain(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Without the copy of its message in colours that uvicorn adds for terminals."""
    event.pop("color_message", None)
    return event


def masking(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The structlog processor: mask every value of the event, however deep."""
    for key, value in event.items():
        event[key] = _masked(key, value)
    return event


def _masked(key: str, value: object) -> object:
    if isinstance(value, str):
        return mask(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < _SMALLEST_ID or key.endswith(_PLAIN_NUMBERS) else MASKED_NUMBER
    if isinstance(value, Mapping):
        return {mask(str(inner)): _masked(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(key, item) for item in value]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return mask(str(value))


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.format_exc_info,
        masking,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def configure(level: str = "info", *, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's logging through the mask to `stream` (default stderr)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _plain, *_shared()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=_unknown),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Libraries that log addresses, statements or bodies below warning are kept from it.
    for name in (
        "uvicorn.access",
        "httpx",
        "httpcore",
        "sqlalchemy",
        "alembic",
        "aiosmtpd",
        "mail",
        "asyncio",
        "aiokafka",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=BoundLogger,
        cache_logger_on_first_use=False,
    )


def _unknown(value: object) -> str:
    return type(value).__name__


def get_logger(name: str) -> BoundLogger:
    """A logger for one room. Event names are snake_case words, values are ids and counts."""
    logger: BoundLogger = structlog.stdlib.get_logger(f"ccc_router.{name}")
    return logger


def bind(**values: str | int) -> MutableMapping[str, object]:
    """Add values (a request id, a pool) to every event logged in this context."""
    return dict(structlog.contextvars.bind_contextvars(**values))
