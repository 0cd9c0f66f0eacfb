"""Floor 3, pure: who is offered what, and why. No clock, no I/O, no randomness, no logging: time enters as a fact."""

from .applying import apply, begin
from .rows import Rows
from .state import State
from .step import CORE_VERSION, Step, decide, next_due, step

__all__ = ["CORE_VERSION", "Rows", "State", "Step", "apply", "begin", "decide", "next_due", "step"]
