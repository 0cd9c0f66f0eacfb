"""No personal data in the log: whatever an event, a library or an exception lets slip is masked."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.kernel import log

PERSONAL = [
    "0912345678",
    "+84912345678",
    "+84 912 345 678",
    "(024) 3636 5656",
    "0912-345-678",
    "0912.345.678",
    "012345678901",
    "6512345678901234",
    "nguyen.an@example.vn",
    "nguyen.an%40example.vn",
    "ng.ần@ví-dụ.vn",
]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log.configure("debug", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("personal", PERSONAL)
def test_masked_wherever_it_stands(written: io.StringIO, personal: str) -> None:
    logger = log.get_logger("test")
    logger.info("happened", text=f"from {personal}.", deep={"list": [personal, {personal: (personal,)}]})
    logger.warning("about %s", personal)
    logging.getLogger("some.library").error("bad value %r", personal)
    try:
        int(f"cannot take {personal}")
    except ValueError:
        logger.exception("failed")
        logging.getLogger("some.library").exception("failed too")
    lines = written.getvalue().splitlines()
    assert len(lines) == 5
    assert all(json.loads(line)["timestamp"] for line in lines)
    assert personal not in written.getvalue()
    assert sum(character.isdigit() for character in personal) < 9 or personal[-6:] not in written.getvalue()
    assert "Traceback" in lines[3]


@given(st.from_regex(r"(\+84|0)[35789][0-9]{8}", fullmatch=True), st.text(max_size=5), st.text(max_size=5))
def test_any_mobile_number_between_any_text(number: str, before: str, after: str) -> None:
    before, after = before.rstrip("0123456789 .()-+"), after.lstrip("0123456789 .()-")
    assert number not in log.mask(before + number + after)


def test_ids_counts_and_times_stay_readable(written: io.StringIO) -> None:
    log.get_logger("test").info(
        "offered",
        contact="ct_0123456789abcdefghjkmnpqrs"[:12],
        at_ms=1763800000000,
        position=9876543210,
        waited=12,
        share=0.8,
        moment="2026-11-22T08:26:40.000Z",
        nothing=None,
        body=b"raw",
    )
    line = json.loads(written.getvalue())
    assert line["at_ms"] == 1763800000000
    assert line["position"] == 9876543210
    assert (line["waited"], line["share"], line["nothing"]) == (12, 0.8, None)
    assert line["moment"] == "2026-11-22T08:26:40.000Z"
    assert line["body"] == "<3 bytes>"
    assert line["logger"] == "ccc_router.test"


@pytest.mark.parametrize("ours", ["rq_aar052ggwmzyap912345678n1s", "ct_0912345678abcdefghjkmnpqrs"])
def test_an_id_of_ours_stays_whatever_digits_were_drawn(ours: str) -> None:
    assert log.mask(f"of {ours}, '{ours}' and {ours}") == f"of {ours}, '{ours}' and {ours}"
    assert log.mask(ours[:-1]) != ours[:-1]  # one character less, and it is none of ours
    assert log.mask(f"x{ours}") != f"x{ours}"


def test_uvicorns_colours_stay_out_of_it(written: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info("Started [%d]", 7, extra={"color_message": "Started [\x1b[36m%d\x1b[0m]"})
    line = json.loads(written.getvalue())
    assert line["event"] == "Started [7]"
    assert "color_message" not in line


def test_a_number_that_is_an_id_is_masked_too(written: io.StringIO) -> None:
    log.get_logger("test").info("odd", handle=84912345678, small=12345678)
    line = json.loads(written.getvalue())
    assert (line["handle"], line["small"]) == (log.MASKED_NUMBER, 12345678)


def test_the_mask_is_linear_in_the_length() -> None:
    """A body of a megabyte in an error must not stop the loop."""
    for unit in ("a@", "0 ", "1.", "@", "1" * 30 + "x"):
        log.mask(unit * (200_000 // len(unit)))
