"""What we write around an answer, in Vietnamese and English. ``language`` is the mailbox's; anything but ``en`` is Vietnamese."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

_NO_SUBJECT: Final = {"vi": "(không có tiêu đề)", "en": "(no subject)"}
_FOOTER: Final = {
    "vi": "--\n{name}\nMã hồ sơ: {reference}. Khi trả lời, xin giữ nguyên mã này trong tiêu đề thư.",
    "en": "--\n{name}\nReference: {reference}. Please keep it in the subject when you answer.",
}
_ACKNOWLEDGEMENT: Final = {
    "vi": (
        "Kính gửi Quý khách,\n\n"
        "{name} đã nhận được thư của Quý khách. Mã hồ sơ là {reference}; xin ghi lại để tiện tra cứu qua điện thoại.\n\n"
        "Nhân viên của chúng tôi sẽ trả lời trong thời gian sớm nhất. Nếu muốn bổ sung thông tin, xin trả lời thư này "
        "và giữ nguyên tiêu đề.\n\n"
        "Vì an toàn thông tin, xin không gửi mật khẩu hoặc mã OTP qua thư điện tử.\n\n"
        "Đây là thư trả lời tự động."
    ),
    "en": (
        "Dear Sir or Madam,\n\n"
        "{name} has received your mail. Your reference is {reference}; please note it down for calls.\n\n"
        "A member of our staff will answer as soon as possible. To add something, answer this mail and keep its subject.\n\n"
        "For your safety, never send passwords or one-time codes by mail.\n\n"
        "This is an automatic answer."
    ),
}
_GAP: Final = "\n\n"
_TAGS: Final = re.compile(r"\s*\[#[^\]\r\n]{1,30}\]")
_PREFIX: Final = re.compile(r"(?:\s*(?:re|aw|sv|fw|fwd|tl|trả lời|chuyển tiếp|v/v trả lời)\s?:)+\s*", re.IGNORECASE)
_LONGEST_SUBJECT: Final = 200


def subject(original: str, reference: str, language: str) -> str:
    """«Re: …  [#1A2B-3C4D-5E6]»: one prefix and one tag, whatever was there before."""
    bare = _PREFIX.sub("", _TAGS.sub("", original)[:_LONGEST_SUBJECT], count=1).strip() if original else ""
    return f"Re: {bare or _of(_NO_SUBJECT, language)} [#{reference}]"


def answer(text: str, name: str, reference: str, language: str) -> str:
    """The agent's text and what stands under it."""
    return f"{text.rstrip()}\n\n{_of(_FOOTER, language).format(name=name, reference=reference)}\n"


def acknowledgement(
    name: str, reference: str, language: str, notice: Mapping[str, str], waits: Sequence[str] = ()
) -> str:
    """The text that says a mail has arrived. It repeats nothing of that mail, so it is of no use to spread anything.

    ``notice`` is what the centre tells everybody now, by language; it stands after the reference, and after it what he is told of his wait.
    """
    opening, *rest = _of(_ACKNOWLEDGEMENT, language).split(_GAP, 2)
    told = [_of(notice, language).strip()] if notice else []
    told += [" ".join(waits)] if waits else []
    received, *others = (part.format(name=name, reference=reference) for part in rest)
    return _GAP.join((opening, received, *told, *others)) + "\n"


def _of(texts: Mapping[str, str], language: str) -> str:
    return texts["en" if language == "en" else "vi"]
