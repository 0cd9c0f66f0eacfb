"""Fixtures for every test: a database, a clock, a seed."""

import gc
import os
import random
import secrets
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.support.database import database, dsn, empty_dsn, postgres
from tests.support.fake_clock import FakeClock
from tests.support.kafka import (
    kafka,
    kafka_mock,
    kafka_programs,
    kafka_trio,
    kafka_way,
    own_kafka,
    real_kafka,
    real_trio,
    topic,
    way,
)
from tests.support.kafka import report as kafka_report
from tests.support.process import BEGUN

__all__ = [
    "database",
    "dsn",
    "empty_dsn",
    "kafka",
    "kafka_mock",
    "kafka_programs",
    "kafka_trio",
    "kafka_way",
    "own_kafka",
    "postgres",
    "real_kafka",
    "real_trio",
    "topic",
    "way",
]

SEED = int(os.environ.get("CCC_TEST_SEED") or secrets.randbelow(2**31))

os.environ["CCC_TEST_SEED"] = str(SEED)  # the same in every process that tests

# With every local variable in it a traceback takes seconds on a busy machine, and the engine's connection does not wait so long.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)
settings.register_profile("ccc", deadline=None, print_blob=True)
settings.load_profile("ccc")


def pytest_report_header() -> list[str]:
    """Print what repeats this run, and what it cannot test."""
    return [f"seed: CCC_TEST_SEED={SEED}", kafka_report()]


def pytest_collection() -> None:
    """What is collected stays to the end: going over it again and again is a sixth of the time that collecting takes."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From here on the collector looks at what tests make, and no more at the tests."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def begun() -> Iterator[None]:
    """The data folder that real processes begin with goes with the run."""
    yield
    BEGUN.remove()


@pytest.fixture
def rng() -> random.Random:
    """A random source that the run's seed determines."""
    return random.Random(SEED)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test moves."""
    return FakeClock()
