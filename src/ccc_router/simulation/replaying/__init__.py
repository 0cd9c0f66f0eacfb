"""Replay: a journal's inputs are decided again, and what is decided is compared with what was recorded, byte for byte."""

from ccc_router.simulation.replaying.files import BadFile, Header, open_file, state_of, write_file
from ccc_router.simulation.replaying.replay import Counts, Difference, Replay, replay
from ccc_router.simulation.replaying.telling import summary, told
from ccc_router.simulation.replaying.window import EVERYTHING, Bound, Window, bound

__all__ = [
    "EVERYTHING",
    "BadFile",
    "Bound",
    "Counts",
    "Difference",
    "Header",
    "Replay",
    "Window",
    "bound",
    "open_file",
    "replay",
    "state_of",
    "summary",
    "told",
    "write_file",
]
