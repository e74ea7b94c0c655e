"""Gemini's generateContent, streamed or whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from allstop.runtimes.model_server.script import DONE, Script

_USAGE = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}


def answer(script: Script, request: Mapping[str, Any]) -> dict[str, Any]:
    """One whole answer."""
    offered = [
        one.get("name", "")
        for tool in request.get("tools", ())
        for one in tool.get("functionDeclarations", ())
    ]
    call = script.next(_results(request), offered)
    part: dict[str, Any] = {"text": DONE}
    if call is not None:
        name, arguments = call
        part = {"functionCall": {"name": name, "args": dict(arguments)}}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": _USAGE}


def streamed(script: Script, request: Mapping[str, Any]) -> Iterator[bytes]:
    """The same as the only event of a stream."""
    yield f"data: {json.dumps(answer(script, request))}\n\n".encode()


def _results(request: Mapping[str, Any]) -> int:
    parts = [part for content in request.get("contents", ()) for part in content.get("parts", ())]
    return sum("functionResponse" in part for part in parts)
