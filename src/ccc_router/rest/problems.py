"""Errors as RFC 9457 says: one shape, a stable ``code``, nothing of what the caller sent, so nothing personal."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ..kernel.errors import CccError, Unavailable
from ..kernel.log import mask
from ..storage.failures import Failure, classify

MEDIA_TYPE: Final = "application/problem+json"
SCHEMA: Final = {"$ref": "#/components/schemas/Problem"}

_TITLES: Final = {
    400: "Malformed request",
    401: "Unauthenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Request timeout",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    501: "Not built",
    503: "Unavailable",
}
_AWAY: Final = frozenset({Failure.CONNECTION, Failure.FULL, Failure.TIMEOUT})
_CODES: Final = {
    400: "malformed_request",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
}


class Fault(BaseModel):
    """One thing that is wrong with the content."""

    pointer: str = Field(
        description="Where: a JSON pointer into the body, or `query/name`, `path/name`, `header/name`."
    )
    detail: str = Field(description="What is wrong there.")


class Problem(BaseModel):
    """An error (RFC 9457). Decide by `code`; `detail` is for people and may change."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "urn:ccc-router:problem:not_found",
                "title": "Not found",
                "status": 404,
                "code": "not_found",
                "detail": "There is no such thing, or it is not yours.",
            }
        },
    )

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[Fault] = Field(default_factory=list)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer that carries a problem."""
    document = dict(extra or {}) | {
        "type": f"urn:ccc-router:problem:{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return JSONResponse(document, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problem_of(error: Exception) -> JSONResponse:
    """The answer to an error of ours, of FastAPI or of Starlette. Anything else is 500 and says nothing."""
    if isinstance(error, CccError):
        return _of_ours(error)
    if isinstance(error, RequestValidationError):
        return _of_validation(error.errors())
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, "error")
        detail = _TITLES.get(error.status_code, "Error") + "."
        return problem(error.status_code, code, detail, headers=error.headers)
    if classify(error) in _AWAY:  # the database: nothing was promised, so the caller may try again
        return _of_ours(Unavailable())
    return problem(500, "internal", CccError.default_message())


def _of_ours(error: CccError) -> JSONResponse:
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    retry_after = getattr(error, "retry_after_s", None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    # What went wrong inside is for the log; the caller learns that it was us.
    detail = error.message if error.status < 500 or error.status in (501, 503) else CccError.default_message()
    return problem(error.status, error.code, detail, extra=error.extra, headers=headers)


def _of_validation(errors: Sequence[Mapping[str, Any]]) -> JSONResponse:
    if any(error["type"] == "json_invalid" for error in errors):
        return problem(400, "malformed_request", "The body is not JSON.")
    faults = [{"pointer": pointer(error["loc"]), "detail": mask(str(error["msg"]))} for error in errors[:50]]
    return problem(422, "invalid", "The content breaks a rule.", extra={"errors": faults})


def pointer(location: Sequence[str | int]) -> str:
    """Where a fault lies. Names a caller made up are masked: they may be anything."""
    place, *rest = [str(step) for step in location] or ["body"]
    path = "/".join(mask(step)[:100].replace("~", "~0").replace("/", "~1") for step in rest)
    return f"/{path}" if place == "body" else f"{place}/{path}"


def answer(description: str) -> dict[str, Any]:
    """A problem in the OpenAPI document."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": SCHEMA}}}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Problems a route may answer besides those every route may (``documented``)."""
    return {status: answer(_TITLES[status]) for status in statuses}


def documented(*, has_body: bool, has_id: bool) -> dict[int | str, dict[str, Any]]:
    """The problems of every route for callers with a token."""
    statuses = [401, 403, 422, 429, 503]
    if has_body:
        statuses += [400, 408, 413]
    if has_id:
        statuses.append(404)
    return answers(*sorted(statuses))
