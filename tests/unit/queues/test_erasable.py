"""R-25: what an identification proved goes with it, also within the batch that wrote it; what others proved stays."""

from ccc_router.queues.store.erasable import Erasable, HandleRow


def test_r25_only_what_that_identification_proved_is_taken_back() -> None:
    rows = Erasable()
    its = HandleRow("phone", "+84912345678", "", "cu_1", verified=True, evidence="asked", at=5)
    others = (
        its._replace(value="+84911111111", at=6),
        its._replace(value="+84922222222", customer_id="cu_2"),
        its._replace(value="+84933333333", evidence=""),
        its._replace(value="+84944444444", channel="phone", verified=False, evidence=""),
    )
    rows.handles = {(one.kind, one.value, one.channel): one for one in (its, *others)}
    rows.undo("cu_1", 5)
    assert tuple(rows.handles.values()) == others
    assert rows.undone == {("cu_1", 5)}
