"""Lines of waiting contacts against the plainest model: a set, sorted each time."""

from hypothesis import given
from hypothesis import strategies as st

from ccc_router.routing.standing.lines import Line, Place, TargetLine

Moves = list[tuple[str, int, int]]
MOVES = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "time"]), st.integers(0, 7), st.integers(0, 9)), max_size=60
)


@given(MOVES, st.integers(0, 20), st.integers(0, 12), st.integers(0, 80))
def test_i8_the_first_of_a_line_by_target_is_the_first_at_that_moment(
    moves: Moves, target: int, extra: int, behind: int
) -> None:
    """Whoever leaves and comes back, and whenever somebody looks: by rank, the late so much further back until they waited enough."""
    places = [Place(3 * number, f"c{number}") for number in range(8)]
    line, present, now = TargetLine(target, extra, behind), set[Place](), 0
    for what, number, seconds in moves:
        place = places[number]
        if what == "add" and place not in present:
            line.add(place)
            present.add(place)
        elif what == "remove":
            line.remove(place)
            present.discard(place)
        else:
            now += seconds
        late = {one for one in present if one.rank + target < now <= one.rank + target + extra}
        turns = [Place(one.rank + behind * (one in late), one.contact_id) for one in present]
        if number % 2:  # nobody looks each time
            assert line.first(now) == min(turns, default=None)
        assert len(line) == len(present)
        assert line.smallest() == min(present, default=None)
        assert sorted(line.in_order()) == sorted(present)


@given(MOVES)
def test_a_line_in_order_names_everybody_once(moves: Moves) -> None:
    """Also those who left and came back, whom the heap holds twice."""
    line, present = Line(), set[Place]()
    for what, number, _ in moves:
        place = Place(number % 2, f"c{number % 2}")
        if what == "remove":
            line.remove(place)
            present.discard(place)
        elif what == "add":
            line.add(place)
            present.add(place)
        if what == "time":
            assert list(line.in_order()) == sorted(present)
