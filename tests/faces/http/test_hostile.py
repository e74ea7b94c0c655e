"""The corpus of hostile bodies against every operation that takes a body."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from allstop.faces.http.operations import OPERATIONS
from allstop.faces.http.problems import Malformed
from allstop.faces.http.strict_json import read_json
from tests.faces.http.bodies import path_of
from tests.faces.http.house import declared, living, memory

CORPUS = sorted((Path(__file__).parents[2] / "hostile" / "bodies").glob("*.body"))
# One of each kind: open texts, names of things, nested options, path parameters.
TAKEN = (
    "declare", "update", "plan-settle", "halt", "register", "answer", "token-new", "propose", "fill",
    "facts", "mode",
)  # fmt: skip
TAKING = [one for one in OPERATIONS if one.id in TAKEN]
JSON = {"Content-Type": "application/json"}


def test_there_are_enough_of_them() -> None:
    assert len(CORPUS) >= 60
    assert len(TAKING) == len(TAKEN)


# A thousand requests: a busy machine takes its time.
@pytest.mark.timeout(180)
async def test_no_body_breaks_anything(tmp_path: Path) -> None:
    async with living(tmp_path, store=memory()) as house, house.local() as client:
        await declared(client)
        await client.post("/api/v1/halts", json={"scope": "all", "reason": "x"})
        with structlog.testing.capture_logs() as lines:
            for file in CORPUS:
                body = file.read_bytes()
                for operation in TAKING:
                    answer = await client.request(
                        operation.method, path_of(operation), content=body, headers=JSON
                    )
                    where = (file.name, operation.id, answer.status_code, answer.text[:300])
                    assert answer.status_code < 500, where
                    if file.name.startswith("refused-"):
                        assert answer.status_code >= 400, where
                        assert answer.headers["content-type"] == "application/problem+json", where
        assert (await client.get("/api/v1/overview")).status_code == 200
        assert (await client.get("/api/v1/incidents/INC-1/timeline")).status_code == 200
    assert not [line for line in lines if line["log_level"] == "error"]
    assert all("\n" not in str(value) for line in lines for value in line.values())


@pytest.mark.parametrize(
    "file", [one for one in CORPUS if one.name.startswith("inert-")], ids=lambda one: one.stem
)
async def test_inert_text_comes_back_as_it_was(tmp_path: Path, file: Path) -> None:
    title = json.loads(file.read_bytes())["title"]
    async with living(tmp_path, store=memory()) as house, house.local() as client:
        answer = await client.post("/api/v1/incidents", content=file.read_bytes(), headers=JSON)
        assert answer.status_code == 201, answer.text
        found = await client.get("/api/v1/incidents/INC-1")
        assert found.json()["line"]["title"] == title.strip()
        assert found.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in found.headers
        assert (await client.get("/api/v1/incidents/INC-1/report")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000, b'"' * 1_000_000, b'"' + b'\\"' * 499_999, b"\\" * 1_000_000, b"{}" * 500_000,
        b"[" + b"9" * 999_998 + b"]", b'{"a":"' + b"\\u0000" * 166_000 + b'"}', b"\xc3\xa9" * 500_000,
        b'{"' + b"a" * 999_990 + b'":1}', b"[[],[]," * 140_000, b" " * 1_000_000,
    ],
    ids=range(11),
)  # fmt: skip
def test_a_megabyte_of_anything_is_judged(body: bytes) -> None:
    """A parser that went quadratic here would run into the test's own time limit."""
    with contextlib.suppress(Malformed):
        read_json(body)


@pytest.mark.parametrize(
    "value", [{"a": [1, -(2**53) + 1, 2**53 - 1, None, True, "é\u2028"]}, [], "x", 0, [[[]]]]
)
def test_good_json_is_read_as_json(value: Any) -> None:
    assert read_json(json.dumps(value).encode()) == value
    assert read_json(json.dumps(value, ensure_ascii=False, indent=3).encode()) == value


def test_the_deepest_that_is_read() -> None:
    assert read_json(b"[" * 64 + b"]" * 64)
    with pytest.raises(Malformed, match="deeper than 64"):
        read_json(b"[" * 65 + b"]" * 65)
    # Brackets inside strings do not count.
    assert read_json(b'["' + b"[" * 1000 + b'\\"]"]')
