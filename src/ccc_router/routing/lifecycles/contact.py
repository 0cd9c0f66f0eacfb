"""The life of a contact.

``abandoned ⇄ closed`` is only for a call whose late events say otherwise who had been connected (I3), and ``abandoned → queued``
for one whose late event says that the caller had chosen to be called back.
"""

from ...events.vocabulary import ContactState as S

_ENDS = frozenset({S.CLOSED, S.ABANDONED, S.DEFLECTED, S.MERGED, S.HANDED_OVER})

CONTACT = {
    S.ARRIVED: frozenset({S.QUEUED, S.ACTIVE, S.OFFERED, S.CONNECTING}) | _ENDS,
    S.QUEUED: frozenset({S.QUEUED, S.OFFERED}) | _ENDS,
    S.OFFERED: frozenset({S.QUEUED, S.CONNECTING, S.ACTIVE}) | _ENDS,
    S.CONNECTING: frozenset({S.QUEUED, S.ACTIVE}) | _ENDS,
    S.ACTIVE: frozenset({S.ACTIVE, S.HELD, S.WAITING, S.WRAP_UP, S.QUEUED}) | _ENDS,
    S.HELD: frozenset({S.ACTIVE, S.WRAP_UP, S.QUEUED}) | _ENDS,
    S.WAITING: frozenset({S.ACTIVE, S.QUEUED, S.WAITING}) | _ENDS,
    S.WRAP_UP: frozenset({S.WRAP_UP, S.ACTIVE, S.WAITING, S.QUEUED}) | _ENDS,
    S.CLOSED: frozenset({S.ABANDONED}),
    S.ABANDONED: frozenset({S.CLOSED, S.QUEUED}),
    S.DEFLECTED: frozenset[S](),
    S.MERGED: frozenset[S](),
    S.HANDED_OVER: frozenset[S](),
}
