"""JSON Schemas of the documents, for editors, from the same models that read them.

A schema judges one file, before what it extends is merged in. So in a protocol or a playbook nothing is
required that may be inherited, and `null` may stand wherever it removes something; rows of tables are whole.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.document_playbook import PlaybookDocument
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_roster import RosterDocument

DOCUMENTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("protocol.yaml", ProtocolDocument),
    ("fleet.yaml", FleetDocument),
    ("roster.yaml", RosterDocument),
    ("playbook.yaml", PlaybookDocument),
)
# Those that may extend another.
_INHERITING = (ProtocolDocument, PlaybookDocument)
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NULL = {"type": "null"}


def json_schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema by file name."""
    found = {}
    for name, model in DOCUMENTS:
        schema = {"$schema": _DRAFT, **model.model_json_schema(by_alias=True)}
        always = {"schema"} if model is PlaybookDocument else {"schema", "name"}
        _nullable(schema, inherits=model in _INHERITING, always=always)
        found[name] = schema
    return found


def _nullable(schema: dict[str, Any], *, inherits: bool, always: set[str]) -> None:
    """In place: `null` for whatever may be left out, and in what is inherited for everything."""
    definitions: dict[str, Any] = schema.get("$defs", {})
    whole = _rows(schema, definitions)
    for name, part in (("", schema), *definitions.items()):
        if "properties" not in part:
            continue
        required = set(part.get("required", ()))
        if inherits and name not in whole:
            # Only these stand in every file; the rest may come from what it extends.
            required &= always if not name else set()
            part["required"] = sorted(required)
        part["properties"] = {
            key: value if key in required else _or_null(_inner(value))
            for key, value in part["properties"].items()
        }


def _inner(value: dict[str, Any]) -> dict[str, Any]:
    """A mapping by name, whose entries `null` removes."""
    for key in ("patternProperties", "additionalProperties"):
        inside = value.get(key)
        if key == "patternProperties" and inside:
            changed = {name: _or_null(each) for name, each in inside.items()}
            return {**value, key: changed, "additionalProperties": False}
        if isinstance(inside, dict):
            return {**value, key: _or_null(inside)}
    return value


def _or_null(value: dict[str, Any]) -> dict[str, Any]:
    choices = value.get("anyOf")
    if choices is not None:
        return value if _NULL in choices else {**value, "anyOf": [*choices, _NULL]}
    found: dict[str, Any] = {"anyOf": [{}, _NULL]}
    for key, each in value.items():
        about = key in {"description", "title", "default"}
        (found if about else found["anyOf"][0])[key] = each
    return found


def _rows(schema: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    """Names of the definitions that are items of a list: lists are replaced and never merged."""
    found: set[str] = set()
    waiting: list[Any] = [schema, *definitions.values()]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            items = part.get("items")
            if isinstance(items, dict) and "$ref" in items:
                found.add(items["$ref"].rpartition("/")[2])
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return found
