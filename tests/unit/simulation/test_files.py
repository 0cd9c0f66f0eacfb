"""Parts of a journal in files: whole, checked, and enough to decide again elsewhere (I13, I16)."""

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ccc_router.events.journal import BrokenChain, Link
from ccc_router.simulation.replaying import (
    EVERYTHING,
    BadFile,
    Replay,
    Window,
    bound,
    open_file,
    replay,
    state_of,
    write_file,
)
from tests.support.day import open_day
from tests.unit.simulation.test_replay import picture


async def a_day() -> AsyncIterator[Link]:
    """A short day with everything in it, in batches."""
    for link in open_day(8, contacts=40, hours=1, copies=1).run(1):
        yield link


async def read(path: Path) -> Replay:
    """Replay a file; it must be bit-equal."""
    header, links = open_file(path)
    running = Replay(state_of(header))
    assert await replay(running, links) is None
    return running


async def test_i13_a_part_can_be_decided_again_without_what_was_before(tmp_path: Path) -> None:
    """Whole batches are written, so that the chain can be checked, with the state before them."""
    whole, part = tmp_path / "day.gz", tmp_path / "noon.gz"
    assert await write_file(whole, "main", a_day(), EVERYTHING) == (1, (await read(whole)).state.position)
    begins, ends = await write_file(part, "main", a_day(), Window(bound("700"), bound("1100")))
    links = [link async for link in a_day()]
    assert begins == next(link.first for link in links if link.last >= 700)
    assert ends == next(link.last for link in links if link.last >= 1100)
    running = await read(part)
    assert running.counts.compared + running.counts.parked == ends - begins + 1
    full = Replay(state_of(open_file(whole)[0]), Window(last=bound(str(ends))))
    assert await replay(full, open_file(whole)[1]) is None
    assert picture(running.state) == picture(full.state)


async def test_i13_entries_are_in_the_file_as_they_are_stored(tmp_path: Path) -> None:
    file = tmp_path / "day.gz"
    await write_file(file, "main", a_day(), EVERYTHING)
    assert [link async for link in open_file(file)[1]] == [link async for link in a_day()]


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(one.name for one in folder.iterdir())


async def test_a_window_with_nothing_in_it_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no entry"):
        await write_file(tmp_path / "day.gz", "main", a_day(), Window(bound("1000000")))
    assert names(tmp_path) == []


def rewritten(path: Path, lines: list[bytes]) -> Path:
    """A file with other lines."""
    path.write_bytes(gzip.compress(b"\n".join(lines) + b"\n", 1))
    return path


async def lines_of(path: Path) -> list[bytes]:
    """The lines of a day's file."""
    await write_file(path, "main", a_day(), EVERYTHING)
    with gzip.open(path) as file:
        return file.read().splitlines()


async def test_i16_a_changed_entry_breaks_the_chain(tmp_path: Path) -> None:
    lines = await lines_of(tmp_path / "day.gz")
    at = next(number for number, line in enumerate(lines) if b'"OfferMade"' in line)
    lines[at] = lines[at].replace(b'"attempt":1', b'"attempt":2')
    with pytest.raises(BrokenChain, match="was changed"):
        await read(rewritten(tmp_path / "other.gz", lines))


async def test_i16_a_batch_that_is_missing_breaks_the_chain(tmp_path: Path) -> None:
    lines = await lines_of(tmp_path / "day.gz")
    begins = [number for number, line in enumerate(lines) if b'"line":"batch"' in line]
    with pytest.raises(BrokenChain, match="does not follow"):
        await read(rewritten(tmp_path / "other.gz", lines[: begins[2]] + lines[begins[3] :]))


async def test_a_file_that_was_cut_off_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "day.gz"
    lines = await lines_of(file)
    with pytest.raises(BadFile, match="cut off"):
        await read(rewritten(tmp_path / "other.gz", lines[:-1]))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadFile, match="after line"):
        await read(file)


async def test_an_end_that_is_not_there_yet_is_noticed(tmp_path: Path) -> None:
    lines = await lines_of(tmp_path / "day.gz")
    end = json.loads(lines[-1])
    lines[-1] = json.dumps({**end, "last": end["last"] + 1}).encode()
    with pytest.raises(BadFile, match="does not follow"):
        await read(rewritten(tmp_path / "other.gz", lines))


@pytest.mark.parametrize("content", [b"", b"{}\n", b'{"line":"end","last":0}\n', b"not json\n"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.gz"
    file.write_bytes(gzip.compress(content))
    with pytest.raises(BadFile):
        open_file(file)
    file.write_bytes(content)
    with pytest.raises(BadFile):
        open_file(file)
