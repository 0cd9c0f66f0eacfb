"""The sentences, in both languages, keyed by what they say: one table for each closed set. All Vietnamese is NFC.

They have no subject, so that they serve for one agent as for many. ``{…}`` are fields of the reason; times stand as a clock in
Vietnam shows them.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from ...events.vocabulary import Overflowing, Overtaking, Presence
from ...kernel.clock import format_local, local
from ...routing.explain import AnyReason
from ...routing.explain import reasons as r
from ..documents import WhyText


class Words(NamedTuple):
    """A sentence, and what is added to it only for one agent (when ``adds`` is known)."""

    vi: str
    en: str
    adds: str = ""
    more_vi: str = ""
    more_en: str = ""


REASONS: Final[Mapping[type[Any], Words]] = {
    r.UnknownAgent: Words("không có trong danh mục hiện hành", "not in the catalogue in force"),
    r.Absent: Words("{presence_vi}", "{presence_en}", "reason", " ({reason})", " ({reason})"),
    r.NoDemand: Words("nhận việc theo yêu cầu và hiện chưa yêu cầu", "on demand, and not asking for work now"),
    r.Lost: Words("mất kết nối", "not heard of any more"),
    r.OfferPending: Words("đang được mời một lượt liên hệ", "being offered a contact"),
    r.QueueNotServed: Words("không phục vụ hàng đợi {queue}", "not serving the queue {queue}"),
    r.QueueClosed: Words(
        "hàng đợi {queue} đóng cửa từ {since}", "the queue {queue} is closed since {since}",
        "opens_at", ", mở lại lúc {opens_at}", ", opens at {opens_at}",
    ),
    r.DelayNotReached: Words(
        "chỉ nhận hàng đợi {queue} khi đã chờ lâu hơn", "taking from the queue {queue} only what waited longer",
        "until", ", từ {until}", ", from {until} on",
    ),
    r.Unskilled: Words(
        "chưa đủ kỹ năng {skill} mức {needed}", "below level {needed} of the skill {skill}",
        "at", "; đủ từ bước nới {step}, lúc {at}", "; enough from step {step} on, at {at}",
    ),
    r.ChannelNotTaken: Words("không nhận kênh {channel}", "not taking the channel {channel}"),
    r.ChannelFull: Words(
        "đã đủ số lượt kênh {channel}", "full on the channel {channel}",
        "limit", " ({used} trên {limit})", " ({used} of {limit})",
    ),
    r.WeightFull: Words(
        "đã hết năng lực", "carrying as much as may be",
        "limit", " (cần {weight}, đang giữ {beside} trên {limit})", " (needs {weight}, holds {beside} of {limit})",
    ),
    r.NotBeside: Words("kênh {channel} không thêm vào khi đang có {held}", "nothing of {channel} comes on top of {held}"),
    r.Penalised: Words(
        "tạm dừng mời sau khi bỏ lỡ hoặc từ chối", "paused after a missed or declined offer",
        "until", " đến {until}", " until {until}",
    ),
    r.NoPhone: Words("không có máy điện thoại", "without a phone"),
    r.PhoneNotRegistered: Words("điện thoại chưa đăng ký với tổng đài", "with a phone that is not registered"),
    r.ReservedForAnother: Words(
        "lượt liên hệ đang dành cho {agent}", "the contact is kept for {agent}",
        "until", " đến {until}", " until {until}",
    ),
    r.QueuePrefers: Words(
        "hàng đợi {queue} đang ưu tiên nhân viên khác", "the queue {queue} prefers others for now",
        "until", " đến {until}", " until {until}",
    ),
    r.Excluded: Words("được loại trừ khỏi lượt liên hệ này", "kept from this contact by a supervisor"),
    r.TriedBefore: Words("vừa được mời lượt này, còn người khác nhận được", "had it just now, and somebody else can take it"),
    r.QueueAtLimit: Words(
        "hàng đợi {queue} đã có đủ {limit} lượt kênh {channel} đang xử lý",
        "the queue {queue} has as many of {channel} in hand as may be: {limit}",
    ),
    r.TooEarly: Words(
        "chưa đến giờ hẹn gọi lại", "too early: the customer is to be called back later",
        "until", ", từ {until}", ", from {until} on",
    ),
    r.NotWaiting: Words("lượt liên hệ không còn chờ ({state})", "the contact does not wait ({state})"),
}  # fmt: skip

PRESENCES: Final[Mapping[Presence, tuple[str, str]]] = {
    Presence.READY: ("sẵn sàng", "ready"),
    Presence.ON_DEMAND: ("nhận việc theo yêu cầu", "on demand"),
    Presence.NOT_READY: ("chưa sẵn sàng", "not ready"),
    Presence.SIGNED_OUT: ("đã đăng xuất", "signed out"),
}

OVERTAKINGS: Final[Mapping[Overtaking, tuple[str, str]]] = {
    Overtaking.RESERVED: ("Đang dành cho nhân viên khác.", "It is kept for another agent."),
    Overtaking.QUEUE_NOT_SERVED: ("Nhân viên không phục vụ hàng đợi đó.", "The agent does not serve its queue."),
    Overtaking.DELAY: (
        "Nhân viên chỉ nhận hàng đợi đó khi đã chờ lâu hơn.",
        "The agent takes from its queue only what waited longer.",
    ),
    Overtaking.SKILL: ("Nhân viên chưa đủ kỹ năng cần thiết.", "The agent lacks a skill it needs."),
    Overtaking.EXCLUDED: ("Nhân viên được loại trừ khỏi lượt đó.", "A supervisor keeps it from the agent."),
    Overtaking.QUEUE_AT_LIMIT: (
        "Hàng đợi đó đã có đủ số lượt đang xử lý cùng lúc.",
        "Its queue had as many in hand as may be at once.",
    ),
    Overtaking.NO_ROOM: (
        "Nhân viên không nhận thêm được kênh đó lúc ấy.",
        "The agent could take no more of its channel just then.",
    ),
    Overtaking.KEPT_FOR_AGENT: (
        "Lượt được mời là lượt dành riêng cho nhân viên.",
        "The one offered was kept for the agent.",
    ),
    Overtaking.PROFILE_PRIORITY: (
        "Nhân viên ưu tiên hàng đợi của lượt được mời.",
        "The agent's profile puts the other queue first.",
    ),
    Overtaking.CONTACT_ORDER: (
        "Lượt được mời còn kịp hạn trả lời; lượt kia đã quá hạn.",
        "The one offered could still be answered in time; the other was past its target.",
    ),
    Overtaking.SAME_MOMENT: (
        "Nhiều thay đổi cùng một lúc; lượt kia được ghép trước.",
        "Several things changed at once, and the other was matched first.",
    ),
}

OVERFLOWS: Final[Mapping[Overflowing, tuple[str, str]]] = {
    Overflowing.CLOSED: (
        "Chuyển từ hàng đợi {0} lúc {1} vì hàng đợi đó đóng cửa.",
        "It came from the queue {0} at {1}, which was closed.",
    ),
    Overflowing.AFTER_WAIT: (
        "Chuyển từ hàng đợi {0} lúc {1} vì đã chờ ở đó quá lâu.",
        "It came from the queue {0} at {1}, where it had waited too long.",
    ),
    Overflowing.LENGTH: (
        "Chuyển từ hàng đợi {0} lúc {1} vì ở đó có quá nhiều lượt chờ trước.",
        "It came from the queue {0} at {1}, where too many waited before it.",
    ),
    Overflowing.FULL: (
        "Chuyển từ hàng đợi {0} lúc {1} vì hàng đợi đó đã đầy.",
        "It came from the queue {0} at {1}, which was full.",
    ),
    Overflowing.NOBODY: (
        "Chuyển từ hàng đợi {0} lúc {1} vì ở đó không có nhân viên phù hợp nào đang làm việc.",
        "It came from the queue {0} at {1}, where nobody who could take it was signed in.",
    ),
}

HANDOVERS: Final[Mapping[Overflowing, tuple[str, str]]] = {
    Overflowing.CLOSED: ("Lý do: hàng đợi {0} đóng cửa lúc {1}.", "The reason: the queue {0} was closed at {1}."),
    Overflowing.AFTER_WAIT: (
        "Lý do: đến {1} đã chờ ở hàng đợi {0} quá lâu.",
        "The reason: by {1} it had waited too long in the queue {0}.",
    ),
    Overflowing.LENGTH: (
        "Lý do: lúc {1} ở hàng đợi {0} có quá nhiều lượt chờ trước.",
        "The reason: at {1} too many waited before it in the queue {0}.",
    ),
    Overflowing.FULL: ("Lý do: hàng đợi {0} đã đầy lúc {1}.", "The reason: the queue {0} was full at {1}."),
    Overflowing.NOBODY: (
        "Lý do: lúc {1} ở hàng đợi {0} không có nhân viên phù hợp nào đang làm việc.",
        "The reason: at {1} nobody who could take it was signed in for the queue {0}.",
    ),
}

_DATES: Final = frozenset({"since", "opens_at"})
_TIMES: Final = frozenset({"until", "at"})
_SOMEBODY: Final = ("nhân viên khác", "another agent")


def sentence(reason: AnyReason, queues: Mapping[str, tuple[str, str]]) -> WhyText:
    """What stops an agent, in words; ``queues`` are the names of queues in both languages."""
    words = REASONS[type(reason)]
    fields: dict[str, Any] = msgspec.structs.asdict(reason)
    added = bool(words.adds and fields[words.adds])
    written = []
    for at, (text, more) in enumerate(((words.vi, words.more_vi), (words.en, words.more_en))):
        shown = {name: clock(value) if name in _TIMES else value for name, value in fields.items()}
        shown |= {name: format_local(fields[name]) for name in _DATES & fields.keys()}
        if isinstance(reason, r.Absent):
            shown |= {"presence_vi": PRESENCES[reason.presence][0], "presence_en": PRESENCES[reason.presence][1]}
        if "queue" in shown:
            shown["queue"] = queues.get(shown["queue"], (shown["queue"],) * 2)[at]
        if "agent" in shown:
            shown["agent"] = shown["agent"] or _SOMEBODY[at]
        written.append((text + (more if added else "")).format(**shown))
    return WhyText(vi=written[0], en=written[1])


def clock(ms: int) -> str:
    """The time of day in Vietnam: 10:32:04."""
    return local(ms).strftime("%H:%M:%S") if ms else ""


def overtaking(why: Overtaking) -> WhyText:
    """Why a contact was overtaken, in words."""
    vi, en = OVERTAKINGS[why]
    return WhyText(vi=vi, en=en)


def handover(why: Overflowing, queue: tuple[str, str], at: int) -> WhyText:
    """Why a contact was handed over to another pool and when (ms), in words; ``queue`` is where it waited here."""
    (vi, en), when = HANDOVERS[why], format_local(at)
    return WhyText(vi=vi.format(queue[0], when), en=en.format(queue[1], when))


def overflow(why: Overflowing, queue: tuple[str, str], at: int) -> WhyText:
    """Where a contact came from, when (ms) and why, in words; ``queue`` is that one's name in both languages."""
    (vi, en), when = OVERFLOWS[why], format_local(at)
    return WhyText(vi=vi.format(queue[0], when), en=en.format(queue[1], when))
