"""The catalogue: whole, versioned, checked as a whole. A catalogue with a fault changes nothing."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Body, Header, Query, Response

from ...events.commands import ActivateCatalogue
from ...events.vocabulary import Role
from ...kernel.errors import Conflict, Forbidden, Invalid, PreconditionFailed, PreconditionRequired
from ...queues.catalogue import Fault, as_document, faults_of, parse
from ...rest.access import ONLY_LEADERS, AsLeader, Guarded
from ...rest.principal import Principal
from ...rest.problems import answers
from ...routing.policy import Catalogue
from ..services import AgentsRoom, CommandKey, Room, do
from .documents import CatalogueChecked

router = APIRouter(prefix="/v1/catalog", tags=["catalogue"], route_class=Guarded)

# Where other machines are reached: an administrator's decision.
_ADMINS_ONLY: Final = ("endpoints", "departments")

Document = dict[str, Any]
IfMatch = Annotated[str | None, Header(max_length=1000, description='The version that was read: `"v7"`.')]
DryRun = Annotated[bool, Query(description="Only check, and try it on the last day's arrivals.")]
Successors = Annotated[
    list[Annotated[str, Query(pattern=r"^[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}$")]] | None,
    Query(max_length=200, description="`old:new` for every removed queue where contacts wait."),
]
_CATALOGUE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The catalogue in force; its version is the ETag.",
        "headers": {"ETag": {"schema": {"type": "string"}}},
    }
}
_CHANGED: Final = answers(409, 412, 428)


@router.get(
    "",
    summary="The catalogue in force",
    responses=_CATALOGUE | {304: {"description": "It is the one you have."}},
    response_model=Document,
    dependencies=[ONLY_LEADERS],
)
async def get_catalogue(
    room: Room,
    response: Response,
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Document | Response:
    """Queues, skills, agents, endpoints, departments, calendars, dispositions, topics, rules."""
    etag = _etag(room.catalogue)
    if if_none_match is not None and _names(if_none_match, etag, weakly=True):
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return as_document(room.catalogue)


@router.put("", summary="Put another catalogue in force", responses=_CHANGED)
async def put_catalogue(
    caller: AsLeader,
    room: Room,
    response: Response,
    key: CommandKey,
    body: Annotated[Document, Body(description="The catalogue, whole; its `version` is given by us.")],
    if_match: IfMatch = None,
    dry_run: DryRun = False,
    successor: Successors = None,
) -> CatalogueChecked:
    """422 lists every fault with its path; the one in force stays."""
    _matches(room, if_match)
    return await _activate(room, caller, body, successor or [], response, key, dry_run=dry_run)


@router.patch("", summary="Change a part of the catalogue", responses=_CHANGED)
async def patch_catalogue(
    caller: AsLeader,
    room: Room,
    response: Response,
    key: CommandKey,
    body: Annotated[Document, Body(description="A merge patch (RFC 7396): null removes, lists are replaced whole.")],
    if_match: IfMatch = None,
    dry_run: DryRun = False,
    successor: Successors = None,
) -> CatalogueChecked:
    """As PUT, with what is merged."""
    _matches(room, if_match)
    merged = merge(as_document(room.catalogue), body)
    if not isinstance(merged, dict):
        raise Invalid("A catalogue is an object.")
    return await _activate(room, caller, merged, successor or [], response, key, dry_run=dry_run)


def merge(target: object, patch: object) -> object:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


async def _activate(
    room: AgentsRoom,
    caller: Principal,
    document: Document,
    listed: list[str],
    response: Response,
    key: str,
    *,
    dry_run: bool,
) -> CatalogueChecked:
    before = room.catalogue
    successors = dict(one.split(":", 1) for one in listed)
    after = parse(document | {"version": before.version + 1})
    faults = after if isinstance(after, list) else await _faults(room, before, after, successors)
    if isinstance(after, list) or faults:
        raise Invalid(
            "The catalogue has faults; the one in force stays.", code="catalogue_faults", errors=_listed(faults)
        )
    _is_allowed(caller, as_document(before), as_document(after))
    if not dry_run:
        command = ActivateCatalogue(
            actor=caller.subject,
            actor_role=caller.role,
            version=after.version,
            catalogue=msgspec.json.decode(msgspec.json.encode(after)),
            successors=successors,
        )
        try:
            await do(room, command, key)
        except Conflict as refused:
            if refused.code != "catalogue_changed":
                raise
            raise PreconditionFailed(version=int(str(refused.extra["stands_against"]))) from refused
        room.current.put(after)
    response.headers["ETag"] = _etag(before if dry_run else after)
    return CatalogueChecked(
        version=(before if dry_run else after).version,
        activated=not dry_run,
        simulated=await room.trial(before, after) if dry_run else None,
    )


async def _faults(room: AgentsRoom, before: Catalogue, after: Catalogue, successors: Mapping[str, str]) -> list[Fault]:
    return faults_of(
        after,
        previous=before,
        successors=successors,
        waiting=await room.staff.open_by_queue(),
        arrived=await room.staff.open_by_endpoint(),
        pool=room.pool,
        others=await room.staff.other_catalogues(),
    )


def _listed(faults: list[Fault]) -> list[dict[str, str]]:
    return [{"pointer": fault.path, "detail": fault.detail, "code": fault.code} for fault in faults]


def _is_allowed(caller: Principal, before: Mapping[str, object], after: Mapping[str, object]) -> None:
    changed = [section for section in _ADMINS_ONLY if json.dumps(before[section]) != json.dumps(after[section])]
    if changed and caller.role is not Role.ADMIN:
        raise Forbidden(
            "Where other machines are reached is an administrator's decision.", code="admin_only", sections=changed
        )


def _etag(catalogue: Catalogue) -> str:
    return f'"v{catalogue.version}"'


def _matches(room: AgentsRoom, if_match: str | None) -> None:
    """RFC 9110: strong comparison, lists and ``*``."""
    if if_match is None:
        raise PreconditionRequired
    if not _names(if_match, _etag(room.catalogue), weakly=False):
        raise PreconditionFailed(version=room.catalogue.version)


def _names(header: str, etag: str, *, weakly: bool) -> bool:
    tags = {tag.strip() for tag in header.split(",")}
    if weakly:
        tags = {tag.removeprefix("W/") for tag in tags}
    return "*" in tags or etag in tags
