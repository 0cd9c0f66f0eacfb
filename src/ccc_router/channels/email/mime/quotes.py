"""What the writer wrote, without the mail he answers: Vietnamese and English quotes of the programs people use here.

Works line by line, and every pattern is tried only on a line (or two joined) of bounded length, so the time grows with the
text and nothing else. The library mail-parser-reply was tried and left out: it knows no Vietnamese, and 20,000 empty lines
take it 25 seconds. The full text is always kept beside the result.
"""

import re
from typing import Final

_LONGEST_LINE: Final = 400  # an introduction of a quote is never longer
_MOST_LINES: Final = 10_000  # nobody writes more above a quote

# «Vào Th 2, 22 thg 11, 2026 vào lúc 08:00 Nguyễn A <a@b.vn> đã viết:» and the like; also cut in two by the program.
_WROTE: Final = re.compile(
    r"(?:on|vào|ngày|lúc|hôm|am|le)\b.{3,}?(?:wrote|đã viết|viết|writes|a écrit|schrieb)\s?:|"
    r".{3,}<?[^\s<>]{1,64}@[^\s<>]{1,255}>?.{0,40}(?:wrote|đã viết|viết)\s?:|"
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b.{3,}@.{3,}:",
    re.IGNORECASE,
)
_SEPARATOR: Final = re.compile(
    r"[-_=*]{2,}\s?(?:original message|original appointment|forwarded message|forwarded by .{1,100}|reply message|"
    r"thư gốc|tin nhắn gốc|thư đã chuyển tiếp|thư chuyển tiếp|tin nhắn đã chuyển tiếp|nội dung gốc|"
    r"chuyển tiếp|trả lời thư)\s?[-_=*]{2,}|"
    r"begin forwarded message:|bắt đầu thư được chuyển tiếp:|bắt đầu thư chuyển tiếp:|"
    r"##-? ?(?:please type your reply above this line|vui lòng trả lời phía trên dòng này) ?-?##",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"[_]{10,}|[-]{20,}")
# The block of header lines that Outlook and Zimbra put above a quote.
_FROM: Final = re.compile(r"\*?(?:from|từ|người gửi)\s?:\*?\s", re.IGNORECASE)
_OTHER_FIELD: Final = re.compile(
    r"\*?(?:sent|date|to|cc|subject|importance|attachments|đã gửi|ngày gửi|ngày|gửi|gửi lúc|thời gian|tới|đến|người nhận|kính gửi|"
    r"chủ đề|tiêu đề|đồng gửi|đính kèm)\s?:\*?(?:\s|$)",
    re.IGNORECASE,
)
_DEVICE: Final = re.compile(
    r"(?:sent|get) (?:from (?:my|mail for|yahoo mail|outlook|zalo)|outlook for)\b.{0,80}|"
    r"(?:đã )?(?:được )?gửi từ (?:iphone|ipad|điện thoại|thiết bị|samsung|máy|outlook|mail|yahoo|hộp thư)\b.{0,80}|"
    r"tải outlook (?:cho|dành cho)\b.{0,80}|lấy outlook (?:cho|dành cho)\b.{0,80}",
    re.IGNORECASE,
)
_SIGNATURE_RULE: Final = "--"
_MOST_SIGNATURE_LINES: Final = 15


def strip_quotes(text: str) -> str:
    """The part of ``text`` above the quote. If nothing of its own would remain, the whole text is the answer.

    Answers written between the lines of a quote are kept with it: then only quoted lines at the very end are cut.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = _without_tail_quote(lines[: _first_quote(lines)])
    kept = _without_signature(kept)
    result = "\n".join(kept).strip()
    return result or text.strip()


def _first_quote(lines: list[str]) -> int:
    """The index of the line where the answered mail begins, or the number of lines."""
    for index, line in enumerate(lines[:_MOST_LINES]):
        if len(line) > _LONGEST_LINE or not (stripped := line.strip().lstrip("> ").strip("*")):
            continue
        if _SEPARATOR.match(stripped):
            return _unless_interleaved(lines, index)
        if _introduces(lines, index, stripped):
            return _unless_interleaved(lines, index)
        if _FROM.match(stripped + " ") and _is_header_block(lines, index):
            return index - 1 if index and _RULE.fullmatch(lines[index - 1].strip()) else index
    return len(lines)


def _introduces(lines: list[str], index: int, line: str) -> bool:
    """Whether the line, alone or with the next one or two (wrapped by the program), says who wrote what follows."""
    if not _may_introduce(line):
        return False
    joined = line
    for following in range(index + 1, index + 4):
        if joined.endswith(":"):
            return _WROTE.fullmatch(joined) is not None
        if following >= len(lines) or len(joined) + len(lines[following]) > _LONGEST_LINE:
            return False
        joined = f"{joined} {lines[following].strip().lstrip('> ')}".strip()
    return joined.endswith(":") and _WROTE.fullmatch(joined) is not None


_BEGINNINGS: Final = re.compile(r"(?:on|vào|ngày|lúc|hôm|am|le)\b|\d{4}[-/.]\d|[^@]{0,100}@[^@]{1,100}$", re.IGNORECASE)


def _may_introduce(line: str) -> bool:
    return _BEGINNINGS.match(line) is not None


def _is_header_block(lines: list[str], index: int) -> bool:
    """Whether at least two more header lines follow within the next ones."""
    following = [line.strip().lstrip("> ") for line in lines[index + 1 : index + 9] if len(line) <= _LONGEST_LINE * 4]
    return sum(1 for line in following if _OTHER_FIELD.match(line)) >= 2


def _unless_interleaved(lines: list[str], index: int) -> int:
    """Where to cut: nowhere when the writer answers between quoted lines."""
    following = [line.strip() for line in lines[index + 1 :] if line.strip()]
    quoted = [place for place, line in enumerate(following) if line.startswith(">")]
    if not quoted:
        return index
    between = any(not line.startswith(">") for line in following[quoted[0] : quoted[-1]])
    after = following[quoted[-1] + 1 :]
    if between or (after and not _first_words(lines[:index])):
        return len(lines)
    return index


def _first_words(lines: list[str]) -> bool:
    return any(line.strip() and not line.startswith(">") for line in lines)


def _without_tail_quote(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith(">")):
        end -= 1
    return lines[:end] if end else lines


def _without_signature(lines: list[str]) -> list[str]:
    """Without a signature after its rule («-- »), and without the line a telephone adds."""
    for index in range(max(1, len(lines) - _MOST_SIGNATURE_LINES), len(lines)):
        if lines[index].rstrip() == _SIGNATURE_RULE:
            lines = lines[:index]
            break
    end = len(lines)
    while end:
        line = lines[end - 1].strip().strip("*_")
        if line and not (len(line) <= _LONGEST_LINE and _DEVICE.fullmatch(line)) and not _RULE.fullmatch(line[:100]):
            break
        end -= 1
    return lines[:end]
