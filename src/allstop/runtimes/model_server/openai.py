"""OpenAI's responses, streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from allstop.runtimes.model_server.script import DONE, Script

_USAGE = {
    "input_tokens": 1,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 1,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2,
}


def answer(script: Script, request: Mapping[str, Any]) -> Iterator[bytes]:
    """The events of one answer."""
    tools = {name: (space, tool) for name, space, tool in _tools(request)}
    call = script.next(_results(request), tools)
    item: dict[str, Any]
    if call is None:
        text = {"type": "output_text", "text": DONE, "annotations": []}
        item = {"type": "message", "role": "assistant", "id": "msg_1", "content": [text]}
    else:
        space, tool = tools[call[0]]
        item = {
            "type": "function_call",
            "id": f"fc_{script.turns:04}",
            "call_id": f"call_{script.turns:04}",
            "name": tool.get("name", ""),
            "arguments": json.dumps(_known(call[1], tool)),
            **({"namespace": space} if space else {}),
        }
    response = {"id": f"resp_{script.turns:04}", "object": "response", "status": "in_progress"}
    yield _event("response.created", response=response)
    yield _event("response.output_item.done", output_index=0, item=item)
    ended = response | {"status": "completed", "output": [item], "usage": _USAGE}
    yield _event("response.completed", response=ended)


def _tools(request: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each tool that is offered: its whole name, the namespace it stands in, what is said of it."""
    for tool in request.get("tools", ()):
        if tool.get("type") != "namespace":
            yield tool.get("name", tool.get("type", "")), "", tool
            continue
        for one in tool.get("tools", ()):
            yield f"{tool['name']}__{one.get('name', '')}", tool["name"], one


def _known(arguments: Mapping[str, Any], tool: Mapping[str, Any]) -> dict[str, Any]:
    """Those arguments the tool takes, as the client describes it; a command as words where it wants words."""
    takes = tool.get("parameters", {}).get("properties", {})
    return {
        key: ["sh", "-c", value] if takes[key].get("type") == "array" else value
        for key, value in arguments.items()
        if key in takes
    }


def _results(request: Mapping[str, Any]) -> int:
    given = request.get("input", ())
    items = given if isinstance(given, list) else ()
    return sum(str(item.get("type", "")).endswith("call_output") for item in items)


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields)}\n\n".encode()
