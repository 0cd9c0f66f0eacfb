"""SSRF: which URLs and addresses a webhook may go to (the table of what attackers try)."""

# ruff: noqa: S104 - addresses nobody binds to

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.escalations.webhooks.addresses import Reach, Refused, Target, refused_address, target_of

OUTSIDE, PRIVATE, LOOPBACK = Reach(), Reach(private=True), Reach(loopback=True)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example.gov.vn/", "not_https"),
        ("ftp://hooks.example.gov.vn/", "bad_scheme"),
        ("file:///etc/passwd", "bad_scheme"),
        ("gopher://127.0.0.1:25/", "bad_scheme"),
        ("//hooks.example.gov.vn/", "bad_scheme"),
        ("https://", "bad_host"),
        ("https:///path", "bad_host"),
        ("https://user:secret@hooks.example.gov.vn/", "user_info"),
        ("https://hooks.example.gov.vn@127.0.0.1/", "user_info"),
        ("https://@hooks.example.gov.vn/", "user_info"),
        ("https://hooks.example.gov.vn:22/", "bad_port"),
        ("https://hooks.example.gov.vn:99999/", "bad_url"),
        ("https://hooks.example.gov.vn:x/", "bad_url"),
        ("https://2130706433/", "numeric_host"),
        ("https://0x7f000001/", "numeric_host"),
        ("https://0x7f.1/", "numeric_host"),
        ("https://0177.0.0.1/", "numeric_host"),
        ("https://127.1/", "numeric_host"),
        ("https://017700000001/", "numeric_host"),
        ("https://1.2.3.4.5/", "numeric_host"),
        ("https://a..b/", "bad_host"),
        ("https://-a.example/", "bad_host"),
        ("https://a_b.example/", "bad_host"),
        ("https://hooks.example.gov.vn\\@127.0.0.1/", "bad_url"),
        ("https://hooks.example.gov.vn/a b", "bad_url"),
        ("https://hooks.example.gov.vn/\r\nHost: evil", "bad_url"),
        ("https://" + "a" * 300 + ".example/", "bad_host"),
        ("https://example.org/" + "a" * 3000, "bad_url"),
    ],
)
def test_urls_that_are_refused(url: str, reason: str) -> None:
    assert target_of(url, OUTSIDE) == Refused(reason)


@pytest.mark.parametrize("url", ["https://[::1/", "https://[v1.x]/", "https://::1/"])
def test_bad_brackets_are_refused_in_whatever_words(url: str) -> None:
    assert isinstance(target_of(url, OUTSIDE), Refused)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://hooks.example.gov.vn/", "hooks.example.gov.vn", 443, "/"),
        ("https://HOOKS.Example.gov.vn./a?b=c", "hooks.example.gov.vn", 443, "/a?b=c"),
        ("https://hooks.example.gov.vn:8443", "hooks.example.gov.vn", 8443, "/"),
        ("https://203.0.113.7/", "203.0.113.7", 443, "/"),
        ("https://[2001:DB8::1]/", "2001:db8::1", 443, "/"),
    ],
)
def test_urls_that_may_be_tried(url: str, host: str, port: int, path: str) -> None:
    assert target_of(url, OUTSIDE) == Target("https", host, port, path)


def test_a_name_with_vietnamese_letters_becomes_what_dns_has() -> None:
    target = target_of("https://bảohiểm.example/", OUTSIDE)
    assert isinstance(target, Target)
    assert target.host.startswith("xn--")
    assert target.host.encode().decode("idna") == "bảohiểm.example"


def test_letters_that_become_digits_are_seen_as_digits() -> None:
    """IDN: wide digits and the ideographic full stop are an address in disguise."""
    for url in ("https://１２７.0.0.1/", "https://127。0。0。1/"):
        target = target_of(url, OUTSIDE)
        assert isinstance(target, Target)
        assert target.host == "127.0.0.1"
    assert refused_address("127.0.0.1", OUTSIDE) == "loopback_address"


def test_near_targets_may_be_plain_and_on_any_port() -> None:
    assert isinstance(target_of("http://10.0.0.5:8080/", PRIVATE), Target)
    assert isinstance(target_of("http://127.0.0.1:8080/", LOOPBACK), Target)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "::1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
        "fec0::1", "ff02::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "192.0.2.1", "203.0.113.1", "192.88.99.1",
        "not an address", "",
    ],
)  # fmt: skip
def test_addresses_that_are_never_connected_to_from_outside(address: str) -> None:
    assert refused_address(address, OUTSIDE) != ""


@pytest.mark.parametrize("address", ["8.8.8.8", "113.160.1.1", "2405:4800::1"])
def test_public_addresses_may_be_connected_to(address: str) -> None:
    for reach in (OUTSIDE, PRIVATE, LOOPBACK):
        assert refused_address(address, reach) == ""


@pytest.mark.parametrize("address", ["10.1.2.3", "172.20.0.1", "192.168.0.9", "fd12::1"])
def test_the_private_network_needs_the_administrators_word(address: str) -> None:
    assert refused_address(address, OUTSIDE) == "private_address"
    assert refused_address(address, LOOPBACK) == "private_address"
    assert refused_address(address, PRIVATE) == ""


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "0.0.0.0"]
)
def test_the_private_network_is_not_this_machine_nor_the_clouds_metadata(address: str) -> None:
    assert refused_address(address, PRIVATE) != ""


@given(st.ip_addresses())
def test_an_address_that_is_not_global_is_never_allowed(address: object) -> None:
    if not getattr(address, "is_global", False):
        assert refused_address(str(address), OUTSIDE)


@given(st.text(max_size=60))
def test_no_url_raises(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/x"):
        made = target_of(url, OUTSIDE)
        assert isinstance(made, Refused) or (made.host.isascii() and "@" not in made.host and "/" not in made.host)
