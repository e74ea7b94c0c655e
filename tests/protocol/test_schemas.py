"""JSON Schemas for editors: valid themselves, and of one mind with the reader where they can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from allstop.protocol import json_schemas
from allstop.protocol.inherit import every_pack, pack_text
from allstop.protocol.reader import plain, read
from tests.protocol.expectations import BAD
from tests.protocol.projects import DOCUMENTS

SCHEMAS = json_schemas()
GOOD = sorted((DOCUMENTS / "good").glob("*/*.yaml"))
HEAD = {"schema": "allstop/1", "name": "x"}


def objections(document: Any, name: str) -> list[str]:
    return [
        error.message for error in jsonschema_rs.validator_for(SCHEMAS[name]).iter_errors(document)
    ]


def content(text: str | bytes) -> Any:
    root, problems = read(text, "x.yaml")
    assert root is not None, problems
    return plain(root)


@pytest.mark.parametrize("name", ["protocol.yaml", "fleet.yaml", "roster.yaml"])
def test_a_schema_is_one(name: str) -> None:
    jsonschema_rs.meta.validate(SCHEMAS[name])
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMAS[name]["properties"]["schema"]["const"] == "allstop/1"


@pytest.mark.parametrize("path", GOOD, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_editor_marks_nothing_in_a_good_document(path: Path) -> None:
    name = "protocol.yaml" if path.name in {"base.yaml", "protocol.yaml"} else path.name
    assert objections(content(path.read_bytes()), name) == []


@pytest.mark.parametrize("pack", every_pack())
def test_an_editor_marks_nothing_in_a_built_in_protocol(pack: str) -> None:
    assert objections(content(pack_text(pack)), "protocol.yaml") == []


def test_what_may_be_inherited_is_not_asked_for() -> None:
    """Given a protocol that only renames one severity, when an editor looks at it, then nothing is missing."""
    assert objections({**HEAD, "severities": {"SEV1": {"title": "Worst"}}}, "protocol.yaml") == []
    assert objections({"schema": "allstop/1"}, "protocol.yaml") != []


def test_null_removes_and_the_rows_of_a_table_are_whole() -> None:
    removed = {**HEAD, "severities": {"SEV4": None}, "terms": None, "all_stop": {"enforce": None}}
    assert objections(removed, "protocol.yaml") == []
    row = {"severity": "SEV1", "when": {"breach": True, "users": None, "functions_down": {"is": 1}}}
    assert objections({**HEAD, "classification": [row]}, "protocol.yaml") != []
    assert objections({**HEAD, "classification": [{**row, "because": "x"}]}, "protocol.yaml") == []


def test_short_forms_are_known_to_editors() -> None:
    short = {
        **HEAD,
        "escalation": ["owner"],
        "calendar": {"hours": {"mon": "09:00-17:00", "fri": ["09:00-12:00"]}},
        "deadlines": {"a": {"within": "5m"}, "b": {"within": {"SEV1": "3bd"}}},
        "stand_down": {"calm": {"impact": {"users": 0}}, "stable": {"probe": "all"}},
    }
    assert objections(short, "protocol.yaml") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"severites": {}},
        {"severities": {"SEV 1": {}}},
        {"severities": {"SEV1": {"respond_within": "5 minutes"}}},
        {"calendar": {"hours": {"monday": "09:00-17:00"}}},
        {"calendar": {"hours": {"mon": "9-17"}}},
        {"approvals": {"risk": {"isolate": 11}}},
        {"forms": {"x": {"fields": {"y": {"kind": "date"}}}}},
        {"remedy": {"approve": "commander"}},
    ],
)
def test_an_editor_sees_these_mistakes_while_they_are_written(wrong: dict[str, Any]) -> None:
    assert objections({**HEAD, **wrong}, "protocol.yaml") != []


def test_no_document_makes_a_schema_fail() -> None:
    """Whatever stands in a bad document, the schema gives an answer."""
    for path in BAD:
        root, _ = read(path.read_bytes(), "x.yaml")
        if root is not None:
            objections(plain(root), "protocol.yaml")
