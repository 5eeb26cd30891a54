"""OpenAPI documents as JSON, as YAML and as a page that needs nothing from anywhere else.

The page is made on the server, runs no script and loads nothing; its policy forbids both.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Document:
    """A parsed OpenAPI 3 document."""

    content: dict[str, Any]

    @classmethod
    def load(cls, path: Path, server: str) -> "Document":
        """The document in a file, for the base URL at which it is served."""
        return cls({**_parsed(path), "servers": [{"url": server}]})

    @property
    def title(self) -> str:
        """What the document is about."""
        return str(self.content["info"]["title"])

    def as_json(self) -> str:
        """The document as JSON."""
        return json.dumps(self.content, ensure_ascii=False)

    def as_yaml(self) -> str:
        """The document as YAML."""
        return yaml.safe_dump(self.content, allow_unicode=True, sort_keys=False)

    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(method in upper case, path template, operation), in the document's order."""
        return [
            (method.upper(), path, item[method])
            for path, item in self.content["paths"].items()
            for method in METHODS
            if method in item
        ]

    def resolve(self, value: Any) -> Any:
        """What a local ``$ref`` points to; anything else as it is."""
        while isinstance(value, dict) and "$ref" in value:
            target: Any = self.content
            for part in value["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            value = target
        return value


@cache
def _parsed(path: Path) -> dict[str, Any]:
    """The file's content; where libyaml is there by that, for a server reads all contracts when it starts."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    return content


def routes(path: str, document: Callable[[], Document]) -> list[BaseRoute]:
    """The document below *path*: a page at ``/docs``, itself at ``/openapi.json`` and ``/openapi.yaml``."""

    async def as_page(_request: Request) -> Response:
        return page(document())

    async def as_json(_request: Request) -> Response:
        return Response(document().as_json(), media_type="application/json")

    async def as_yaml(_request: Request) -> Response:
        return Response(document().as_yaml(), media_type="application/yaml")

    return [
        Route(f"{path}/docs", as_page),
        Route(f"{path}/openapi.json", as_json),
        Route(f"{path}/openapi.yaml", as_yaml),
    ]


def page(document: Document) -> HTMLResponse:
    """The document for people: operations, parameters, bodies, answers, schemas."""
    return _answer("openapi.html", document=document, title=document.title)


def overview(title: str, links: Sequence[dict[str, str]]) -> HTMLResponse:
    """A list of documents: each with ``title``, ``page``, ``json``, ``yaml`` and perhaps ``wsdl``."""
    return _answer("overview.html", title=title, links=links)


def schema_name(schema: Any) -> str:
    """A schema in a few words; the last part of the name of one that stands elsewhere."""
    if not isinstance(schema, dict):
        return "anything"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {schema_name(schema.get('items'))}"
    kind = str(schema.get("type", "anything"))
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def _answer(template: str, **values: Any) -> HTMLResponse:
    environment, policy = _environment()
    html = environment.get_template(template).render(**values)
    return HTMLResponse(
        html, headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    )


@cache
def _environment() -> tuple[Environment, str]:
    """Templates, and the policy that lets their one style sheet through and nothing else."""
    environment = Environment(loader=PackageLoader("kade.web"), autoescape=True, undefined=StrictUndefined)
    environment.globals["schema_name"] = schema_name
    assert environment.loader is not None
    style, _, _ = environment.loader.get_source(environment, "style.css")
    environment.globals["style"] = style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    closed = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return environment, f"default-src 'none'; style-src 'sha256-{digest}'; {closed}"
