"""When a page may still write to a person, and under which name.

Source: Messenger Platform, "Policy overview": 24 hours after the person's last message anything goes; until the seventh day only what a
human agent wrote, tagged HUMAN_AGENT; later nothing. A comment may be answered in private for seven days, once; in public for ever.
"""

from typing import Final

from ccc_router.channels.fanpage.reading import Node

_HOUR_MS: Final = 3_600_000
_MARGIN_MS: Final = 60_000  # on its way the message grows older
RESPONSE_MS: Final = 24 * _HOUR_MS - _MARGIN_MS
HUMAN_AGENT_MS: Final = 7 * 24 * _HOUR_MS - _MARGIN_MS


def messaging_type(age_ms: int, *, human: bool, tag_allowed: bool) -> Node | None:
    """The fields that say why the page writes ``age_ms`` after the person's last message; None: it may not."""
    if age_ms <= RESPONSE_MS:
        return {"messaging_type": "RESPONSE"}
    if age_ms <= HUMAN_AGENT_MS and human and tag_allowed:
        return {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    return None
