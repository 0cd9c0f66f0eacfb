"""What would have been written to the log, to look for what must not be there."""

import io
import logging
from collections.abc import Iterator

import pytest

from ccc_router.kernel import log


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that is logged during the test, down to debug, as it would be written."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log.configure("debug", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
