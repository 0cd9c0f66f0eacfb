"""What is owed, what was parked, and the journal."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from ...events.commands import RetryDelivery
from ...events.vocabulary import DeliveryKind, DeliveryState
from ...kernel.clock import from_ms
from ...kernel.errors import Conflict, NotFound
from ...rest.access import A_REPORT, ONLY_LEADERS, AsLeader, Guarded
from ...rest.bodiless import NO_BODY
from ...rest.paging import Cursor, Limit, Page, decode, encode
from ...rest.problems import answers
from ...rest.schemas import Code, Id
from ..documents import CommandDone
from ..services import CommandKey, Room, do
from ..store.records import Entry
from .documents import DeliveryView, JournalEntry, ParkedInput

router = APIRouter(prefix="/v1", tags=["records"], route_class=Guarded)


@router.get("/deliveries", summary="What is owed to someone", dependencies=[ONLY_LEADERS, A_REPORT])
async def list_deliveries(
    room: Room,
    state: Annotated[DeliveryState | None, Query(description="`parked`: a person has to look at it.")] = None,
    kind: Annotated[DeliveryKind | None, Query(description="Only of this kind.")] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[DeliveryView]:
    """Replies, call control, webhooks, mails, by id."""
    after = decode(cursor, str)
    rows = await room.records.deliveries(
        state=state or "", kind=kind or "", after=str(after[0]) if after else "", limit=limit + 1
    )
    shown = rows[:limit]
    return Page(items=[_delivery(row) for row in shown], next=encode(shown[-1]["id"]) if len(rows) > limit else None)


def _delivery(row: dict[str, Any]) -> DeliveryView:
    return DeliveryView(
        delivery_id=row["id"],
        kind=row["kind"],
        type=row["type"],
        state=row["state"],
        target=row["target"],
        contact_id=row["contact_id"],
        case_id=row["case_id"],
        escalation_id=row["escalation_id"],
        message_id=row["message_id"],
        attempts=row["attempts"],
        last_error=row["last_error"] or "",
        due_at=row["due"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


@router.post(
    "/deliveries/{delivery_id}/retry",
    dependencies=[NO_BODY],
    summary="Send a parked delivery again",
    responses=answers(409),
)
async def retry(caller: AsLeader, delivery_id: Id, room: Room, key: CommandKey) -> CommandDone:
    """Under its old id, so whoever got it already sees it once. 409 `not_parked` while it is owed, and once it has arrived."""
    state = await room.records.delivery_state(delivery_id)
    if state is None:
        raise NotFound
    if state in (DeliveryState.OWED, DeliveryState.SENT):
        raise Conflict("Nobody has to look at this delivery.", code="not_parked", stands_against=state)
    await do(room, RetryDelivery(actor=caller.subject, actor_role=caller.role, delivery_id=delivery_id), key)
    return CommandDone()


@router.get("/parked-inputs", summary="Inputs that could not be handled", dependencies=[ONLY_LEADERS])
async def parked_inputs(room: Room, limit: Limit = 50, cursor: Cursor = "") -> Page[ParkedInput]:
    """The pool went on without them; each needs a person."""
    after = decode(cursor, int)
    rows = await room.records.parked(after=int(after[0]) if after else 0, limit=limit + 1)
    shown = rows[:limit]
    items = [
        ParkedInput(position=row["position"], source=row["source"], error=row["error"], parked_at=row["at"])
        for row in shown
    ]
    return Page(items=items, next=encode(shown[-1]["position"]) if len(rows) > limit else None)


@router.get(
    "/journal",
    summary="Every input and every decision, in order",
    dependencies=[ONLY_LEADERS, A_REPORT],
    responses=answers(404),
)
async def journal(
    room: Room,
    pool: Annotated[Code | None, Query(description="Left out: the pool of this service.")] = None,
    after: Annotated[int, Query(ge=0, le=2**62, description="Entries behind this position.")] = 0,
    limit: Limit = 100,
) -> Page[JournalEntry]:
    """`next` is the position to ask after; positions have no gaps."""
    if pool not in (None, room.pool):
        raise NotFound
    entries = await room.records.page(after=after, limit=limit + 1)
    shown = entries[:limit]
    more = str(shown[-1].position) if len(entries) > limit else None
    return Page(items=[_entry(room.pool, one) for one in shown], next=more)


def _entry(pool: str, entry: Entry) -> JournalEntry:
    form: Literal["input", "decision"] = "input" if entry.cause == entry.position else "decision"
    return JournalEntry(
        pool=pool,
        position=entry.position,
        at=from_ms(entry.at),
        form=form,
        kind=entry.kind,
        cause=entry.cause,
        core_version=entry.core_version,
        body=entry.document(),
    )
