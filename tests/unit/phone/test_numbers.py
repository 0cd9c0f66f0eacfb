"""Phone numbers: what Vietnamese carriers present becomes E.164; what is no subscriber's number stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.channels.phone.numbers import NEW_PREFIXES, number_of


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("0912345678", "+84912345678"),
        ("84912345678", "+84912345678"),
        ("+84912345678", "+84912345678"),
        ("0084912345678", "+84912345678"),
        ("0912 345 678", "+84912345678"),
        ("(024) 3772-3456", "+842437723456"),
        ("842473001234", "+842473001234"),
        ("sip:0912345678@203.0.113.9:5060", "+84912345678"),
        ("tel:+84912345678;cpc=ordinary", "+84912345678"),
        ("01201234567", "+84701234567"),
        ("+841201234567", "+84701234567"),
        ("8401201234567", "+84701234567"),
        ("19009068", "19009068"),
        ("1900 9068", "19009068"),
        ("+8419009068", "19009068"),
        ("18001234", "18001234"),
        ("113", "113"),
        ("1022", "1022"),
        ("1001", "1001"),
        ("+15550001111", "+15550001111"),
        ("agent1", "agent1"),
        ("anonymous", ""),
        ("Anonymous", ""),
        ("Restricted", ""),
        ("unavailable", ""),
        ("", ""),
        ("   ", ""),
        ("٠٩١٢٣٤٥٦٧٨", ""),
        ("<script>", ""),
        ("a b'; --", ""),
    ],
)
def test_a_number_as_it_is_presented(raw: str, number: str) -> None:
    assert number_of(raw) == number


@given(st.sampled_from(sorted(NEW_PREFIXES)), st.from_regex(r"[0-9]{7}", fullmatch=True))
def test_every_prefix_of_before_2018_becomes_its_successor(old: str, rest: str) -> None:
    """Circular of 2018: the last seven digits stay; old and new form are one customer."""
    expected = "+84" + NEW_PREFIXES[old][1:] + rest
    assert number_of(old + rest) == number_of("84" + old[1:] + rest) == number_of(NEW_PREFIXES[old] + rest) == expected


def test_all_twentyone_prefixes_are_in_the_table() -> None:
    assert len(NEW_PREFIXES) == len(set(NEW_PREFIXES.values())) == 21


@given(st.text(max_size=60))
def test_any_text_gives_a_short_number_or_none_and_twice_is_once(raw: str) -> None:
    number = number_of(raw)
    assert len(number) <= 40
    assert number.isascii()
    assert number_of(number) == number
