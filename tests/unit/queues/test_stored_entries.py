"""I13: a journal written by an earlier version is read by this one: a field that is no longer used is no fault."""

from ccc_router.events.codec import decode_body, decode_input
from ccc_router.events.facts import DeliveryReported


def test_what_an_earlier_version_wrote_is_still_read() -> None:
    """`Resolved.participant` and `DeliveryReported.gone`, which nothing ever decided by."""
    body = (
        b'{"kind":"DeliveryReported","delivery_id":"dl_1","state":"parked","attempt":3,"reason":"http_410","gone":true}'
    )
    fact = decode_body(body)
    assert isinstance(fact, DeliveryReported)
    assert (fact.delivery_id, fact.reason, fact.command) == ("dl_1", "http_410", None)
    entry = b'{"position":7,"at":9,"body":' + body + b',"resolved":{"case_id":"cs_1","participant":true}}'
    given = decode_input(entry)
    assert (given.body, given.resolved.case_id) == (fact, "cs_1")
