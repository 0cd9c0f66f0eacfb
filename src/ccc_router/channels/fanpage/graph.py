"""The Graph API: one call, and what its answer means for the message that was to be sent.

Source: Messenger Platform, "Send API" and "Error codes"; Graph API, "Handling errors", "Rate limits". There is no idempotency key, so
an answer that never came says nothing: only what surely did not reach Meta may be tried again.
"""

import json
import ssl
from collections.abc import Mapping
from typing import Final

import httpx
import msgspec

from ccc_router.channels.fanpage.reading import Node, ident, node
from ccc_router.kernel.signing import hex_digest
from ccc_router.queues.deliveries.port import Attempted, Failed, Parked, Retry, Sent, Unknown

BASE_URL: Final = "https://graph.facebook.com"
VERSION: Final = "v24.0"
TIMEOUT: Final = httpx.Timeout(15.0, connect=5.0)
_MINUTE_MS: Final = 60_000
_LONGEST_WAIT_MS: Final = 6 * 60 * _MINUTE_MS
_LONGEST_ANSWER: Final = 64 * 1024

_RATE_CODES: Final = frozenset({4, 17, 32, 341, 613, 80000, 80001, 80002, 80003, 80004, 80006, 80008})
_TRANSIENT_CODES: Final = frozenset({1, 2, 1200})
_TOKEN_CODES: Final = frozenset({102, 190, 467})
_FAILED: Final[Mapping[tuple[int, int], str]] = {
    (10, 2018278): "window_closed",
    (100, 2018001): "person_unknown",
    (100, 2018109): "attachment_too_large",
    (100, 2534022): "window_closed",
    (200, 1545041): "person_unavailable",
    (551, 0): "person_unavailable",
    (100, 0): "bad_request",
    (200, 0): "person_unavailable",
    (10900, 0): "already_answered",
}
"""By code and subcode; subcode 0 stands for every other one."""


class Upload(msgspec.Struct, frozen=True):
    """A file to send along."""

    name: str
    media_type: str
    content: bytes


def a_client(verify: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
    """A client for all calls: no redirects, nothing from the environment, few connections."""
    limits = httpx.Limits(max_connections=20, max_keepalive_connections=10)
    return httpx.AsyncClient(verify=verify, timeout=TIMEOUT, follow_redirects=False, trust_env=False, limits=limits)


class Graph:
    """Calls on behalf of one page."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, version: str, token: str, app_secret: str) -> None:
        self._client = client
        self._root = f"{(base_url or BASE_URL).rstrip('/')}/{version or VERSION}"
        self._token = token
        self._proof = hex_digest(app_secret.encode(), token.encode()) if app_secret else ""

    async def post(self, path: str, fields: Node, upload: Upload | None = None) -> Attempted:
        """One call. ``Sent`` bears the id Meta gave; ``path`` has no leading slash."""
        if self._proof:
            fields = {**fields, "appsecret_proof": self._proof}
        headers = {"authorization": f"Bearer {self._token}"}
        url = f"{self._root}/{path}"
        try:
            if upload is None:
                answer = await self._client.post(url, json=fields, headers=headers)
            else:
                answer = await self._client.post(url, data=_form(fields), files=_files(upload), headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Retry("connect_failed")
        except httpx.TimeoutException:
            return Unknown("timeout")
        except (httpx.TransportError, httpx.DecodingError):
            return Unknown("connection_lost")
        return read_answer(answer.status_code, answer.headers, answer.content)


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> Attempted:
    """What an answer means. The same for every call that makes a message or a comment."""
    document = _document(body)
    error = node(document, "error")
    if error:
        return _refused(error, headers)
    if 200 <= status < 300:
        made = ident(document.get("message_id")) or ident(document.get("id"))
        return Sent(made) if made else Unknown("answer_unreadable")
    if status == 429:
        return Retry("rate_limited", _wait_ms(headers))
    if 300 <= status < 400:
        return Parked("redirected")
    if 400 <= status < 500:
        return Failed(f"http_{status}")
    return Unknown(f"http_{status}")  # whoever answered does not say how far the call came


def _refused(error: Node, headers: Mapping[str, str]) -> Attempted:
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    if code in _RATE_CODES:
        return Retry("rate_limited", _wait_ms(headers))
    if code in _TOKEN_CODES:
        return Parked("token_dead")
    reason = _FAILED.get((code, subcode)) or _FAILED.get((code, 0))
    if reason is not None:
        return Failed(reason)
    if code in _TRANSIENT_CODES or error.get("is_transient") is True:
        return Retry("temporary")
    return Parked("permission") if code == 10 or 200 < code < 300 else Failed(f"graph_{code}")


def _wait_ms(headers: Mapping[str, str]) -> int | None:
    """When to ask again: Retry-After in seconds, or the minutes Meta estimates in its usage header."""
    told = headers.get("retry-after", "")
    if told.isascii() and told.isdigit() and len(told) < 7:
        return min(int(told) * 1000, _LONGEST_WAIT_MS)
    usage = _document(headers.get("x-business-use-case-usage", "").encode())
    minutes = [
        _number(node(entry).get("estimated_time_to_regain_access"))
        for entries in usage.values()
        for entry in (entries if isinstance(entries, list) else [])
    ]
    longest = max(minutes, default=0)
    return min(longest * _MINUTE_MS, _LONGEST_WAIT_MS) if longest > 0 else None


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _document(body: bytes) -> Node:
    if len(body) > _LONGEST_ANSWER:
        return {}
    try:
        return node(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _form(fields: Node) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


def _files(upload: Upload) -> dict[str, tuple[str, bytes, str]]:
    return {"filedata": (upload.name, upload.content, upload.media_type)}
