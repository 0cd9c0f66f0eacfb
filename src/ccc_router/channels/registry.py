"""Which adapter speaks for an endpoint: an explicit table, one line per dialect."""

from collections.abc import Mapping
from typing import Final

from ccc_router.channels.channel import Adapter
from ccc_router.channels.email.adapter import EmailAdapter
from ccc_router.channels.fanpage.adapter import FanpageAdapter
from ccc_router.channels.phone.asterisk_ari import AsteriskAri
from ccc_router.channels.phone.csta import Csta
from ccc_router.channels.phone.freeswitch_cdr import FreeswitchCdr
from ccc_router.channels.phone.freeswitch_event import FreeswitchEvent
from ccc_router.channels.phone.jambonz import Jambonz
from ccc_router.channels.phone.stringee import Stringee
from ccc_router.channels.phone.twilio import Twilio
from ccc_router.events.vocabulary import Channel
from ccc_router.routing.policy import Endpoint

_CSTA: Final = Csta()
EMAIL: Final = EmailAdapter()
"""Reads mail; wiring gives it the keys of this installation (``EMAIL.use``)."""

ADAPTERS: Final[Mapping[tuple[Channel, str], Adapter]] = {
    (Channel.EMAIL, ""): EMAIL,
    (Channel.FANPAGE, ""): FanpageAdapter(),
    (Channel.PHONE, ""): _CSTA,
    (Channel.PHONE, "csta"): _CSTA,
    (Channel.PHONE, "asterisk-ari"): AsteriskAri(),
    (Channel.PHONE, "freeswitch-event"): FreeswitchEvent(),
    (Channel.PHONE, "freeswitch-cdr"): FreeswitchCdr(),
    (Channel.PHONE, "jambonz"): Jambonz(),
    (Channel.PHONE, "twilio"): Twilio(),
    (Channel.PHONE, "stringee"): Stringee(),
}
"""By channel and dialect; "" is the dialect of an endpoint that names none."""


def adapter_for(endpoint: Endpoint) -> Adapter | None:
    """The adapter of the endpoint's channel and dialect, or None when there is no such dialect."""
    return ADAPTERS.get((Channel(endpoint.channel), endpoint.dialect))
