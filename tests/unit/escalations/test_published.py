"""What departments receive is what is published: the schema file, the OpenAPI webhooks and the bytes agree."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.escalations import published
from ccc_router.escalations.payload import LONGEST_TEXT, NoticeType, Texts, body_of, event_of
from ccc_router.events.vocabulary import DeliveryKind
from ccc_router.kernel import signing
from ccc_router.queues.deliveries.port import Delivery
from tests.support.fake_department import SECRET

DOCS = Path(__file__).parents[3] / "docs"


def a_delivery(kind: str = "ccc.escalation.raised.v1", **data: str) -> Delivery:
    about = {"at": "1795395600123", "state": "raised", "acknowledge_by": "1795399200000", "answer_by": "1795428000000"}
    return Delivery(
        pool="main",
        id="dl_1",
        kind=DeliveryKind.WEBHOOK,
        lane="department:policy",
        target="policy",
        escalation_id="es_1",
        case_id="cs_1",
        type=kind,
        data=about | data,
    )


def read(delivery: Delivery, texts: Texts | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body_of(event_of(delivery, texts or Texts(), "https://ccc.example.org")))
    return found


def test_the_schema_file_is_the_schema() -> None:
    kept = json.loads((DOCS / "schemas" / "escalation-notice.v1.json").read_text())
    assert kept == published.document()


@pytest.mark.parametrize("kind", get_args(NoticeType))
def test_every_type_is_published_and_its_example_is_valid(kind: str) -> None:
    operation = published.webhooks()[kind]["post"]
    content = operation["requestBody"]["content"]["application/cloudevents+json"]
    assert jsonschema_rs.is_valid(published.document(), content["example"])
    assert content["schema"] == {"$ref": "#/components/schemas/EscalationEvent"}
    assert set(published.schemas()) == {"EscalationEvent", "EscalationNotice"}


@given(
    st.sampled_from(get_args(NoticeType)),
    st.text(),
    st.sampled_from(("", "granted", "refused")),
    st.sampled_from(("", "acknowledge", "answer")),
)
def test_what_is_sent_is_valid(kind: str, text: str, extension: str, clock: str) -> None:
    sent = read(a_delivery(kind, extension=extension, clock=clock, rung="2"), Texts(text, text, text))
    assert jsonschema_rs.is_valid(published.document(), sent)
    assert sent["time"] == "2026-11-23T01:00:00.123Z"


def test_a_notice_stays_thin() -> None:
    whole = body_of(event_of(a_delivery(), Texts("ộ" * 100_000, "ộ" * 100_000, "ộ" * 100_000), ""))
    assert len(whole) < 3 * 3 * LONGEST_TEXT + 2_000


def test_what_is_no_notice_is_not_sent() -> None:
    with pytest.raises(msgspec.ValidationError):
        event_of(a_delivery("ccc.something.else.v1"), Texts(), "")


def test_the_sample_in_the_docs_checks_signatures() -> None:
    """The code in docs/departments.md is run: it takes what is good, and nothing else."""
    page = (DOCS / "departments.md").read_text()
    sample = page.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(compile(sample, "departments.md", "exec"), names)  # noqa: S102 - our own sample
    verify = names["verify"]
    body = body_of(event_of(a_delivery(), Texts("tóm tắt"), ""))
    headers = signing.sign(signing.keys_of([SECRET]), "dl_1", 1_795_395_600, body)
    assert verify(headers, body, [SECRET], now=1_795_395_600 + 299)["id"] == "dl_1"
    assert verify(headers, body, [SECRET], now=1_795_395_600 + 301) is None
    assert verify(headers, body + b" ", [SECRET], now=1_795_395_600) is None
    assert verify(headers | {"webhook-id": "dl_2"}, body, [SECRET], now=1_795_395_600) is None
    assert verify({}, body, [SECRET], now=1_795_395_600) is None
    assert verify(headers | {"webhook-signature": "v1,!"}, body, [SECRET], now=1_795_395_600) is None
