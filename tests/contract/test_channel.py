"""What every channel adapter keeps to, whatever its vendor. A new adapter joins by a module in ``cases/``."""

from collections.abc import Callable

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccc_router.channels.channel import Adapter, Parsed, Request, Unreadable
from ccc_router.channels.http import Limits
from ccc_router.channels.intake import DELIVERIES
from ccc_router.channels.registry import ADAPTERS, adapter_for
from ccc_router.kernel.clock import from_ms
from tests.contract.cases import all_cases
from tests.support.channel_case import (
    RECEIVED_AT,
    ChannelCase,
    bent,
    grown,
    is_json,
    is_storable,
    strings_of,
    wild,
)
from tests.support.channel_intake import Site

CASES = all_cases()


def cases_where(fits: Callable[[ChannelCase], bool]) -> pytest.MarkDecorator:
    """The cases a test can say something about."""
    return pytest.mark.parametrize("case", [case for case in CASES if fits(case)], ids=lambda case: case.name)


every_case = cases_where(lambda _: True)
signed_case = cases_where(lambda case: case.signs_body)
worded_case = cases_where(lambda case: bool(case.texts))
json_case = cases_where(lambda case: any(map(is_json, case.samples.values())))

MALFORMED = (
    "", " ", "x", "=", ",", "sha256=", "sha256=zz", "sha256=" + "0" * 64, "v1,", "v1,====", "v1,AAAA v1,", "t=,v1=", "t=x,v1=y",
    "Basic", "Basic !!!", "Basic Og==", "Bearer", "Bearer ", "\xe9\xff", "9" * 5000, "-1", "1e9",
)  # fmt: skip


def site_of(case: ChannelCase, limits: Limits | None = None) -> Site:
    return Site(case.endpoint, secrets={case.endpoint.id: case.secrets}, agents=case.agents, limits=limits)


def adapter_of(case: ChannelCase) -> Adapter:
    adapter = adapter_for(case.endpoint)
    assert adapter is not None
    return adapter


async def post(site: Site, request: Request) -> httpx.Response:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in request.headers.items()]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site.app)) as client:
        return await client.post(request.url, content=request.body, headers=headers)


def changed(request: Request, **headers: str | None) -> Request:
    kept = {name: value for name, value in {**request.headers, **headers}.items() if value is not None}
    return Request(
        method=request.method,
        path=request.path,
        url=request.url,
        query=request.query,
        headers=kept,
        body=request.body,
        received_at=request.received_at,
    )


def parsed(case: ChannelCase, request: Request) -> Parsed:
    result = adapter_of(case).parse(request, case.endpoint, case.agents)
    assert isinstance(result, Parsed), result
    return result


def assert_storable(result: Parsed) -> None:
    for keyed in result.facts:
        assert keyed.key
        for text in strings_of(keyed.fact):
            assert is_storable(text), ascii(text[:80])
        at = keyed.fact.at
        assert type(at) is int
        assert at == 0 or 946_684_800_000 < at < 4_102_444_800_000, "milliseconds since the epoch, or 0"


def test_every_dialect_has_a_case() -> None:
    tested = {(case.endpoint.channel, case.endpoint.dialect) for case in CASES}
    # A dialect that only names the default again needs no case of its own.
    adapters = {id(ADAPTERS[key]) for key in ADAPTERS if (str(key[0]), key[1]) in tested}
    assert {key for key, adapter in ADAPTERS.items() if id(adapter) not in adapters} == set()


@every_case
async def test_r16_a_good_delivery_is_kept_before_it_is_answered(case: ChannelCase) -> None:
    """I1: when the answer says accepted, fact and raw delivery are in the inbox."""
    for name, body in case.samples.items():
        site = site_of(case)
        answer = await post(site, case.with_body(body))
        assert answer.status_code == 200, (name, answer.text)
        assert answer.json()["accepted"] == len(site.inbox.inputs) > 0, name
        (raw,) = site.inbox.raw.values()
        assert (raw.body, raw.state) == (body, "parsed")
        assert {one.source for one in site.inbox.inputs.values()} == {case.endpoint.id}


@every_case
async def test_i2_the_same_delivery_again_makes_no_second_fact(case: ChannelCase) -> None:
    for body in case.samples.values():
        site = site_of(case)
        first = (await post(site, case.with_body(body))).json()
        inputs = dict(site.inbox.inputs)
        again = await post(site, case.with_body(body))
        assert again.status_code == 200
        assert again.json() == {
            "accepted": 0,
            "duplicate": first["accepted"] + first["duplicate"],
            "ignored": first["ignored"],
        }
        assert site.inbox.inputs == inputs
        assert len(site.inbox.raw) == 1


@every_case
@pytest.mark.parametrize("value", [None, *MALFORMED], ids=lambda value: ascii(value)[:20])
async def test_a_missing_or_malformed_signature_is_401_and_leaves_only_a_count(
    case: ChannelCase, value: str | None
) -> None:
    request = case.with_body(next(iter(case.samples.values())))
    for header in case.signature_headers:
        site = site_of(case)
        counted = DELIVERIES.labels(case.endpoint.id, "refused")
        before = counted._value.get()
        answer = await post(site, changed(request, **{header: value}))
        assert answer.status_code == 401, header
        assert answer.headers["content-type"] == "application/problem+json"
        assert (site.inbox.inputs, site.inbox.raw) == ({}, {})
        assert counted._value.get() == before + 1


@signed_case
async def test_one_changed_byte_of_the_body_is_401(case: ChannelCase) -> None:
    body = next(iter(case.samples.values()))
    request = case.with_body(body)
    adapter = adapter_of(case)
    for at in range(len(body)):
        forged = Request(
            method=request.method,
            path=request.path,
            url=request.url,
            query=request.query,
            headers=request.headers,
            body=body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :],
            received_at=request.received_at,
        )
        assert adapter.verify(forged, case.endpoint, case.secrets, from_ms(RECEIVED_AT)) is not None, at


@every_case
def test_another_secret_or_none_is_refused_and_two_are_fine(case: ChannelCase) -> None:
    request = case.with_body(next(iter(case.samples.values())))
    adapter = adapter_of(case)
    now = from_ms(RECEIVED_AT)
    assert adapter.verify(request, case.endpoint, (), now) is not None
    assert adapter.verify(request, case.endpoint, ("whsec_" + "QUJD" * 8,), now) is not None
    assert adapter.verify(request, case.endpoint, ("whsec_" + "QUJD" * 8, *case.secrets), now) is None


@every_case
async def test_what_nobody_knows_is_kept_and_ignored(case: ChannelCase) -> None:
    site = site_of(case)
    answer = await post(site, case.with_body(case.unknown))
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] == 0
    assert answer.json()["ignored"] >= 1
    assert site.inbox.inputs == {}
    assert [raw.state for raw in site.inbox.raw.values()] == ["ignored"]


@every_case
async def test_an_unreadable_body_is_kept_counted_and_answered_200(case: ChannelCase) -> None:
    """I1: it is read later, once the adapter can."""
    site = site_of(case)
    counted = DELIVERIES.labels(case.endpoint.id, "unreadable")
    before = counted._value.get()
    answer = await post(site, case.with_body(case.unreadable))
    again = await post(site, case.with_body(case.unreadable))
    assert answer.status_code == again.status_code == 200
    assert answer.json() == again.json()
    assert site.inbox.inputs == {}
    assert [(raw.state, raw.body) for raw in site.inbox.raw.values()] == [("unreadable", case.unreadable)]
    assert counted._value.get() == before + 2


@worded_case
async def test_any_text_is_taken_and_stored_clean(case: ChannelCase) -> None:
    """Decomposed letters, lone surrogates, NUL: 200, the raw bytes as they came, the fact as a database can hold it."""
    for body in case.texts.values():
        for name, strange in wild(body):
            site = site_of(case)
            answer = await post(site, case.with_body(strange))
            assert answer.status_code == 200, name
            assert answer.json()["accepted"] >= 1, name
            assert_storable(parsed(case, case.with_body(strange)))
            assert [raw.body for raw in site.inbox.raw.values()] == [strange]


@json_case
async def test_fields_a_vendor_may_add_change_nothing(case: ChannelCase) -> None:
    for name, body in case.samples.items():
        if not is_json(body):
            continue
        answer = await post(site_of(case), case.with_body(grown(body)))
        assert answer.status_code == 200
        keys = [keyed.key for keyed in parsed(case, case.with_body(body)).facts]
        assert answer.json()["accepted"] == len(keys), name


@json_case
def test_no_bent_value_makes_parse_raise(case: ChannelCase) -> None:
    adapter = adapter_of(case)
    for body in filter(is_json, case.samples.values()):
        request = case.with_body(body)
        for strange in bent(body):
            delivery = Request(
                path=request.path, url=request.url, headers=request.headers, body=strange, received_at=RECEIVED_AT
            )
            result = adapter.parse(delivery, case.endpoint, case.agents)
            if isinstance(result, Parsed):
                assert_storable(result)


@every_case
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_make_parse_or_verify_raise(case: ChannelCase, body: bytes) -> None:
    request = Request(path="/x", headers={"content-type": "application/json"}, body=body, received_at=RECEIVED_AT)
    adapter = adapter_of(case)
    result = adapter.parse(request, case.endpoint, case.agents)
    assert isinstance(result, Parsed | Unreadable)
    assert adapter.verify(request, case.endpoint, case.secrets, from_ms(RECEIVED_AT)) is not None


@every_case
def test_parse_is_pure_and_its_keys_do_not_depend_on_when_it_came(case: ChannelCase) -> None:
    """I2: a re-delivery an hour later has the same keys; a parse from the kept raw gives the same facts."""
    adapter = adapter_of(case)
    for name, body in case.samples.items():
        request = case.with_body(body)
        first = parsed(case, request)
        assert parsed(case, request) == first, name
        kept = {header: value for header, value in request.headers.items() if header in adapter.kept_headers}
        later = Request(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=kept,
            body=body,
            received_at=RECEIVED_AT + 3_600_000,
        )
        assert [keyed.key for keyed in parsed(case, later).facts] == [keyed.key for keyed in first.facts], name
        keys = [keyed.key for keyed in first.facts]
        assert len(set(keys)) == len(keys), name
        assert_storable(first)


@every_case
def test_two_things_told_never_share_a_key(case: ChannelCase) -> None:
    facts: dict[str, object] = {}
    for body in case.samples.values():
        for keyed in parsed(case, case.with_body(body)).facts:
            assert facts.setdefault(keyed.key, keyed.fact) == keyed.fact


@every_case
async def test_a_body_over_the_limit_is_413_and_not_read(case: ChannelCase) -> None:
    body = next(iter(case.samples.values()))
    small = Limits(phone_bytes=10, fanpage_bytes=10, email_bytes=10)
    site = site_of(case, small)
    answer = await post(site, case.with_body(body))
    assert answer.status_code == 413
    assert site.inbox.raw == {}


@every_case
async def test_while_the_inbox_is_away_the_answer_is_503(case: ChannelCase) -> None:
    """I1: nothing is acknowledged that is not kept; the sender tries again."""
    site = site_of(case)
    site.inbox.away = True
    answer = await post(site, case.with_body(next(iter(case.samples.values()))))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


@every_case
async def test_an_endpoint_nobody_configured_is_404(case: ChannelCase) -> None:
    site = Site(secrets={})
    assert (await post(site, case.with_body(next(iter(case.samples.values()))))).status_code == 404
