"""Anthropic's messages, streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from allstop.runtimes.model_server.script import DONE, Script

_USAGE = {"input_tokens": 1, "output_tokens": 1}


def answer(script: Script, request: Mapping[str, Any]) -> Iterator[bytes]:
    """The events of one answer."""
    offered = [tool.get("name", "") for tool in request.get("tools", ())]
    call = script.next(_results(request), offered)
    block: dict[str, Any]
    delta: dict[str, Any]
    if call is None:
        block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": DONE}
    else:
        name, arguments = call
        block = {"type": "tool_use", "id": f"toolu_{script.turns:04}", "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
    message = {
        "id": f"msg_{script.turns:04}",
        "type": "message",
        "role": "assistant",
        "model": request.get("model", ""),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _USAGE,
    }
    stopped = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
    yield _event("message_start", message=message)
    yield _event("content_block_start", index=0, content_block=block)
    yield _event("content_block_delta", index=0, delta=delta)
    yield _event("content_block_stop", index=0)
    yield _event("message_delta", delta=stopped, usage={"output_tokens": 1})
    yield _event("message_stop")


def _results(request: Mapping[str, Any]) -> int:
    contents = [message.get("content") for message in request.get("messages", ())]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    return sum(block.get("type") == "tool_result" for block in blocks)


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields)}\n\n".encode()
