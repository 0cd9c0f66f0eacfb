"""Requests whose answers are held against the OpenAPI document, and which operations were answered with success."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import schemathesis
from schemathesis.schemas import BaseSchema

Document = dict[str, Any]


@dataclass
class Walk:
    """``done`` are operations that answered 2xx, as ``METHOD /path/{name}``."""

    document: Document
    done: set[str] = field(default_factory=set)
    schema: BaseSchema = field(init=False)

    def __post_init__(self) -> None:
        self.schema = schemathesis.openapi.from_dict(self.document)

    @property
    def operations(self) -> set[str]:
        """Every operation of the document."""
        return {f"{method.upper()} {path}" for path, methods in self.document["paths"].items() for method in methods}

    async def go(self, client: httpx.AsyncClient, operation: str, *ids: str, **request: Any) -> Any:
        """Ask, expect success as documented, return the JSON (or the bytes). ``ids`` fill the path from left to right."""
        method, template = operation.split(" ")
        path = template
        for one in ids:
            path = f"{path[: path.index('{')]}{one}{path[path.index('}') + 1 :]}"
        asked = client.build_request(method, path, **request)
        asked.read()  # the check looks at what was sent
        answer = await client.send(asked)
        assert answer.is_success, f"{operation}: {answer.status_code} {answer.text}"
        self.check(operation, answer)
        self.done.add(operation)
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.content

    async def listen(self, client: httpx.AsyncClient, operation: str, *ids: str, **request: Any) -> None:
        """Open a stream, read its first bytes, leave."""
        method, template = operation.split(" ")
        path = template
        for one in ids:
            path = f"{path[: path.index('{')]}{one}{path[path.index('}') + 1 :]}"
        async with client.stream(method, path, **request) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for _ in answer.aiter_bytes():
                break
        self.done.add(operation)

    def check(self, operation: str, answer: httpx.Response) -> None:
        """Status, content type and body are as documented."""
        method, template = operation.split(" ")
        documented = self.document["paths"][template][method.lower()]["responses"]
        assert str(answer.status_code) in documented, (
            f"{operation} answered {answer.status_code}, which is not documented"
        )
        self.schema[template][method].validate_response(answer)
