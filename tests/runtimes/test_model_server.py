"""The model server, asked as the three clients ask it: a tool call for each step of its script, then the end."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from allstop.runtimes.model_server.script import DONE, Call, Script
from allstop.runtimes.model_server.server import serving

TOUCH = Call(("shell", "run"), {"command": "touch made"})


def events(body: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in body.splitlines() if line.startswith("data")]
    return [json.loads(line) for line in lines]


def anthropic(results: int, tools: list[str]) -> tuple[str, dict[str, Any]]:
    said = [{"role": "user", "content": [{"type": "tool_result"}]}] * results
    messages = [{"role": "user", "content": "go on"}, *said]
    return "/v1/messages", {"messages": messages, "tools": [{"name": name} for name in tools]}


def openai(results: int, tools: list[str]) -> tuple[str, dict[str, Any]]:
    takes = {"parameters": {"properties": {"command": {"type": "array"}}}}
    return "/v1/responses", {
        "input": [{"type": "message"}, *[{"type": "function_call_output"}] * results],
        "tools": [{"name": name} | takes for name in tools],
    }


def gemini(results: int, tools: list[str]) -> tuple[str, dict[str, Any]]:
    parts = [{"text": "go on"}, *[{"functionResponse": {}}] * results]
    return "/v1beta/models/any:streamGenerateContent", {
        "contents": [{"parts": parts}],
        "tools": [{"functionDeclarations": [{"name": name} for name in tools]}],
    }


CLIENTS = [anthropic, openai, gemini]


@pytest.mark.parametrize("client", CLIENTS)
def test_it_asks_for_each_call_once_and_then_ends(client: Any) -> None:
    script = Script((TOUCH, TOUCH))
    with serving(script) as address, httpx.Client(base_url=address) as http:
        told = []
        for results in (0, 1, 2):
            path, body = client(results, ["other", "run"])
            told.append(http.post(path, json=body).raise_for_status().text)
    assert ["touch made" in text for text in told] == [True, True, False]
    assert [DONE in text for text in told] == [False, False, True]
    assert script.turns == 3


@pytest.mark.parametrize("client", CLIENTS)
def test_without_a_tool_it_knows_it_has_nothing_to_do(client: Any) -> None:
    script = Script((TOUCH,))
    with serving(script) as address, httpx.Client(base_url=address) as http:
        for tools in ([], ["other"]):
            path, body = client(0, tools)
            assert DONE in http.post(path, json=body).text
    assert script.turns == 1, "a request that offers no tools is no turn of the agent"


def test_the_events_are_those_each_protocol_wants() -> None:
    with serving(Script((TOUCH,))) as address, httpx.Client(base_url=address) as http:
        found = []
        for client in CLIENTS:
            path, body = client(0, ["shell"])
            found.append(events(http.post(path, json=body).text))
    first, second, third = found
    assert [event["type"] for event in first] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert first[1]["content_block"]["name"] == "shell"
    assert json.loads(first[2]["delta"]["partial_json"]) == dict(TOUCH.arguments)
    assert [event["type"] for event in second] == [
        "response.created",
        "response.output_item.done",
        "response.completed",
    ]
    # A client that wants a command as words gets words.
    assert json.loads(second[1]["item"]["arguments"]) == {"command": ["sh", "-c", "touch made"]}
    (part,) = third[0]["candidates"][0]["content"]["parts"]
    assert part == {"functionCall": {"name": "shell", "args": dict(TOUCH.arguments)}}


def test_what_it_does_not_serve_is_kept_and_refused() -> None:
    script = Script(())
    with serving(script) as address, httpx.Client(base_url=address) as http:
        assert http.get("/v1/models").status_code == 404
        assert http.post("/v1beta/models/any:embed", json={}).status_code == 404
    assert script.others == ["GET /v1/models", "POST /v1beta/models/any:embed"]
