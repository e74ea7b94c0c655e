"""The server: three protocols on one port of loopback, in a thread of its own."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from allstop.runtimes.model_server import anthropic, google, openai
from allstop.runtimes.model_server.script import Script

_Events = Callable[[Script, Mapping[str, Any]], Iterator[bytes]]


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """A server that plays a script; gives its address, and is gone afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings = uvicorn.Config(_application(script), log_level="critical", lifespan="off")
        server = uvicorn.Server(settings)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="model-server"
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join()


def _application(script: Script) -> Starlette:
    def streaming(events: _Events) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            body = json.loads(await request.body())
            return StreamingResponse(events(script, body), media_type="text/event-stream")

        return endpoint

    async def gemini(request: Request) -> Response:
        body = json.loads(await request.body())
        _, _, method = request.path_params["what"].partition(":")
        match method:
            case "streamGenerateContent":
                return StreamingResponse(
                    google.streamed(script, body), media_type="text/event-stream"
                )
            case "generateContent":
                return JSONResponse(google.answer(script, body))
            case "countTokens":
                return JSONResponse({"totalTokens": 1})
        return await other(request)

    async def counting(_: Request) -> Response:
        return JSONResponse({"input_tokens": 1})

    async def other(request: Request) -> Response:
        script.others.append(f"{request.method} {request.url.path}")
        return JSONResponse(
            {"error": {"type": "not_found_error", "message": "not served here"}}, 404
        )

    return Starlette(
        routes=[
            Route("/v1/messages", streaming(anthropic.answer), methods=["POST"]),
            Route("/v1/messages/count_tokens", counting, methods=["POST"]),
            Route("/v1/responses", streaming(openai.answer), methods=["POST"]),
            Route("/v1beta/models/{what:path}", gemini, methods=["POST"]),
            Route("/{rest:path}", other, methods=["GET", "POST", "HEAD", "PUT", "DELETE"]),
        ]
    )
