"""What /openapi.json tells beside what FastAPI finds out: examples, refusals, and how one logs in.

The examples stand in one table, so that a route without one is seen; tests compare them with real answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from tyrogue.labeling.access import ANYONE, OWNERS, RULES
from tyrogue.labeling.examples import EXAMPLES, PROBLEM

Json = dict[str, Any]

ABOUT = (
    "Labeling texts with a model in the loop. Everything that the page does is here. Requests that change something "
    "carry the header X-Tyrogue: 1. Errors are application/problem+json; detail says what was seen and what to do."
)
REFUSALS = {
    "401": "Nobody is logged in.",
    "403": "Not for this role, or the header X-Tyrogue is missing.",
    "404": "There is no such thing.",
    "409": "What is asked contradicts what is stored.",
    "413": "The body is too large.",
    "422": "The request is not valid.",
    "429": "Too many attempts to log in.",
    "503": "Not now; the same request may succeed later.",
    "507": "The disk is full; nothing was recorded.",
}
SCHEMES: Mapping[str, Json] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token of an account, or the server's own."},
    "session": {"type": "apiKey", "in": "cookie", "name": "tyrogue_session"},
}


def describe(app: FastAPI) -> None:
    """Lets the application tell examples, refusals and login beside its routes."""

    def schema() -> Json:
        if app.openapi_schema is None:
            found = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
            found["components"]["securitySchemes"] = dict(SCHEMES)
            found["components"]["schemas"]["Problem"] = PROBLEM
            for path, operations in found["paths"].items():
                for method, operation in operations.items():
                    _complete(f"{method.upper()} {path}", operation)
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = schema  # type: ignore[method-assign]  # the way FastAPI documents to extend the schema


def _complete(name: str, operation: Json) -> None:
    example = EXAMPLES.get(name, {})
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None and "body" in example:
        body["examples"] = {"usual": {"value": example["body"]}}
    if "answer" in example:
        kind = example.get("type", "application/json")
        done = next(status for status in operation["responses"] if status.startswith("2"))
        operation["responses"][done]["content"] = {
            kind: {"schema": _shape(example["answer"]), "example": example["answer"]}
        }
    for also in example.get("also", ()):
        operation["responses"][also] = operation["responses"][done]
    allowed = RULES.get(name, OWNERS)
    if allowed is not ANYONE:
        operation["security"] = [{"bearer": []}, {"session": []}]
        operation["description"] = f"{operation.get('description', '')}\n\nFor {', '.join(sorted(allowed))}.".strip()
    if not name.startswith("GET "):
        operation.setdefault("parameters", []).append(HEADER)
    for status, meaning in REFUSALS.items():
        operation["responses"][status] = {
            "description": meaning,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }


HEADER: Json = {
    "name": "X-Tyrogue",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "enum": ["1"]},
    "description": "Says that the request was meant: no page of another site can send it.",
}


def _shape(value: Any) -> Json:
    """Gives a schema that the example fits; what may be null is not said, since null says nothing of a shape."""
    if isinstance(value, Mapping):
        return {"type": "object", "properties": {name: _shape(inner) for name, inner in value.items()}}
    if isinstance(value, list):
        return {"type": "array", "items": _shape(value[0]) if value else {}}
    return {}
