"""Small breaking patches, one for each invariant, and the test that must turn red.

A test that stays green when its invariant is broken proves nothing. Each `*.toml` here is one patch:

    invariant = "I4"
    breaks = "the offer of a contact that is offered already"
    test = "tests/unit/routing/test_offers.py::test_i4_one_offer"     # a pytest id; several with a list

    [[replace]]
    file = "src/ccc_router/routing/…"
    old = "what is there, exactly once"
    new = "what breaks the invariant"

`make sabotage` applies each to a scratch copy and runs its tests there; SABOTAGE_ARGS="i04 i13" chooses some.
"""
