"""What a person may choose of the demo."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How busy it is (1: the demo's agents just keep up), for how many seconds (0: until it is stopped), and its chance."""

    speed: float = 1.0
    seconds: float = 0.0
    seed: int = 1
    plain: bool = False
