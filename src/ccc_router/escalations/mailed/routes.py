"""The pages behind the links of department mails: GET shows what will happen, POST does it. Mail scanners only GET."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from ...events.commands import ActOnEscalation
from ...events.facts import Private
from ...events.vocabulary import Role
from ...kernel.clock import format_local
from ...kernel.errors import Conflict, NotFound
from ...kernel.ids import derive
from ...kernel.text import clean
from ...rest.problems import answer, answers
from ..asking import act
from ..links import Link
from ..services import Room

if TYPE_CHECKING:
    from jinja2 import Template

router: Final = APIRouter(prefix="/v1/links", tags=["escalations"])

LONGEST_ANSWER: Final = 20_000
_HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}
_HTML: Final = {"text/html": {"schema": {"type": "string"}}}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "There is no such link.", "content": _HTML},
    409: {"description": "The escalation has moved on.", "content": _HTML},
    410: {"description": "The link was used, or its time is over.", "content": _HTML},
    422: {"description": "The answer is empty or too long.", "content": _HTML},
    429: answer("Too many requests; slow down."),
    503: answer("The service cannot take this now; try again."),
}
_POSTED: Final = _RESPONSES | answers(400, 408, 413)
_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "description": "The field of the form, for a link that answers.",
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "properties": {"text": {"type": "string", "maxLength": LONGEST_ANSWER}}}
            }
        },
    }
}

Token = Annotated[str, Path(description="The secret of the link.")]


class Words(NamedTuple):
    """A text in both languages."""

    vi: str
    en: str


_ASKS: Final[Mapping[str, Words]] = {
    "acknowledge": Words("Xác nhận đã tiếp nhận hồ sơ", "Acknowledge the case"),
    "answer": Words("Trả lời hồ sơ", "Answer the case"),
}
_BUTTONS: Final[Mapping[str, Words]] = {
    "acknowledge": Words("Xác nhận", "Acknowledge"),
    "answer": Words("Gửi câu trả lời", "Send the answer"),
}
_DONE: Final = Words("Đã ghi nhận. Cảm ơn đơn vị.", "Done. Thank you.")
_UNKNOWN: Final = Words("Đường dẫn không tồn tại.", "There is no such link.")
_OVER: Final = Words("Đường dẫn đã được dùng hoặc đã hết hạn.", "The link was used already, or its time is over.")
_MOVED_ON: Final = Words("Hồ sơ không còn chờ việc này.", "The case no longer waits for this.")
_NO_TEXT: Final = Words(
    "Xin viết câu trả lời, nhiều nhất 20.000 ký tự.", "Please write an answer of up to 20,000 characters."
)


@router.get("/{token}", response_class=HTMLResponse, summary="See what a link does", responses=_RESPONSES)
async def look(token: Token, room: Room) -> HTMLResponse:
    """Changes nothing."""
    link = await room.links.find(token)
    if link is None or link.used or link.over:
        return _closed(link)
    return await _form(room, link)


@router.post(
    "/{token}", response_class=HTMLResponse, summary="Do what a link is for", responses=_POSTED, openapi_extra=_FORM
)
async def use(token: Token, request: Request, room: Room) -> HTMLResponse:
    """Once. The engine knows the use by the link, so a second click while the first is under way changes nothing."""
    link = await room.links.find(token)
    if link is None or link.used or link.over:
        return _closed(link)
    text = _text(await request.body()) if link.action == "answer" else ""
    if link.action == "answer" and not 0 < len(text) <= LONGEST_ANSWER:
        return _page(422, _NO_TEXT)
    command = ActOnEscalation(
        actor=link.department,
        actor_role=Role.DEPARTMENT,
        private=Private(text=text) if text else None,
        escalation_id=link.escalation_id,
        action=link.action,
        message_id=derive("ms", link.department, link.key) if text else "",
    )
    try:
        await act(room, command, link.key)
    except (Conflict, NotFound):
        return _page(409, _MOVED_ON)
    await room.links.use(token)
    return _page(200, _DONE)


async def _form(room: Room, link: Link) -> HTMLResponse:
    found = await room.store.escalation(link.escalation_id)
    if found is None:
        return _page(404, _UNKNOWN)
    case = await room.store.case(found.case_id)
    return _page(
        200,
        _ASKS[link.action],
        form=link.action,
        button=_BUTTONS[link.action],
        reference=case.reference if case is not None else "",
        answer_by=format_local(found.answer_by),
    )


def _closed(link: Link | None) -> HTMLResponse:
    return _page(404, _UNKNOWN) if link is None else _page(410, _OVER)


def _page(status: int, title: Words, **more: object) -> HTMLResponse:
    filled = {"form": "", "button": title, "reference": "", "answer_by": ""} | more
    html = _template().render(title=title, **filled)
    return HTMLResponse(html, status_code=status, headers=_HEADERS)


@cache
def _template() -> "Template":
    # The engine is heavy to load, and many a process never shows a page.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("ccc_router.escalations.mailed", "pages")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("page.html")


def _text(body: bytes) -> str:
    """The field of the form. Whatever else a client sends is no answer."""
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=10, strict_parsing=False)
    except (UnicodeDecodeError, ValueError):
        return ""
    return clean(fields.get("text", [""])[0]).strip()
