"""``ccc-router simulate``: what a person asks for becomes an experiment, its lines and its files."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ..kernel.errors import Misconfigured
from ..queues.catalogue import faults_of
from ..queues.catalogue.document import Fault, demo_document, parse
from ..routing.policy import Catalogue
from .experiment import Experiment, Workloads, described, recorded, try_out
from .report.page import page_of
from .workloads.description import Description
from .workloads.files import read_lines, write_lines
from .workloads.workload import Workload


class Recorded(msgspec.Struct, frozen=True):
    """What came to a service, and the catalogue in force there."""

    workload: Workload
    catalogue: Catalogue


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the command; a path of None was not given, ``hours`` 0 leaves the description's. ``journal`` is what a journal told;
    its catalogue is tried if none is given, and goes first if one is."""

    catalogues: tuple[Path, ...] = ()
    workload: Path | None = None
    synthetic: Path | None = None
    hours: float = 0.0
    replications: int = 5
    seed: int = 1
    json: Path | None = None
    report: Path | None = None
    keep: Path | None = None
    journal: Recorded | None = None


def simulate(asked: Asked) -> Experiment:
    """Try it out and write the files asked for. Raises Misconfigured for what cannot be read."""
    catalogues = _catalogues(asked)
    workloads = _workloads(asked, [one for _, one in catalogues])
    if asked.keep is not None:
        asked.keep.write_bytes(b"".join(write_lines(workloads(0))))
    experiment = try_out(catalogues, workloads, asked.replications, asked.seed)
    if asked.json is not None:
        asked.json.write_text(json.dumps(as_document(experiment), indent=1, ensure_ascii=False), encoding="utf-8")
    if asked.report is not None:
        asked.report.write_text(page_of(experiment), encoding="utf-8")
    return experiment


def as_document(experiment: Experiment) -> dict[str, object]:
    """The experiment as a JSON document."""
    document: dict[str, object] = msgspec.to_builtins(experiment)
    return document


def _catalogues(asked: Asked) -> list[tuple[str, Catalogue]]:
    """Those to try, by names that tell them apart."""
    alike = len({path.stem for path in asked.catalogues}) < len(asked.catalogues)
    named = [(str(path) if alike else path.stem, read_catalogue(path)) for path in asked.catalogues]
    if asked.journal is not None and len(named) < 2:
        named.insert(0, ("in force", asked.journal.catalogue))
    return named or [("demo", _demo())]


def _workloads(asked: Asked, catalogues: Sequence[Catalogue]) -> Workloads:
    if asked.workload is not None or asked.journal is not None:
        if asked.synthetic is not None or asked.hours or (asked.workload is not None and asked.journal is not None):
            raise Misconfigured("a recorded workload has its own hours and needs no other")
        if asked.journal is not None:
            return recorded(asked.journal.workload, asked.seed)
    if asked.workload is not None:
        return recorded(read_lines(_read(asked.workload).splitlines()), asked.seed)
    description = Description()
    if asked.synthetic is not None:
        try:
            description = msgspec.json.decode(_read(asked.synthetic), type=Description)
        except msgspec.MsgspecError as error:
            raise Misconfigured(f"{asked.synthetic}: {error}") from None
    if asked.hours:
        description = msgspec.structs.replace(description, hours=asked.hours)
    return described(description, catalogues, asked.seed)


def read_catalogue(path: Path) -> Catalogue:
    """The catalogue in a file. Raises Misconfigured with every fault."""
    try:
        document = json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise Misconfigured(f"{path}: {error}") from None
    return _whole(parse(document), str(path))


def _demo() -> Catalogue:
    return _whole(parse(demo_document()), "demo")


def _whole(found: Catalogue | list[Fault], name: str) -> Catalogue:
    faults = found if isinstance(found, list) else faults_of(found)
    if isinstance(found, list) or faults:
        raise Misconfigured("\n".join(f"{name}{fault.path}: {fault.code} {fault.detail}" for fault in faults))
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}") from None
