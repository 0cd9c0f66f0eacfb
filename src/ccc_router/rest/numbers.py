"""Phone numbers as people type them into a form or a desk."""

import phonenumbers

from ..kernel.errors import Invalid


def typed_number(text: str) -> str:
    """E.164, read as in Vietnam. Raises ``Invalid`` (422, ``bad_handle``) for what can be no number."""
    try:
        number = phonenumbers.parse(text, "VN")
    except phonenumbers.NumberParseException as error:
        raise Invalid("This is no phone number.", code="bad_handle") from error
    if not phonenumbers.is_possible_number(number):
        raise Invalid("This is no phone number.", code="bad_handle")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
