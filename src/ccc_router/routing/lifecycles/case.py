"""The life of a case. A customer's message reopens one that was resolved or closed; an open one is closed at once only when it is
handed over to another pool."""

from ...events.vocabulary import CaseState as S

CASE = {
    S.OPEN: frozenset({S.OPEN, S.WAITING_CUSTOMER, S.ESCALATED, S.RESOLVED, S.CLOSED}),
    S.WAITING_CUSTOMER: frozenset({S.WAITING_CUSTOMER, S.OPEN, S.ESCALATED, S.RESOLVED}),
    S.ESCALATED: frozenset({S.ESCALATED, S.OPEN, S.WAITING_CUSTOMER, S.RESOLVED}),
    S.RESOLVED: frozenset({S.RESOLVED, S.OPEN, S.ESCALATED, S.WAITING_CUSTOMER, S.CLOSED}),
    S.CLOSED: frozenset({S.CLOSED, S.OPEN}),
}
