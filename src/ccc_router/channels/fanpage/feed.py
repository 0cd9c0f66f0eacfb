"""Comments on a page's posts into facts.

Source: Graph API, webhooks reference, Page, field ``feed``. ``created_time`` is in seconds here, unlike Messenger's milliseconds; ``from`` is
missing when the app may not see who wrote. Posts, photos, shares and reactions are kept raw and ignored, and so is what the page itself
writes: nothing tells our own public replies from those of others.
"""

import json

from ccc_router.channels.fanpage import names
from ccc_router.channels.fanpage.reading import Node, ident, moment, node, text
from ccc_router.channels.found import Found, digest, message_id
from ccc_router.events.facts import MessageChanged, MessageReceived, Private
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.text import clean_name
from ccc_router.routing.policy import Endpoint

_SECOND_MS = 1000


def read(value: Node, page_id: str, told_at: object, endpoint: Endpoint, found: Found) -> None:
    """Add what one change of the feed tells; ``told_at`` is the entry's own time in seconds."""
    comment = ident(value.get("comment_id"))
    author = ident(node(value, "from").get("id"))
    if value.get("item") != "comment" or not comment or (author and author == page_id):
        found.ignore()
        return
    verb = value.get("verb")
    if verb == "add":
        _added(value, comment, author, endpoint, found)
    elif verb == "edited":
        words = text(value.get("message"))
        _changed("edited", comment, digest(words), told_at, endpoint, found, words)
    elif verb == "remove":
        _changed("deleted", comment, "", told_at, endpoint, found)
    elif verb == "hide":
        _changed("hidden", comment, ident(told_at), told_at, endpoint, found)
    else:
        found.ignore()


def _added(value: Node, comment: str, author: str, endpoint: Endpoint, found: Found) -> None:
    key = f"comment:{comment}"
    message, contact, case = found.ids(key)
    post, parent = ident(value.get("post_id")), ident(value.get("parent_id"))
    thread = parent if parent and parent != post else comment
    refs = tuple(dict.fromkeys(names.thread_ref(endpoint.id, name, author) for name in (thread, comment)))
    extra = {"post": post, "comment": comment, "attachments": _pictures(value)}
    private = Private(
        handles=(names.author_handle(endpoint.id, author),) if author else (),
        name=clean_name(text(node(value, "from").get("name"), 500)),
        text=text(value.get("message")),
        refs=refs[:1],
        own_refs=refs,
        address=names.comment_address(comment),
        extra={name: said for name, said in extra.items() if said},
    )
    fact = MessageReceived(
        at=moment(value.get("created_time"), _SECOND_MS),
        private=private,
        channel=Channel.FANPAGE,
        endpoint=endpoint.id,
        message_id=message,
        contact_id=contact,
        case_id=case,
        form="comment",
    )
    found.add(key, fact)


def _changed(
    change: str, comment: str, which: str, told_at: object, endpoint: Endpoint, found: Found, words: str = ""
) -> None:
    fact = MessageChanged(
        at=moment(told_at, _SECOND_MS),
        private=Private(text=words) if change == "edited" else None,
        channel=Channel.FANPAGE,
        endpoint=endpoint.id,
        message_id=message_id(endpoint.id, f"comment:{comment}"),
        change="edited" if change == "edited" else "hidden" if change == "hidden" else "deleted",
    )
    found.add(f"comment-{change}:{comment}:{which}" if which else f"comment-{change}:{comment}", fact)


def _pictures(value: Node) -> str:
    found = [
        {"type": kind, "url": text(value.get(kind), 4000), "title": ""}
        for kind in ("photo", "video")
        if isinstance(value.get(kind), str)
    ]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else ""
