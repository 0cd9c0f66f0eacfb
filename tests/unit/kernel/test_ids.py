"""Ids: the same parts give the same id, other parts another one; references survive being dictated."""

import re

from hypothesis import given
from hypothesis import strategies as st

from ccc_router.kernel import ids

PARTS = st.lists(st.one_of(st.text(max_size=8), st.integers()), max_size=4)
SHAPE = re.compile(r"ct_[0-9abcdefghjkmnpqrstvwxyz]{26}")


def test_a_derived_id_never_changes() -> None:
    assert ids.derive("ct", "email", "<m1@example.vn>", 7) == "ct_w8h2r04j321hy9tjcbdjxtccpx"


@given(PARTS)
def test_the_shape(parts: list[str | int]) -> None:
    assert SHAPE.fullmatch(ids.derive("ct", *parts))


@given(PARTS, PARTS)
def test_other_parts_give_another_id(one: list[str | int], other: list[str | int]) -> None:
    same = one == other and [type(part) for part in one] == [type(part) for part in other]
    assert (ids.derive("ct", *one) == ids.derive("ct", *other)) == same


def test_borders_between_parts_and_kinds_of_parts_count() -> None:
    alike: list[list[str | int]] = [["ab", "c"], ["a", "bc"], ["abc"], ["1"], [1], ["1", ""]]
    assert len({ids.derive("ct", *parts) for parts in alike}) == len(alike)
    assert ids.derive("ct", "x")[3:] != ids.derive("of", "x")[3:]


def test_a_call_made_for_a_contact_names_it() -> None:
    contact_id = ids.derive("ct", "portal", "k1")
    assert ids.contact_of_call(ids.call_of(contact_id, 3)) == contact_id
    for other in (
        contact_id,
        f"{contact_id}.",
        f"x{contact_id}.3",
        f"{contact_id}.3 ",
        "hn-7f31",
        ids.derive("cs", 1) + ".1",
    ):
        assert ids.contact_of_call(other) == ""


def test_fresh_ids_and_tokens_differ() -> None:
    assert SHAPE.fullmatch(ids.fresh("ct"))
    assert len({ids.fresh("ct") for _ in range(1000)}) == 1000
    assert len({ids.token() for _ in range(1000)}) == 1000
    assert len(ids.token()) == 43


CASE = ids.derive("cs", "portal", "k1")


def test_a_reference_never_changes_and_is_short_enough_to_say() -> None:
    assert ids.reference(CASE) == "5NXW-F2YD-QRP", "people have it on paper"
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{3}", ids.reference(CASE))
    assert ids.reference(CASE) != ids.reference(ids.derive("cs", "portal", "k2"))


@given(st.text())
def test_a_reference_is_read_however_it_is_written(key: str) -> None:
    reference = ids.reference(key)
    bare = reference.replace("-", "")
    for written in (
        reference.lower(),
        bare,
        " ".join(bare),
        f" {reference} ",
        bare.replace("0", "o").replace("1", "l"),
    ):
        assert ids.parse_reference(written) == reference


def test_every_wrong_letter_and_every_swap_of_two_is_noticed() -> None:
    bare = ids.reference(CASE).replace("-", "")
    for index, letter in enumerate(bare):
        for wrong in set("0123456789ABCDEFGHJKMNPQRSTVWXYZ") - {letter}:
            assert ids.parse_reference(bare[:index] + wrong + bare[index + 1 :]) is None
    for one in range(len(bare)):
        for other in range(one):
            swapped = list(bare)
            swapped[one], swapped[other] = bare[other], bare[one]
            if swapped != list(bare):
                assert ids.parse_reference("".join(swapped)) is None


@given(st.text())
def test_any_other_text_is_no_reference(text: str) -> None:
    parsed = ids.parse_reference(text)
    assert parsed is None or ids.parse_reference(parsed) == parsed
