"""What a synthetic workload is described by. The numbers here are made up where no source is named, and every one can be set.

Shape of the day and the week, mix of channels and surge follow the load profile of the domain research (section 2.7): 60 % calls,
20 % page, 12 % portal, 8 % mail; Mondays 1.3 times as busy; most between 9 and 11 and between 14 and 16; the end and the
first week of a month 1.2 times; a change of policy brings six times as many.
"""

from typing import Final

import msgspec

_A_DAY: Final = (
    0.10, 0.08, 0.06, 0.06, 0.08, 0.15, 0.35, 0.80, 1.60, 2.40, 2.40, 1.60,
    0.90, 1.40, 2.30, 2.30, 1.70, 1.10, 0.80, 0.70, 0.60, 0.45, 0.30, 0.17,
)  # fmt: skip


class Described(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the description; unknown fields are refused."""


class Behaviour(Described, frozen=True):
    """How the contacts of a channel go.

    ``handling_s`` and ``handling_sigma``: mean and log-deviation of a lognormal time. ``patience_s`` and ``patience_shape``: mean and
    shape of a Weibull time (shape 1: exponential); 0 never gives up. ``redial_percent`` of those who gave up call again, on average
    ``redial_after_s`` later, at most ``redials`` times.

    ``transfer_percent`` of those who are answered are handed on to another queue after ``transfer_after_s`` on average, at most ``transfers``
    times; ``handling_s`` is then the last agent's. ``escalate_percent`` of the cases go to a department. ``callback_percent`` of the
    callers choose to be called back if they still wait after ``callback_after_s`` on average.
    """

    share_percent: float
    handling_s: float = 300.0
    handling_sigma: float = 0.8
    wrap_up_s: float = 20.0
    patience_s: float = 0.0
    patience_shape: float = 1.0
    redial_percent: float = 0.0
    redial_after_s: float = 600.0
    redials: int = 0
    transfer_percent: float = 0.0
    transfer_after_s: float = 90.0
    transfers: int = 1
    escalate_percent: float = 0.0
    callback_percent: float = 0.0
    callback_after_s: float = 60.0


class Surge(Described, frozen=True):
    """``factor`` times as many between two hours after the beginning."""

    from_hour: float
    until_hour: float
    factor: float = 6.0


class ShiftPattern(Described, frozen=True):
    """``share_percent`` of the agents work these hours of every day, with breaks of ``break_minutes`` spread evenly over them."""

    from_hour: float
    hours: float
    share_percent: float
    breaks: int = 2
    break_minutes: float = 15.0


class Departments(Described, frozen=True):
    """What departments do with what is escalated: they acknowledge it ``acknowledged_s`` later on average, and solve it by a lognormal time of
    mean ``solved_s`` and log-deviation ``solved_sigma`` after it was raised; ``returned_percent`` are given back unsolved. All of it is
    time by the clock, nights included. An agent needs ``handling_s`` on average for what came back."""

    acknowledged_s: float = 1800.0
    solved_s: float = 172_800.0
    solved_sigma: float = 1.0
    returned_percent: float = 0.0
    handling_s: float = 120.0


class Callbacks(Described, frozen=True):
    """Of the calls that the centre makes back: ``missed_percent`` are not taken, which is known ``ring_s`` later on average, as that one is."""

    missed_percent: float = 0.0
    ring_s: float = 8.0


def _channels() -> dict[str, Behaviour]:
    return {
        "phone": Behaviour(
            share_percent=60, patience_s=180, patience_shape=1.0, redial_percent=30, redial_after_s=300, redials=2
        ),
        "fanpage": Behaviour(share_percent=20, handling_s=240),
        "portal": Behaviour(share_percent=12, handling_s=360),
        "email": Behaviour(share_percent=8, handling_s=420),
    }


class Description(Described, frozen=True):
    """A synthetic workload.

    ``starts`` is an ISO time with its offset. ``contacts_per_day`` is an average day's; 0: as many as would keep the agents busy for
    ``load_percent`` of their time if each did one thing at a time. ``hour_weights`` and ``weekday_factors`` (Monday first) are relative.
    ``topics``: shares by topic; empty: those of the catalogue. ``missed_percent`` of the offers are not taken, the others after
    ``reaction_s`` on average.
    """

    starts: str = "2026-03-02T00:00:00+07:00"
    hours: float = 24.0
    warm_up_hours: float = 0.0
    contacts_per_day: float = 0.0
    load_percent: float = 65.0
    hour_weights: tuple[float, ...] = _A_DAY
    weekday_factors: tuple[float, ...] = (1.3, 1.1, 1.05, 1.05, 1.1, 0.8, 0.6)
    month_edge_factor: float = 1.2
    surges: tuple[Surge, ...] = ()
    channels: dict[str, Behaviour] = msgspec.field(default_factory=_channels)
    languages: dict[str, float] = msgspec.field(default_factory=lambda: {"vi": 97.0, "en": 3.0})
    topics: dict[str, float] = {}
    reaction_s: float = 3.0
    missed_percent: float = 1.0
    back_after_s: float = 120.0
    departments: Departments = Departments()
    callbacks: Callbacks = Callbacks()
    shifts: tuple[ShiftPattern, ...] = (
        ShiftPattern(from_hour=7.0, hours=8.5, share_percent=45),
        ShiftPattern(from_hour=9.0, hours=8.5, share_percent=30),
        ShiftPattern(from_hour=14.5, hours=8.5, share_percent=15),
        ShiftPattern(from_hour=22.5, hours=9.0, share_percent=10),
    )


def flat(hours: float, contacts_per_day: float, **other: object) -> Description:
    """A description without day, week, shifts or breaks: the same load all the time, everybody there."""
    fields = {
        "hours": hours,
        "contacts_per_day": contacts_per_day,
        "hour_weights": (1.0,) * 24,
        "weekday_factors": (1.0,) * 7,
        "month_edge_factor": 1.0,
        "shifts": (ShiftPattern(from_hour=0.0, hours=24.0, share_percent=100, breaks=0),),
    }
    return msgspec.convert(fields | other, Description)
