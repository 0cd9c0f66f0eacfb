"""Backoff stays within its bounds; errors tell their code, status and message."""

import random

from hypothesis import given
from hypothesis import strategies as st

from ccc_router.kernel import errors
from ccc_router.kernel.backoff import ceiling, full_jitter


@given(st.integers(min_value=-5, max_value=10_000), st.integers())
def test_a_wait_is_never_negative_nor_over_the_cap(attempt: int, seed: int) -> None:
    wait = full_jitter(attempt, base_s=0.5, cap_s=60, rng=random.Random(seed))
    assert 0 <= wait <= ceiling(attempt, base_s=0.5, cap_s=60) <= 60


def test_waits_double_up_to_the_cap() -> None:
    assert [ceiling(attempt, base_s=1, cap_s=10) for attempt in range(1, 7)] == [1, 2, 4, 8, 10, 10]


def every_error() -> list[type[errors.CccError]]:
    found = [errors.CccError]
    for error in found:
        found += [child for child in error.__subclasses__() if child.__module__ == errors.__name__]
    return found


def test_every_error_answers_with_a_code_a_status_and_a_sentence() -> None:
    for error in every_error():
        raised = error()
        assert raised.code.replace("_", "").isalpha()
        assert 400 <= raised.status < 600
        assert raised.message.endswith(".")
    public = [error for error in every_error() if not error.__name__.startswith("_")]
    assert len({error.code for error in public}) == len(public)


def test_a_code_can_be_narrowed_and_details_added() -> None:
    refused = errors.Conflict("The call is live.", code="call_live", contact_id="ct_1")
    assert (refused.code, refused.status, refused.message, refused.extra) == (
        "call_live", 409, "The call is live.", {"contact_id": "ct_1"},
    )  # fmt: skip
    assert errors.Conflict().code == "conflict"
    assert errors.Unavailable(retry_after_s=5).retry_after_s == 5
