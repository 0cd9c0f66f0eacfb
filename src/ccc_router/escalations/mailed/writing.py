"""The mail a department gets: Vietnamese first, English below, plain text, with the links that act."""

from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from ...kernel.clock import format_local
from ...queues.deliveries.port import Delivery
from ...routing.policy import Department
from ..payload import Texts

LONGEST_TEXT: Final = 20_000

_SUBJECTS: Final[Mapping[str, tuple[str, str]]] = {
    "raised": ("Yêu cầu xử lý mới", "New case to handle"),
    "reminded": ("Nhắc hạn xử lý", "Reminder of a deadline"),
    "overdue": ("Quá hạn xử lý", "Overdue"),
    "withdrawn": ("Đã rút yêu cầu", "Withdrawn"),
    "reply": ("Trả lời từ tổng đài", "Reply from the care centre"),
    "rejected": ("Câu trả lời chưa đạt", "Answer not accepted"),
}
_FIELDS: Final = (
    ("reference", "Mã hồ sơ", "Reference"),
    ("topic", "Chủ đề", "Topic"),
    ("province", "Tỉnh/thành", "Province"),
    ("acknowledge_by", "Hạn tiếp nhận", "Acknowledge by"),
    ("answer_by", "Hạn trả lời", "Answer by"),
    ("extension", "Gia hạn", "Extension"),
)
_PARTS: Final = (
    ("summary", "Nội dung", "Summary"),
    ("note", "Ghi chú của đơn vị chuyển", "Note of the forwarding unit"),
    ("text", "Tin nhắn", "Message"),
)
_DEADLINES: Final = frozenset({"acknowledge_by", "answer_by"})


def notice_of(delivery: Delivery) -> str:
    """The middle of the type: ``raised`` of ``ccc.escalation.raised.v1``."""
    return delivery.type.split(".")[2] if delivery.type.count(".") == 3 else ""


def write(
    delivery: Delivery, department: Department, texts: Texts, links: Mapping[str, str], sender: str
) -> EmailMessage:
    """The whole mail; the same for every attempt. ``links`` are URLs by action. Raises ValueError for an address that is none."""
    vi, en = _SUBJECTS.get(notice_of(delivery), ("Thông báo", "Notice"))
    reference = delivery.data.get("reference", "")
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = f"[{reference}] {vi} / {en}" if reference else f"{vi} / {en}"
    mail["From"] = Address("CSKH BHXH", addr_spec=sender)
    mail["To"] = Address(department.name.vi, addr_spec=department.email)
    mail["Message-ID"] = f"<{delivery.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(_body(delivery, texts, links, (vi, en)), cte="quoted-printable")
    return mail


def _body(delivery: Delivery, texts: Texts, links: Mapping[str, str], heading: tuple[str, str]) -> str:
    vi = [heading[0], "", *_lines(delivery, texts, 1)]
    en = [heading[1], "", *_lines(delivery, texts, 2)]
    if "acknowledge" in links:
        vi += ["", "Xác nhận đã tiếp nhận:", links["acknowledge"]]
        en += ["", "Acknowledge:", links["acknowledge"]]
    if "answer" in links:
        vi += ["", "Gửi câu trả lời:", links["answer"]]
        en += ["", "Answer:", links["answer"]]
    if links:
        vi += ["", "Mỗi đường dẫn chỉ dùng được một lần. Xin không chuyển tiếp thư này ra ngoài đơn vị."]
        en += ["", "Each link works once. Please do not forward this mail outside your department."]
    return "\n".join([*vi, "", "-" * 40, "", *en, ""])


def _lines(delivery: Delivery, texts: Texts, language: int) -> list[str]:
    lines = [
        f"{field[language]}: {_shown(field[0], delivery.data[field[0]])}"
        for field in _FIELDS
        if delivery.data.get(field[0])
    ]
    for part in _PARTS:
        text = getattr(texts, part[0])
        if text:
            lines += ["", f"{part[language]}:", text[:LONGEST_TEXT]]
    return lines


def _shown(name: str, value: str) -> str:
    return format_local(int(value)) if name in _DEADLINES else value
