"""What is said, in Vietnamese and English. Written for the demo; nothing here is advice."""

from typing import Final

# What customers ask, by topic of the demo catalogue.
QUESTIONS: Final[dict[str, tuple[str, str]]] = {
    "general": ("Tôi cần hỏi về chế độ bảo hiểm xã hội.", "I have a question about social insurance."),
    "opening-hours": ("Cơ quan BHXH quận làm việc đến mấy giờ?", "Until when is the district office open?"),
    "maternity": ("Tôi sinh con tháng trước, hồ sơ hưởng thai sản gồm những gì?", "What papers do I need for maternity benefit?"),
    "sickness": ("Nghỉ ốm 10 ngày thì được hưởng bao nhiêu?", "How much do I get for ten days of sick leave?"),
    "benefit-late": ("Tôi nộp hồ sơ thai sản hai tháng rồi chưa nhận được tiền.", "My maternity benefit is two months late."),
    "book-data": ("Ngày sinh trên sổ BHXH của tôi bị sai.", "The birth date in my insurance book is wrong."),
    "book-closing": ("Công ty cũ chưa chốt sổ cho tôi.", "My former employer has not closed my book."),
    "hi-card-data": ("Tôi muốn đổi thẻ BHYT vì bị mất.", "I lost my health card and need a new one."),
    "hi-card-hospital": ("Mẹ tôi đang nằm viện mà thẻ BHYT báo không hợp lệ.", "My mother is in hospital and her card is refused."),
    "lump-sum-conditions": ("Điều kiện rút BHXH một lần là gì?", "Who may take the lump sum?"),
    "lump-sum-status": ("Hồ sơ rút BHXH một lần của tôi đến đâu rồi?", "How far is my lump-sum file?"),
    "ui-claim": ("Nghỉ việc rồi thì nộp hồ sơ trợ cấp thất nghiệp ở đâu?", "Where do I claim unemployment benefit?"),
    "ui-data": ("Tôi đã đóng bảo hiểm thất nghiệp được bao nhiêu tháng?", "How many months of unemployment insurance do I have?"),
    "hi-benefits": ("Khám trái tuyến thì BHYT chi trả bao nhiêu phần trăm?", "What does health insurance pay at another hospital?"),
    "hi-referral": ("Xin giấy chuyển tuyến ở đâu?", "Where do I get a referral?"),
    "hi-refund": ("Tôi tự trả viện phí, có được thanh toán lại không?", "I paid the hospital myself; is it refunded?"),
    "pension": ("Đóng đủ bao nhiêu năm thì có lương hưu?", "How many years of contributions give a pension?"),
    "pension-late": ("Lương hưu tháng này của tôi chưa có.", "This month's pension has not come."),
    "survivors": ("Bố tôi mất, gia đình hưởng chế độ tử tuất thế nào?", "What do survivors receive?"),
    "work-accident": ("Tai nạn lao động thì cần giấy tờ gì?", "What papers are needed after an accident at work?"),
    "contribution-debt": ("Công ty tôi nợ đóng BHXH sáu tháng.", "My employer is six months in arrears."),
    "contribution-rates": ("Mức đóng BHXH năm nay là bao nhiêu?", "What are this year's contribution rates?"),
    "voluntary": ("Tôi muốn tham gia BHXH tự nguyện.", "I would like to join voluntary insurance."),
    "household": ("Mua BHYT hộ gia đình cho bốn người hết bao nhiêu?", "What does household insurance cost for four?"),
    "vssid": ("Tôi quên mật khẩu VssID, không đăng nhập được.", "I forgot my VssID password and cannot log in."),
    "public-service": ("Nộp hồ sơ qua dịch vụ công báo lỗi.", "The online service shows an error."),
    "wrong-person-data": ("Ứng dụng hiện thông tin của người khác.", "The app shows another person's data."),
    "petition": ("Tôi muốn phản ánh thái độ phục vụ tại bộ phận một cửa.", "I want to report how I was treated at the counter."),
    "complaint": ("Tôi không đồng ý với quyết định hưởng và muốn khiếu nại.", "I disagree with the decision and want to complain."),
    "denunciation": ("Tôi muốn tố cáo doanh nghiệp khai khống lao động.", "I want to denounce an employer's false declarations."),
    "foreign-worker": ("Người lao động nước ngoài có phải đóng BHXH không?", "I am a foreign worker: must I join?"),
    "overseas": ("Tôi ở nước ngoài, nhận lương hưu thế nào?", "I live abroad: how is my pension paid?"),
}  # fmt: skip

MORE: Final = (
    ("Cho tôi hỏi thêm: có cần mang bản gốc không?", "One more question: do I need the originals?"),
    ("Tôi gửi bổ sung thông tin như anh chị yêu cầu.", "Here is the further information you asked for."),
    ("Vâng, tôi hiểu rồi, cảm ơn.", "I see, thank you."),
)
ANSWERS: Final = (
    ("Chào Anh/Chị, hồ sơ gồm tờ khai và bản sao giấy tờ; nộp tại cơ quan BHXH nơi cư trú hoặc qua Cổng dịch vụ công.",
     "Dear customer, please file the form and copies of your papers at your local office or online."),
    ("Chào Anh/Chị, Anh/Chị có thể tra cứu trên VssID, mục Quá trình tham gia.",
     "Dear customer, you find it in VssID under your contribution record."),
    ("Chào Anh/Chị, trường hợp này được giải quyết trong năm ngày làm việc kể từ ngày nhận đủ hồ sơ.",
     "Dear customer, this takes five working days from the day your file is complete."),
)  # fmt: skip
ASKS_BACK: Final = (
    "Anh/Chị vui lòng cho biết mã số BHXH và nơi đang tham gia.",
    "Please tell us your insurance code and where you are insured.",
)
PASSED_ON: Final = (
    "Nội dung của Anh/Chị đã được chuyển đơn vị chuyên môn; tổng đài sẽ báo lại khi có kết quả.",
    "Your matter was passed to the department in charge; we will come back to you.",
)
NOTES: Final = ("Khách cần được gọi lại buổi chiều.", "Đã kiểm tra quá trình tham gia, dữ liệu khớp.")
SUMMARY: Final = "Khách hàng hỏi: {question} Đã tra cứu, vượt thẩm quyền của tổng đài. Đề nghị đơn vị xem xét, trả lời."
DEPARTMENT_ANSWERS: Final = (
    "Đã kiểm tra hồ sơ: đủ điều kiện, sẽ chi trả trong kỳ tới.",
    "Dữ liệu đã được điều chỉnh; đề nghị khách hàng kiểm tra lại trên VssID.",
    "Hồ sơ thiếu giấy xác nhận; đề nghị hướng dẫn khách hàng bổ sung.",
)
DEPARTMENT_ASKS: Final = "Đề nghị cung cấp thêm thời gian tham gia và đơn vị sử dụng lao động."
DEPARTMENT_PROGRESS: Final = "Đang đối chiếu với dữ liệu của tỉnh."
DEPARTMENT_RETURNS: Final = "Không thuộc thẩm quyền của đơn vị; đề nghị chuyển đơn vị khác."
CENTRE_REPLIES: Final = "Khách hàng tham gia từ năm 2015, đơn vị hiện tại tại Hà Nội."
REJECTED: Final = "Câu trả lời chưa nêu căn cứ và thời hạn."


def spoken(pair: tuple[str, str], language: str) -> str:
    """The text in the language, Vietnamese unless it is English."""
    return pair[1] if language == "en" else pair[0]


def topic_in(text: str) -> str:
    """The topic of a question that stands in ``text``; "" when none does."""
    return next((topic for topic, pair in QUESTIONS.items() if pair[0] in text or pair[1] in text), "")
