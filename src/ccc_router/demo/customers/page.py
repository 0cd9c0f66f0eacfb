"""The page's platform: visitors who write messages and comments, signed as Meta signs them, and the Graph API for answers."""

import hmac
import itertools
import json
import random
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ccc_router.demo import words
from ccc_router.demo.customers.people import Matter, Person, key_of
from ccc_router.demo.world import Json, World
from ccc_router.kernel.signing import hex_digest

_COMMENTS: Final = 0.25
_TAPS: Final = 0.5
_WRITES_AGAIN: Final = 0.25
_READS_S: Final = 2.5
_APP: Final = 1517776481860111


class Page:
    """One page. Its secrets are the app's, under the endpoint's id, and the page's token, under ``<id>.token``."""

    def __init__(self, world: World, endpoint: Json) -> None:
        self._world = world
        self._id = endpoint["id"]
        self._topics: dict[str, str] = endpoint["topics"]
        self._page = endpoint["options"]["page_id"]
        self._secret = world.secret_of(self._id).encode()
        self._token = world.secret_of(f"{self._id}.token")
        self._dice = world.chance("page")
        self._numbers = itertools.count(1)
        self.app = Starlette(routes=[Route("/{path:path}", self._call, methods=["POST"])])

    async def write(self, matter: Matter, dice: random.Random) -> None:
        """A first message, or a comment below a post."""
        text = words.spoken(words.QUESTIONS[matter.topic], matter.language)
        if dice.random() < _COMMENTS:
            await self._comment(matter.person, text)
        else:
            button = key_of(self._topics, matter.topic)
            tapped = button in self._topics and dice.random() < _TAPS
            await self._message(matter.person.page_id, text, button if tapped else "")

    async def _message(self, person: str, text: str, button: str = "") -> None:
        message: Json = {"mid": self._fresh("m"), "text": text}
        if button:
            message["quick_reply"] = {"payload": button}
        await self._messaging(person, {"message": message})

    async def _messaging(self, person: str, event: Json, *, echo: bool = False) -> None:
        page, other = {"id": self._page}, {"id": person}
        about = {"sender": page, "recipient": other} if echo else {"sender": other, "recipient": page}
        event = {**about, "timestamp": self._world.clock.now_ms(), **event}
        await self._tell({"id": self._page, "time": self._world.clock.now_ms(), "messaging": [event]})

    async def _comment(self, person: Person, text: str) -> None:
        seconds = self._world.clock.now_ms() // 1000
        post = f"{self._page}_1001"
        value = {
            "item": "comment",
            "verb": "add",
            "from": {"id": f"8{person.number:015d}", "name": person.name},
            "post_id": post,
            "parent_id": post,
            "comment_id": f"1001_{self._fresh('c')}",
            "message": text,
            "created_time": seconds,
        }
        await self._tell({"id": self._page, "time": seconds, "changes": [{"field": "feed", "value": value}]})

    async def _tell(self, entry: Json) -> None:
        body = json.dumps({"object": "page", "entry": [entry]}).encode()
        headers = {
            "content-type": "application/json",
            "x-hub-signature-256": f"sha256={hex_digest(self._secret, body)}",
        }
        await self._world.send("POST", f"/v1/channels/fanpage/{self._id}/webhook", headers=headers, content=body)

    async def _call(self, request: Request) -> Response:
        """One call of the Graph API: only with the page's token and the app's proof."""
        fields: Json = await request.json()
        proof = str(fields.get("appsecret_proof", ""))
        authorized = request.headers.get("authorization", "") == f"Bearer {self._token}"
        if not authorized or not hmac.compare_digest(proof, hex_digest(self._secret, self._token.encode())):
            error = {"message": "(#190) no", "type": "OAuthException", "code": 190}
            return JSONResponse({"error": error}, 401)
        if request.url.path.endswith("/comments"):
            return JSONResponse({"id": f"1001_{self._fresh('c')}"})
        message, person = fields["message"], str(fields["recipient"].get("id", ""))
        made = self._fresh("m")
        if person:
            self._world.begin(self._read(person, made, message), "page-visitor")
        return JSONResponse({"recipient_id": person, "message_id": made})

    async def _read(self, person: str, made: str, message: Json) -> None:
        """Meta echoes what the page sent, says that it was read, and now and then the visitor writes again."""
        echo = {"mid": made, "is_echo": True, "app_id": _APP, **message}
        await self._messaging(person, {"message": echo}, echo=True)
        await self._world.pause(self._dice, _READS_S)
        await self._messaging(person, {"read": {"watermark": self._world.clock.now_ms()}})
        if self._dice.random() < _WRITES_AGAIN:
            await self._world.pause(self._dice, _READS_S)
            await self._message(person, self._dice.choice(words.MORE)[0])

    def _fresh(self, kind: str) -> str:
        return f"{kind}_{self._world.run}_{next(self._numbers)}"
