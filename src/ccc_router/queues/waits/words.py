"""A wait in words for the customer, in Vietnamese and English: anything but ``en`` is Vietnamese."""

from collections.abc import Mapping
from typing import Final

from ccc_router.kernel.clock import format_local
from ccc_router.queues.waits.telling import Standing

Both = Mapping[str, str]

_RECEIVED: Final = {
    "vi": "{name} đã nhận được tin nhắn của Quý khách. Mã hồ sơ: {reference}.",
    "en": "{name} has received your message. Your reference: {reference}.",
}
_PLACE: Final = {
    "vi": "Quý khách đang ở vị trí thứ {position} trong hàng chờ.",
    "en": "You are number {position} in line.",
}
_BETWEEN: Final = {
    "vi": "Thời gian chờ dự kiến: từ {soon} đến {late}.",
    "en": "We expect to answer in {soon} to {late}.",
}
_UNDER: Final = {"vi": "Thời gian chờ dự kiến: dưới {late}.", "en": "We expect to answer in less than {late}."}
_CLOSED: Final = {
    "vi": "Hiện đã ngoài giờ làm việc. Chúng tôi sẽ trả lời theo thứ tự khi mở cửa lại.",
    "en": "We are closed now. We will answer in order when we open.",
}
_OPENS: Final = {
    "vi": "Hiện đã ngoài giờ làm việc. Chúng tôi mở cửa lại lúc {at} và sẽ trả lời theo thứ tự.",
    "en": "We are closed now. We open at {at} and will answer in order.",
}
_CALLBACK: Final = {
    "vi": "Nếu không muốn chờ, Quý khách có thể yêu cầu được gọi lại ngay tại đây.",
    "en": "If you would rather not wait, you can ask here to be called back.",
}
_AUTOMATIC: Final = {"vi": "Đây là tin nhắn tự động.", "en": "This is an automatic message."}
_UNITS: Final = {"vi": {"m": "{n} phút", "h": "{n} giờ"}, "en": {"m": "{n} minute{s}", "h": "{n} hour{s}"}}
_IN_MINUTES: Final = 90
_MINUTE_MS: Final = 60_000


def wait_sentences(standing: Standing, language: str) -> list[str]:
    """His place and how long it may take, as an interval; or when the queue opens."""
    if standing.closed:
        known = standing.opens_at > 0
        return [of(_OPENS if known else _CLOSED, language).format(at=format_local(standing.opens_at) if known else "")]
    place = of(_PLACE, language).format(position=standing.position)
    return [place, _interval(standing, language)] if standing.late_ms else [place]


def automatic_text(name: str, standing: Standing, language: str) -> str:
    """The message of a page or a portal to whoever has to wait; ``name`` is the endpoint's."""
    parts = [of(_RECEIVED, language).format(name=name, reference=standing.reference)]
    parts += [of(standing.notice, language).strip()] if standing.notice else []
    parts += wait_sentences(standing, language)
    parts += [of(_CALLBACK, language)] if standing.callback else []
    return " ".join([*parts, of(_AUTOMATIC, language)])


def of(texts: Both, language: str) -> str:
    """The text in a language we write."""
    return texts["en" if language == "en" else "vi"]


def _interval(standing: Standing, language: str) -> str:
    """Outwards to whole minutes, and from an hour and a half on to whole hours: nobody knows it better."""
    late, soon = -(-standing.late_ms // _MINUTE_MS), standing.soon_ms // _MINUTE_MS
    unit = "m"
    if late > _IN_MINUTES:
        late, soon, unit = -(-late // 60), soon // 60, "h"
    words = {"late": _span(max(late, 1), unit, language), "soon": _span(soon, unit, language)}
    return of(_BETWEEN if soon else _UNDER, language).format(**words)


def _span(number: int, unit: str, language: str) -> str:
    text = _UNITS["en" if language == "en" else "vi"][unit]
    return text.format(n=number, s="" if number == 1 else "s")
