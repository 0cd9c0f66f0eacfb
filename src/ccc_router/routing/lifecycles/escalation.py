"""The life of an escalation. ``raised`` again is a forward to another department; an answer may come before the acknowledgement."""

from ...events.vocabulary import EscalationState as S

ESCALATION = {
    S.RAISED: frozenset({S.RAISED, S.ACKNOWLEDGED, S.ANSWERED, S.RETURNED, S.WITHDRAWN}),
    S.ACKNOWLEDGED: frozenset({S.ACKNOWLEDGED, S.RAISED, S.ANSWERED, S.RETURNED, S.WITHDRAWN}),
    S.ANSWERED: frozenset({S.ANSWERED, S.ACCEPTED, S.ACKNOWLEDGED, S.WITHDRAWN}),
    S.ACCEPTED: frozenset[S](),
    S.RETURNED: frozenset[S](),
    S.WITHDRAWN: frozenset[S](),
}
