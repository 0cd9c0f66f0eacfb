"""What a database error means for whoever got it."""

import asyncio
from enum import StrEnum
from typing import Final

import asyncpg


class Failure(StrEnum):
    """The kinds of failure, by what to do about them."""

    RETRYABLE = "retryable"  # deadlock, serialisation: the same transaction again, at once
    CONSTRAINT = "constraint"  # a row that a constraint refuses: never again as it is
    DATA = "data"  # a value that PostgreSQL cannot hold: never again as it is
    CONNECTION = "connection"  # the server is away or going: try later; nothing is known of a commit under way
    FULL = "full"  # disk, memory or connections used up: try later
    TIMEOUT = "timeout"  # a time-out of ours, or cancelled: perhaps later
    BUG = "bug"  # our statement is wrong


_BY_STATE: Final = {
    "40001": Failure.RETRYABLE,
    "40P01": Failure.RETRYABLE,
    "55P03": Failure.TIMEOUT,  # lock_timeout
    "57014": Failure.TIMEOUT,  # statement_timeout, or a cancel request
    "57P05": Failure.CONNECTION,  # idle_session_timeout
    "25P03": Failure.CONNECTION,  # idle_in_transaction_session_timeout
    "25P04": Failure.CONNECTION,  # transaction_timeout
    "25006": Failure.CONNECTION,  # read only: a standby; the primary is elsewhere by now
    "58030": Failure.FULL,  # I/O error; PostgreSQL reports some full disks so
}
_BY_CLASS: Final = {
    "08": Failure.CONNECTION,
    "22": Failure.DATA,
    "23": Failure.CONSTRAINT,
    "28": Failure.CONNECTION,
    "53": Failure.FULL,
    "57": Failure.CONNECTION,
}


def classify(error: BaseException) -> Failure | None:
    """The kind of failure, or None when the error is not the database's.

    Reads errors of asyncpg and what a broken socket raises.
    """
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return _BY_STATE.get(state) or _BY_CLASS.get(state[:2], Failure.BUG)
    if isinstance(error, asyncpg.DataError):  # raised by the driver before anything is sent
        return Failure.DATA
    if isinstance(error, asyncpg.InternalClientError):  # what asyncpg says when the server ends an idle connection
        return Failure.CONNECTION
    if isinstance(error, asyncpg.PostgresError | OSError | asyncio.IncompleteReadError):
        return Failure.TIMEOUT if isinstance(error, TimeoutError) else Failure.CONNECTION
    if isinstance(error, asyncpg.InterfaceError):
        return Failure.BUG if isinstance(error, asyncpg.InterfaceWarning) or _is_misuse(error) else Failure.CONNECTION
    return None


def state_of(error: BaseException) -> str | None:
    """The five letters of SQLSTATE, where there are any."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _is_misuse(error: asyncpg.InterfaceError) -> bool:
    text = str(error)
    return "another operation" in text or "wrong number" in text or "expects" in text
