"""The words of tables and reports in both languages."""

from collections.abc import Mapping
from html import escape
from typing import Final

from ...routing.policy import Text

LABELS: Final[Mapping[str, Text]] = {
    "service_level": Text(vi="mức phục vụ", en="service level"),
    "mean_wait_ms": Text(vi="chờ trung bình", en="mean wait"),
    "p95_wait_ms": Text(vi="chờ, 95 %", en="95th percentile wait"),
    "p99_wait_ms": Text(vi="chờ, 99 %", en="99th percentile wait"),
    "abandonment": Text(vi="bỏ cuộc", en="abandonment"),
    "occupancy": Text(vi="bận việc", en="occupancy"),
    "fairness_customers": Text(vi="công bằng, khách hàng", en="fairness, customers"),
    "fairness_agents": Text(vi="công bằng, tổng đài viên", en="fairness, agents"),
}
SHARES: Final = frozenset(LABELS) - {"mean_wait_ms", "p95_wait_ms", "p99_wait_ms"}
BEYOND_LABELS: Final[Mapping[str, Text]] = {
    "transferred": Text(vi="được chuyển tiếp", en="transferred"),
    "escalated": Text(vi="chuyển đơn vị", en="escalated"),
    "solved_ms": Text(vi="đơn vị giải quyết trong", en="solved within"),
    "returned": Text(vi="đơn vị trả lại", en="returned unsolved"),
    "back_wait_ms": Text(vi="việc trả về chờ", en="wait of what came back"),
    "promised": Text(vi="hẹn gọi lại", en="callbacks promised"),
    "reached": Text(vi="gọi lại gặp được", en="callbacks reached"),
}
TIMES: Final = frozenset({"solved_ms", "back_wait_ms"})
PAGE: Final[Mapping[str, Text]] = {
    "title": Text(vi="Mô phỏng điều phối", en="Routing simulation"),
    "measures": Text(vi="Chỉ số", en="Measures"),
    "beyond": Text(vi="Sau lần trả lời đầu tiên", en="Beyond the first answer"),
    "beyond_note": Text(
        vi="Tỷ lệ trên số lượt đến, số cuộc gọi, số việc đơn vị gửi lại, số lần hẹn gọi lại đã xong.",
        en="Shares of the contacts that came, of the calls, of the cases departments sent back, of the callbacks that are over.",
    ),
    "day": Text(vi="Thời gian chờ theo giờ", en="Wait over the day"),
    "day_note": Text(
        vi="Đường: chờ trung bình của người đến trong giờ đó. Cột: số lượt đến.",
        en="Lines: mean wait of those who came in that hour. Bars: how many came.",
    ),
    "queues": Text(vi="Mức phục vụ theo hàng đợi", en="Service level by queue"),
    "queues_note": Text(vi="Vạch đứng: mục tiêu của hàng đợi.", en="The upright mark is the queue's target."),
    "difference": Text(vi="Khác biệt, khoảng tin cậy 95 %", en="Difference, with 95 % intervals"),
    "difference_note": Text(
        vi="Cùng khách hàng ở cả hai bên; bên phải là bên thứ hai cao hơn. Xanh: chắc chắn tốt hơn, đỏ: chắc chắn kém hơn.",
        en="The same customers on both sides; to the right the second is higher. Green is surely better, red surely worse.",
    ),
    "one": Text(vi="Một lần chạy không cho khoảng tin cậy.", en="One replication gives no interval."),
    "formula": Text(vi="Mức phục vụ", en="Service level"),
    "formula_is": Text(
        vi="được trả lời trong ngưỡng ÷ (được trả lời + bỏ cuộc + còn chờ quá ngưỡng khi kết thúc)",
        en="answered within the threshold ÷ (answered + abandoned + waiting longer than it at the end)",
    ),
    "phone": Text(vi="Cuộc gọi", en="Calls"),
    "fanpage": Text(vi="Trang mạng xã hội", en="Fanpage"),
    "portal": Text(vi="Cổng thông tin", en="Portal"),
    "email": Text(vi="Thư điện tử", en="Mail"),
    "internal": Text(vi="Việc trả về", en="Internal"),
    "replications": Text(vi="lần chạy", en="replications"),
    "contacts": Text(vi="lượt liên hệ mỗi lần", en="contacts each"),
    "seed": Text(vi="hạt giống", en="seed"),
    "made_up": Text(
        vi="Khách hàng là giả định, trừ khi khối lượng được ghi lại từ thực tế.",
        en="Customers are made up unless the workload was recorded.",
    ),
}


def both(text: Text) -> str:
    """A text inside a drawing in both languages, of which the page shows one."""
    return f'<tspan lang="vi">{escape(text.vi)}</tspan><tspan lang="en">{escape(text.en)}</tspan>'
