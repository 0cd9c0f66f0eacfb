"""A part of a journal in a file, to be taken elsewhere: gzipped JSON lines, the entries as stored.

The first line is the header. Then for each batch one line with its place in the hash chain and one line for each of its entries. The
last line says where it ends: a file without it was cut off. A part that does not begin with the first entry of the pool brings the state
before it along, for without it nothing can be decided; the chain does not cover that state.
"""

import gzip
import itertools
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import msgspec

from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Entry
from ccc_router.events.journal import Link, follows, kind_of
from ccc_router.queues.store.loading import NO_CATALOGUE, Rebuilding
from ccc_router.routing import Rows, State
from ccc_router.routing.policy import Catalogue
from ccc_router.simulation.replaying.window import Window

_LEVEL: Final = 4


class BadFile(Exception):  # not of the public tree: the command line tells it
    """The file is no part of a journal, or not a whole one."""


class Snapshot(msgspec.Struct, frozen=True):
    """A pool's state behind the entry at ``position``, which was at ``now`` (engine ms)."""

    position: int
    now: int
    catalogue: Catalogue
    rows: Rows


class _Line(msgspec.Struct, frozen=True, tag_field="line"):
    """What all lines share: a word that says what it is."""


class Header(_Line, frozen=True, tag="ccc-router journal 1"):
    """Whose journal, and what was before: the hash of the batch before (base 64) and the state, none before the first entry."""

    pool: str
    previous: bytes
    snapshot: Snapshot | None


class _Batch(_Line, frozen=True, tag="batch"):
    first: int
    last: int
    core_version: int
    previous: bytes
    hash: bytes


class _Stored(_Line, frozen=True, tag="entry"):
    position: int
    at: int
    cause: int
    body: msgspec.Raw


class _End(_Line, frozen=True, tag="end"):
    last: int


_LINES: Final = msgspec.json.Decoder(Header | _Batch | _Stored | _End)


async def write_file(path: Path, pool: str, links: AsyncIterable[Link], window: Window) -> tuple[int, int]:
    """Write the batches that hold the window's entries, with the state before them; returns the first and last position.

    ``links`` begin with the pool's first entry. Raises BadFile when nothing is in the window, Unreadable and BrokenChain.
    """
    rebuilding = Rebuilding(State(pool, NO_CATALOGUE))
    first = last = 0
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with gzip.GzipFile(unfinished, "wb", compresslevel=_LEVEL, mtime=0) as file:
            async for link in links:
                if first and window.last.passed(link.entries[0]):
                    break
                if not first and not any(window.holds(entry) for entry in link.entries):
                    for entry in link.entries:
                        rebuilding.take(entry)
                    rebuilding.state.take_changed()
                    continue
                if not first:
                    first = link.first
                    _put(file, Header(pool, link.previous, _snapshot(rebuilding.state)))
                _put(file, *_lines(link))
                last = link.last
            _put(file, _End(last))
        if not first:
            raise BadFile("there is no entry in that window")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return first, last


def _put(file: gzip.GzipFile, *lines: _Line) -> None:
    file.write(b"".join(canonical(line) + b"\n" for line in lines))


def _lines(link: Link) -> Iterator[_Line]:
    core_version = link.entries[0].core_version
    yield _Batch(link.first, link.last, core_version, link.previous, link.hash)
    for entry in link.entries:
        yield _Stored(entry.position, entry.at, entry.cause, msgspec.Raw(entry.body))


def _snapshot(state: State) -> Snapshot | None:
    return Snapshot(state.position, state.now, state.book.catalogue, state.dump()) if state.position else None


def state_of(header: Header) -> State:
    """The state before the first entry of a file."""
    snapshot = header.snapshot
    if snapshot is None:
        return State(header.pool, NO_CATALOGUE)
    state = State(header.pool, snapshot.catalogue)
    state.load(snapshot.rows)
    state.position, state.now = snapshot.position, snapshot.now
    return state


def open_file(path: Path) -> tuple[Header, AsyncIterator[Link]]:
    """The header of a file, and its batches, each checked against the hash chain.

    Raises BadFile and OSError, the batches BadFile and BrokenChain.
    """
    lines = _read(path)
    header = next(lines, None)
    if not isinstance(header, Header):
        raise BadFile(f"{path} does not begin like a part of a journal")
    return header, _links(lines, path, header)


def _read(path: Path) -> Iterator[_Line]:
    """The lines, one by one. Raises BadFile naming the line."""
    number = 0
    try:
        with gzip.open(path) as file:
            for number, line in enumerate(file, 1):  # noqa: B007 - told when the next one cannot be read
                yield _LINES.decode(line)
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadFile(f"{path}, after line {number}: {error}") from error


async def _links(lines: Iterator[_Line], path: Path, header: Header) -> AsyncIterator[Link]:
    position = header.snapshot.position if header.snapshot is not None else 0
    known = header.previous
    for line in lines:
        match line:
            case _Batch():
                stored = itertools.islice(lines, line.last - line.first + 1)
                entries = [_entry(header.pool, line.core_version, one) for one in stored if isinstance(one, _Stored)]
                link = Link(line.first, line.last, line.previous, line.hash, entries)
                follows(position, known, link)
                yield link
                position, known = link.last, link.hash
            case _End(last) if last == position:
                return
            case _:
                raise BadFile(f"{path}: {line} does not follow entry {position}")
    raise BadFile(f"{path} was cut off behind entry {position}")


def _entry(pool: str, core_version: int, line: _Stored) -> Entry:
    body = bytes(line.body)
    return Entry(
        pool=pool,
        position=line.position,
        at=line.at,
        form="input" if line.position == line.cause else "decision",
        kind=kind_of(body),
        cause=line.cause,
        core_version=core_version,
        body=body,
    )
