"""Decide again from a journal's inputs, in a process of its own so that it has a hash seed of its own.

usage: python -m tests.support.replaying FILE, with one [form, kind, body] a line. Prints "the same", or what differs first.
"""

import sys
from pathlib import Path

import msgspec

from ccc_router.events.codec import canonical, decode_input
from ccc_router.queues.store.loading import NO_CATALOGUE, PARKED
from ccc_router.routing import Rows, State, step

EVERY = 7


def main(path: str) -> str:
    """Replay, dumping and loading the state every few inputs."""
    lines = [msgspec.json.decode(line) for line in Path(path).read_bytes().splitlines()]
    state = State("main", NO_CATALOGUE)
    at = 0
    count = 0
    while at < len(lines):
        _, kind, body = lines[at]
        at += 1
        if kind == PARKED:
            state.position += 1
            continue
        decided = [canonical(one).decode() for one in step(state, decode_input(body.encode())).decisions]
        for decision in decided:
            if at >= len(lines) or lines[at][2] != decision:
                return f"entry {at + 1} is {lines[at] if at < len(lines) else None}, not {decision}"
            at += 1
        if at < len(lines) and lines[at][0] == "decision":
            return f"entry {at + 1} was decided then, not now: {lines[at]}"
        count += 1
        if count % EVERY == 0:
            state = _through_json(state)
    return "the same"


def _through_json(state: State) -> State:
    """What a take-over does to a state."""
    state.take_changed()
    copy = State(state.pool, state.book.catalogue)
    copy.load(msgspec.json.decode(canonical(state.dump()), type=Rows))
    copy.position, copy.now = state.position, state.now
    return copy


if __name__ == "__main__":
    print(main(sys.argv[1]))  # noqa: T201 - its only output
