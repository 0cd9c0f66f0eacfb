"""The one tree of errors. Expected outcomes are values; what is raised either answers a caller or ends a loop.

A class's docstring is its default message, `code` is stable and public, `status` is what HTTP answers.
"""

from collections.abc import Mapping
from typing import ClassVar


class CccError(Exception):
    """Something went wrong on our side."""

    code: str = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None, *, code: str | None = None, **extra: object) -> None:
        """`code` narrows the class's own; `extra` goes beside it into the problem document, so no personal data."""
        super().__init__(message or type(self).default_message())
        if code is not None:
            self.code = code
        self.extra: Mapping[str, object] = extra

    @classmethod
    def default_message(cls) -> str:
        """The first line of the class's docstring."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    @property
    def message(self) -> str:
        """What a person reads; safe to show to the caller."""
        return str(self)


class MalformedRequest(CccError):
    """The request cannot be read."""

    code = "malformed_request"
    status = 400


class Unauthenticated(CccError):
    """The signature or token is missing, wrong or over."""

    code = "unauthenticated"
    status = 401


class Forbidden(CccError):
    """This role may not do that."""

    code = "forbidden"
    status = 403


class NotFound(CccError):
    """There is no such thing, or it is not yours."""

    code = "not_found"
    status = 404


class RequestTimeout(CccError):
    """The body did not arrive in time."""

    code = "request_timeout"
    status = 408


class Conflict(CccError):
    """That is no longer possible; the state has moved on."""

    code = "conflict"
    status = 409


class PreconditionFailed(CccError):
    """It was changed by somebody else since you read it."""

    code = "precondition_failed"
    status = 412


class TooLarge(CccError):
    """The body is over the limit."""

    code = "too_large"
    status = 413


class UnsupportedMedia(CccError):
    """This kind of content is not accepted here."""

    code = "unsupported_media_type"
    status = 415


class Invalid(CccError):
    """The content breaks a rule."""

    code = "invalid"
    status = 422


class IdempotencyKeyReused(Invalid):
    """This Idempotency-Key was used before with another body."""

    code = "idempotency_key_reused"


class PreconditionRequired(CccError):
    """Send If-Match with the version you read."""

    code = "precondition_required"
    status = 428


class _TryLater(CccError):
    """Try again later."""

    def __init__(
        self, message: str | None = None, *, retry_after_s: int = 1, code: str | None = None, **extra: object
    ) -> None:
        super().__init__(message, code=code, **extra)
        self.retry_after_s = retry_after_s


class TooMany(_TryLater):
    """Too many requests; slow down."""

    code = "too_many_requests"
    status = 429


class NotBuilt(CccError):
    """Reserved for a later edition."""

    code = "not_built"
    status = 501


class Unavailable(_TryLater):
    """The service cannot take this now; try again."""

    code = "unavailable"
    status = 503


class Misconfigured(CccError):
    """A setting is missing or wrong."""

    code = "misconfigured"
