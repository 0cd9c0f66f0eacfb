"""Which case a mail belongs to: signed marks for everybody, other ids and tags only for who takes part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.channels.email.inbound.refs import Threading, subject_references
from ccc_router.channels.email.mailbox import tag_of, with_tag
from ccc_router.kernel.ids import reference
from tests.support import mails

OURS = (f"case:{mails.CASE}",)


@pytest.mark.parametrize("name", ["signed-references", "signed-in-reply-to-only", "encoded-references", "plus-address"])
def test_signed_marks_name_the_case(name: str) -> None:
    fact, private = mails.fact(f"threads/{name}")
    assert private.refs == OURS
    assert not fact.acknowledge


@pytest.mark.parametrize("name", ["forged-plus-address", "forged-message-id"])
def test_forged_marks_name_nothing(name: str) -> None:
    _, private = mails.fact(f"threads/{name}")
    assert private.refs == ()
    assert "case:" not in " ".join(private.weak_refs)


def test_foreign_ids_are_weak_nearest_first() -> None:
    """A newsletter's id is in a thousand mailboxes: it joins only the mails of those who take part."""
    _, private = mails.fact("threads/foreign-references")
    assert private.refs == ()
    assert private.weak_refs == ("mail:<b@news.example.org>", "mail:<a@news.example.org>")
    assert private.own_refs == ("mail:<m6@mail.example.com>",)


def test_a_subjects_tag_is_weak() -> None:
    _, private = mails.fact("threads/subject-tag")
    assert private.refs == ()
    assert private.weak_refs == (f"reference:{reference(mails.CASE)}",)


def test_the_envelopes_recipient_counts_like_the_headers() -> None:
    body = mails.a_mail()
    tagged = with_tag(mails.ADDRESS, mails.THREADING.case_tag(mails.CASE))
    assert mails.message(body, x_ccc_envelope_to=tagged)[1].refs == OURS
    assert mails.message(body, x_ccc_envelope_to=tagged.upper())[1].refs == OURS


@pytest.mark.parametrize(
    ("off", "name", "weak"),
    [
        ("signed", "signed-references", ("mail:<first@mail.example.com>",)),
        ("plus", "plus-address", ()),
        ("references", "foreign-references", ()),
        ("subject", "subject-tag", ()),
    ],
)
def test_r36_each_way_can_be_switched_off(off: str, name: str, weak: tuple[str, ...]) -> None:
    on = " ".join({"signed", "plus", "references", "subject"} - {off})
    _, private = mails.fact(f"threads/{name}", mails.mailbox(threading=on))
    assert private.refs == ()
    assert private.weak_refs == weak


def test_tags_are_read_as_people_write_them() -> None:
    said = reference(mails.CASE)
    assert subject_references(f"Re: x [#{said}]") == [said]
    assert subject_references(f"[# {said.lower()} ]") == [said]
    assert subject_references("[#AAAA-AAAA-AAA] [#123]") == []


def test_keys_rotate() -> None:
    old, new = b"old" * 11, b"new" * 11
    message_id = Threading([old]).message_id(mails.CASE, mails.MESSAGE, "x.vn")
    both = Threading([new, old])
    issued = both.issued(message_id)
    assert issued is not None
    assert issued.case_id == mails.CASE
    assert issued.message_id == mails.MESSAGE
    assert both.message_id(mails.CASE, mails.MESSAGE, "x.vn") != message_id
    assert Threading([new]).issued(message_id) is None
    assert Threading([]).issued(message_id) is None


def test_marks_of_one_kind_are_none_of_another() -> None:
    marks = mails.THREADING
    bounce = with_tag(mails.ADDRESS, marks.bounce_tag(mails.MESSAGE))
    assert marks.case_of(bounce) == ""
    assert marks.bounced(with_tag(mails.ADDRESS, marks.case_tag(mails.CASE))) == ""
    swapped = tag_of(bounce).replace("b.", "t.", 1)
    assert marks.case_of(with_tag(mails.ADDRESS, swapped)) == ""


@given(st.integers(0, len(mails.MESSAGE_ID) - 1), st.characters(codec="ascii"))
def test_one_changed_letter_breaks_the_signature(place: int, letter: str) -> None:
    changed = mails.MESSAGE_ID[:place] + letter + mails.MESSAGE_ID[place + 1 :]
    at = mails.MESSAGE_ID.index("@")
    if changed.lower() != mails.MESSAGE_ID.lower() and place < at:
        assert mails.THREADING.issued(changed) is None


@given(st.text(max_size=80))
def test_no_text_makes_the_checks_raise(text: str) -> None:
    assert mails.THREADING.issued(text) is None
    assert mails.THREADING.case_of(text) == ""
    assert mails.THREADING.bounced(text) == ""
    assert not mails.THREADING.is_loop(text)


def test_long_mailbox_names_get_no_tag_rather_than_a_bad_address() -> None:
    assert with_tag("x" * 40 + "@example.vn", mails.THREADING.case_tag(mails.CASE)) == ""
