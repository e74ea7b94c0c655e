"""The OpenAPI 3.1 document, generated from the table of operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from pydantic.json_schema import models_json_schema

from allstop.faces.http.operation import Operation
from allstop.faces.http.problems import MEDIA_TYPE, Problem

JSON = "application/json"
REF = "#/components/schemas/{}"
TITLES = {
    400: "It cannot be read.",
    401: "Nobody could be recognised.",
    403: "Understood, and not for you.",
    404: "Nothing by that name.",
    408: "The body came too slowly.",
    409: "Understood, and not allowed now, with every reason.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    421: "Not our Host.",
    422: "The fields or the query are wrong, or the idempotency key belongs to another request.",
    500: "Something failed inside Allstop.",
    503: "Not now; see Retry-After.",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document. Same for every installation: it tells nothing about this one."""
    shapes = _Shapes(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(
            operation, shapes
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Allstop",
            "version": "1",
            "summary": "Incident command for services and AI agents.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"peer": []}],
        "paths": paths,
        "components": {
            "schemas": shapes.schemas,
            "responses": {str(status): _problem(status) for status in TITLES},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`allstop token new`",
                },
                "peer": {
                    "type": "mutualTLS",
                    "description": "No token is needed on the Unix socket: the operating system "
                    "says who the peer is. (OpenAPI has no word for this; mutualTLS comes nearest.)",
                },
            },
        },
    }


class _Shapes:
    """JSON Schemas of everything that is sent or answered, under one set of names."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        answers = [one.answer for one in operations if one.answer is not None]
        self._index = [*answers, Problem]
        found, parts = msgspec.json.schema_components(
            self._index, ref_template="#/components/schemas/{name}"
        )
        self._schemas = list(found)
        bodies = list(dict.fromkeys(one.body for one in operations if one.body is not None))
        refs, definitions = models_json_schema(
            [(body, "validation") for body in bodies],
            ref_template="#/components/schemas/Send{model}",
        )
        # Bodies and answers have names in common (a Halt that is ordered, a Halt that is shown).
        sent = {f"Send{name}": schema for name, schema in definitions.get("$defs", {}).items()}
        self._sent = {body: refs[body, "validation"] for body in bodies}
        self.schemas: dict[str, Any] = {**parts, **sent}

    def answer(self, operation: Operation) -> dict[str, Any]:
        return self._schemas[self._index.index(operation.answer)]

    def body(self, operation: Operation) -> Any:
        return self._sent[operation.body] if operation.body is not None else None


def _described(operation: Operation, shapes: _Shapes) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation),
        "responses": _responses(operation, shapes),
    }
    if operation.open:
        found["security"] = []
    if operation.body is not None:
        found["requestBody"] = {
            "required": bool(operation.body.model_fields),
            "content": {JSON: {"schema": shapes.body(operation)}},
        }
    return found


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [
        _parameter("path", name, {"type": "string"}, required=True)
        for name in (part[1:-1] for part in operation.path.split("/") if part.startswith("{"))
    ]
    found += [
        _parameter("query", one.name, _kind(one.kind), text=one.summary) for one in operation.query
    ]
    found += [
        _parameter("header", name, {"type": "string", "pattern": "^[0-9]{1,16}$"})
        for name in operation.headers
    ]
    if operation.keyed:
        schema = {"type": "string", "pattern": "^[!-~]{1,200}$"}
        text = "a repeat with the same key and request gets the first answer again"
        found.append(_parameter("header", "Idempotency-Key", schema, text=text))
    return found


def _kind(kind: str) -> dict[str, Any]:
    if kind == "integer":
        return {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
    if kind == "string":
        return {"type": "string", "pattern": "^[ -~]{1,100}$"}
    return {"type": kind}


def _parameter(
    place: str, name: str, schema: dict[str, Any], *, required: bool = False, text: str = ""
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "in": place, "required": required, "schema": schema}
    return {**found, "description": text} if text else found


def _responses(operation: Operation, shapes: _Shapes) -> dict[str, Any]:
    schema = shapes.answer(operation) if operation.answer is not None else {"type": "string"}
    media = operation.media.partition(";")[0]
    more: dict[str, Any] = {name: {"schema": _other(name)} for name in operation.more_media}
    content = {media: {"schema": schema}, **more}
    good = {"description": operation.summary, "content": content}
    statuses = {421, 422, 500, *operation.problems}
    statuses |= set() if operation.open else {401}
    statuses |= {404} if "{" in operation.path else set()
    statuses |= {400, 403, 408, 413, 415, 503} if operation.body is not None else set()
    statuses |= {400} if operation.headers else set()
    problems = {str(one): {"$ref": f"#/components/responses/{one}"} for one in sorted(statuses)}
    return {str(operation.status): good, **problems}


def _other(media: str) -> dict[str, Any]:
    """A document in a format of its own."""
    return {} if media == JSON else {"type": "string", "contentMediaType": media}


def _problem(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": TITLES[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format("Problem")}}},
    }
    if status == 503:
        found["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    if status == 401:
        found["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return found
