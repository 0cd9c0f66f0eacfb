"""The life of an offer: it leaves ``pending`` exactly once (I6)."""

from ...events.vocabulary import OfferState as S

OFFER = {
    S.PENDING: frozenset({S.ACCEPTED, S.DECLINED, S.EXPIRED, S.RESCINDED}),
    S.ACCEPTED: frozenset[S](),
    S.DECLINED: frozenset[S](),
    S.EXPIRED: frozenset[S](),
    S.RESCINDED: frozenset[S](),
}
