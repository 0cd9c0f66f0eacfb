"""Where a contact stands, in a sentence."""

from typing import assert_never

from ...events.vocabulary import ContactState
from ...kernel.clock import format_local, to_ms
from ...routing.rows import Contact, awaits_action, kept_for
from ..documents import WhyText
from .documents import WaitingView
from .words import clock


def situation(contact: Contact, queue: tuple[str, str], agent: tuple[str, str], waiting: WaitingView | None) -> WhyText:
    """``queue`` and ``agent`` are what they are called in both languages."""
    match contact.state:
        case ContactState.ARRIVED:
            return WhyText(vi="Vừa đến, chưa vào hàng đợi.", en="It has just come and is in no queue yet.")
        case ContactState.QUEUED:
            return _waits(contact, queue, waiting)
        case ContactState.OFFERED:
            return WhyText(vi=f"Đang được mời cho {agent[0]}.", en=f"It is being offered to {agent[1]}.")
        case ContactState.CONNECTING:
            return WhyText(vi=f"Đang nối máy với {agent[0]}.", en=f"It is being connected to {agent[1]}.")
        case ContactState.ACTIVE if awaits_action(contact):
            by = clock(contact.ends_at)
            return WhyText(
                vi=f"{agent[0]} đã nhận nhưng chưa bắt đầu xử lý; nếu đến {by} vẫn chưa, lượt này trở lại hàng đợi, giữ nguyên thứ tự.",
                en=f"{agent[1]} took it and has not begun; if that is so at {by}, it goes back to its queue and keeps its place.",
            )
        case ContactState.ACTIVE | ContactState.HELD:
            return WhyText(vi=f"Đang do {agent[0]} xử lý.", en=f"It is handled by {agent[1]}.")
        case ContactState.WRAP_UP:
            return WhyText(vi=f"{agent[0]} đang hoàn tất.", en=f"It is being wrapped up by {agent[1]}.")
        case ContactState.WAITING:
            return WhyText(vi="Đang chờ khách hàng trả lời.", en="It waits for the customer.")
        case ContactState.HANDED_OVER:
            where = contact.handed_over
            pool, there = (where.pool, where.queue) if where is not None else ("", "")
            return WhyText(
                vi=f"Đã chuyển giao cho cụm {pool}, hàng đợi {there}.",
                en=f"It was handed over to the pool {pool}, queue {there}.",
            )
        case ContactState.CLOSED | ContactState.ABANDONED | ContactState.DEFLECTED | ContactState.MERGED:
            return WhyText(vi="Đã kết thúc.", en="It is over.")
        case _:
            assert_never(contact.state)


def _waits(contact: Contact, queue: tuple[str, str], waiting: WaitingView | None) -> WhyText:
    vi = [f"Đang chờ ở hàng đợi {queue[0]}."]
    en = [f"It waits in the queue {queue[1]}."]
    if waiting is not None:
        vi.append(f"Trước nó có {waiting.ahead} lượt.")
        en.append(f"Before it: {waiting.ahead}.")
        if waiting.closed is not None:
            opens = format_local(to_ms(waiting.closed.opens_at)) if waiting.closed.opens_at is not None else ""
            vi.append("Hàng đợi đang đóng cửa" + (f", mở lại lúc {opens}." if opens else "."))
            en.append("The queue is closed" + (f" and opens at {opens}." if opens else "."))
        elif waiting.able:
            vi.append(f"{waiting.able} nhân viên đủ khả năng, hiện chưa ai nhận được.")
            en.append(f"Agents who are able: {waiting.able}; none can take it now.")
        else:
            vi.append("Không có nhân viên nào đủ khả năng.")
            en.append("No agent is able to take it.")
        if waiting.next_step is not None and waiting.next_step.at is not None:
            at = clock(to_ms(waiting.next_step.at))
            vi.append(f"Yêu cầu được nới lúc {at}.")
            en.append(f"It will need less at {at}.")
        if contact.came_through:
            vi.append(f"Do cụm {contact.came_through[-1]} chuyển giao, giữ nguyên thứ tự.")
            en.append(f"The pool {contact.came_through[-1]} handed it over, and it kept its place.")
        if contact.place_from:
            vi.append("Giữ thứ tự của lượt trước của cùng khách hàng.")
            en.append("It has the place of an earlier contact of the same customer.")
        if contact.callback is not None:
            at = clock(contact.callback.not_before)
            vi.append("Khách hàng được hẹn gọi lại" + (f", không trước {at}." if at else "."))
            en.append("The customer is to be called back" + (f", not before {at}." if at else "."))
        if kept_for(contact):
            until = clock(contact.reserved_until)
            vi.append("Đang dành cho một nhân viên" + (f" đến {until}." if until else "."))
            en.append("It is kept for one agent" + (f" until {until}." if until else "."))
        elif contact.for_preferred:
            until = clock(contact.reserved_until)
            vi.append(f"Hàng đợi ưu tiên một số nhân viên đến {until}.")
            en.append(f"Its queue prefers some agents until {until}.")
    return WhyText(vi=" ".join(vi), en=" ".join(en))
