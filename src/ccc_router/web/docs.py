"""`GET /docs`: the OpenAPI document for people, without a script and without a file from elsewhere."""

import json
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ info.title }} {{ info.version }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }
h2 { margin-top: 3rem; border-bottom: 1px solid #d0d7de }
summary { cursor: pointer; padding: .3rem 0 }
code, pre { font: 13px/1.45 ui-monospace, monospace }
pre { background: #f6f8fa; padding: .8rem; overflow: auto; border-radius: 6px }
b { display: inline-block; min-width: 4.5rem }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } pre { background: #161b22 } h2 { border-color: #30363d } }
</style>
<h1>{{ info.title }}</h1>
{% for line in info.description.split("\\n\\n") %}<p>{{ line }}</p>{% endfor %}
<p><a href="/openapi.json">openapi.json</a></p>
{% for tag in tags %}
<h2 id="{{ tag.name }}">{{ tag.name }}</h2>
<p>{{ tag.description }}</p>
{% for one in tag.operations %}
<details>
<summary><b>{{ one.method }}</b> <code>{{ one.path }}</code> {{ one.summary }}</summary>
<p>{{ one.description }}</p>
{% if one.body %}<p>Body:</p><pre>{{ one.body }}</pre>{% endif %}
{% for answer in one.answers %}
<p>{{ answer.status }} {{ answer.description }}</p>
{% if answer.example %}<pre>{{ answer.example }}</pre>{% endif %}
{% endfor %}
</details>
{% endfor %}
{% endfor %}
</html>
"""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
}

Schema = dict[str, object]


def router(app: FastAPI) -> APIRouter:
    """The page; it is made once, from the document the app serves."""
    docs = APIRouter()
    made: list[str] = []

    @docs.get("/docs", include_in_schema=False)
    async def page() -> HTMLResponse:
        if not made:
            # The engine is heavy to load, and few processes are asked for this page.
            from jinja2 import Environment

            template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_PAGE)
            document = app.openapi()
            made.append(
                template.render(
                    info=document["info"],
                    tags=[tag | {"operations": _operations(document, tag["name"])} for tag in document["tags"]],
                )
            )
        return HTMLResponse(made[0], headers=_HEADERS)

    return docs


def _operations(document: dict[str, dict[str, dict[str, dict[str, object]]]], tag: str) -> list[Schema]:
    return [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "description": operation.get("description", ""),
            "body": _shown(operation.get("requestBody", {})),
            "answers": [
                {
                    "status": status,
                    "description": answer["description"],
                    "example": _shown(answer) if status < "400" else "",
                }
                for status, answer in _sorted(operation["responses"])
            ],
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag in _names(operation.get("tags"))
    ]


def _names(tags: object) -> list[object]:
    return tags if isinstance(tags, list) else []


def _sorted(responses: object) -> list[tuple[str, Schema]]:
    return sorted(responses.items()) if isinstance(responses, dict) else []


def _shown(part: object) -> str:
    contents = part.get("content", {}) if isinstance(part, dict) else {}
    examples = [content["example"] for content in contents.values() if "example" in content]
    return json.dumps(examples[0], ensure_ascii=False, indent=2) if examples else ""
