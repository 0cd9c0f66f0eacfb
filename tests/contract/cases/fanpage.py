"""Fanpages: every event of ours in ``fixtures/fanpage``, signed as Meta signs."""

from pathlib import Path
from typing import Final

from ccc_router.channels.channel import Request
from ccc_router.kernel.signing import hex_digest
from tests.support.channel_case import TEXT_MARK, ChannelCase, a_request, an_endpoint

FIXTURES: Final = Path(__file__).parents[2] / "fixtures" / "fanpage"
SECRET: Final = "fb_app_secret_test"
PAGE: Final = an_endpoint("fanpage", "page-1", page_id="100518329516574")
PATH: Final = "/v1/channels/fanpage/page-1/webhook"


def deliver(body: bytes) -> Request:
    return a_request(PATH, body, {"x-hub-signature-256": "sha256=" + hex_digest(SECRET.encode(), body)})


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def told() -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((FIXTURES / "told").glob("*.json"))}


def _marked(name: str, words: bytes) -> bytes:
    body = fixture(name)
    assert words in body
    return body.replace(words, TEXT_MARK.encode())


CASES = [
    ChannelCase(
        name="fanpage",
        endpoint=PAGE,
        secrets=(SECRET,),
        deliver=deliver,
        samples=told(),
        unknown=fixture("ignored/reaction"),
        unreadable=b'{"object":"page","entry":',
        signature_headers=("x-hub-signature-256",),
        texts={
            "message": fixture("told/message").replace(
                b'"text":"T\\u00f4i ch\\u01b0a nh\\u1eadn \\u0111\\u01b0\\u1ee3c th\\u1ebb BHYT m\\u1edbi"',
                b'"text":"@@TEXT@@"',
            ),
            "author": _marked("told/comment", b"Ng\\u01b0\\u1eddi b\\u00ecnh lu\\u1eadn"),
            "title": _marked("told/postback", b"B\\u1eaft \\u0111\\u1ea7u"),
        },
    )
]
