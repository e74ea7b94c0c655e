"""From a request to a call and from its answer to a response: the same for every operation."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from allstop.application.command_post import Request
from allstop.application.privacy import Reader
from allstop.domain.principal import Kind, Principal
from allstop.domain.verdict import nearest
from allstop.errors import Missing, Unauthenticated
from allstop.faces.http.bodies import read_model
from allstop.faces.http.guards import (
    HOST,
    OPERATION,
    PRINCIPAL,
    REQUEST_ID,
    STRANGER,
    instance_of,
    is_local,
)
from allstop.faces.http.operation import Call, Face, Operation
from allstop.faces.http.problems import (
    MEDIA_TYPE,
    Because,
    Malformed,
    ProblemResponse,
    Unknown,
    WrongFields,
    headers_of,
    problem_of,
    status_of,
)
from allstop.faces.http.shapes import encode

log = structlog.get_logger("allstop.http")

# What may name an incident in passing. A PDF is looked at before it is made.
WRITTEN = frozenset({"application/json", MEDIA_TYPE, "text/markdown", "text/html"})
LARGEST = 2**53 - 1
LONGEST_NAME = 100
NOBODY = Principal("nobody", Kind.SOURCE, "not authenticated")

_KEY = re.compile(r"[!-~]{1,200}")
_SHOWN = re.compile(r"[ -~]+")


class Endpoint:
    """The ASGI side of one operation."""

    def __init__(self, operation: Operation, face: Face) -> None:
        self._operation = operation
        self._face = face

    async def __call__(self, http: HttpRequest) -> Response:
        http.scope["state"][OPERATION] = self._operation.id
        try:
            found = self._render(await self._operation.handler(await self._call(http)))
        except ClientDisconnect:
            raise
        except (Missing, Unknown) as error:
            # It names what was asked for, and hints at what can be seen: nothing else.
            return problem(error, http, self._operation.subject)
        except Exception as error:  # noqa: BLE001 - the edge: each error has its status in one table
            found = problem(error, http, self._operation.subject)
        who: Principal | None = http.scope["state"].get(PRINCIPAL)
        if who is not None and not self._operation.open:
            _keep_private(found, Reader(self._face.coordinator.post, who))
        return found

    async def _call(self, http: HttpRequest) -> Call:
        operation = self._operation
        who = self._who(http)
        path = {name: _name(value) for name, value in http.path_params.items()}
        query = _query(http, operation)
        key = _key(http) if operation.unsafe else ""
        body, digest = None, ""
        if operation.body is not None:
            body, text = await read_model(http, operation.body)
            said = f"{http.method}\n{http.url.path}\n{text}"
            digest = hashlib.sha256(said.encode()).hexdigest()
        cause = http.scope["state"][REQUEST_ID]
        views = self._face.coordinator.views.for_(who)
        return Call(self._face, views, Request(who, cause, key, digest), path, query, body, http)

    def _who(self, http: HttpRequest) -> Principal:
        state = http.scope["state"]
        who: Principal | None = state.get(PRINCIPAL)
        if who is None and self._operation.for_hosts:
            who = state.get(HOST)
        if who is not None:
            return who
        if self._operation.open or (self._operation.local and is_local(http.scope)):
            return NOBODY
        stranger = state.get(STRANGER)
        raise stranger or Unauthenticated("this needs a token")

    def _render(self, answer: Any) -> Response:
        if isinstance(answer, Response):
            return answer
        operation = self._operation
        if isinstance(answer, str):
            return Response(answer, operation.status, media_type=f"{operation.media}")
        return Response(encode(answer), operation.status, media_type=operation.media)


def problem(error: Exception, http: HttpRequest, subject: str = "") -> ProblemResponse:
    """The response for an error; what is not ours is logged with its traceback and not explained."""
    status = status_of(error, subject)
    request_id = http.scope["state"][REQUEST_ID]
    if status == 500:
        log.error("operation failed", request_id=request_id, exc_info=error)
    found = problem_of(error, status, instance_of(http.scope), request_id)
    return ProblemResponse(found, headers_of(error, status))


def _keep_private(response: Response, reader: Reader) -> None:
    """Take the ids and titles of hidden incidents out of sentences that came to name them.

    The views leave such incidents out; this is for texts that people and adapters wrote elsewhere.
    A body kept as evidence is sent as it is, for it is known by its digest.
    """
    media = (response.media_type or "").partition(";")[0]
    if media not in WRITTEN or not reader.hidden or not response.body:
        return
    response.body = reader.text(bytes(response.body).decode()).encode()
    response.headers["content-length"] = str(len(response.body))


def _name(value: str) -> str:
    """A path segment that can be the name of anything at all."""
    if len(value) > LONGEST_NAME or not _SHOWN.fullmatch(value):
        raise Missing("there is nothing by that name")
    return value


def _key(http: HttpRequest) -> str:
    keys = http.headers.getlist("idempotency-key")
    if not keys:
        return ""
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise Malformed("an Idempotency-Key has 1 to 200 visible ASCII characters", "send one")
    return keys[0]


def _query(http: HttpRequest, operation: Operation) -> dict[str, Any]:
    """The query, as strict as a body: known names, each once, of the right kind."""
    known = {query.name: query.kind for query in operation.query}
    found: dict[str, Any] = {}
    wrong: list[Because] = []
    for name, text in http.query_params.multi_items():
        value = _value(known.get(name, ""), text)
        if name not in known:
            wrong.append(
                Because("unknown-parameter", "no such parameter", nearest(name[:64], known))
            )
        elif name in found:
            wrong.append(Because("repeated-parameter", f"{name} is given twice"))
        elif value is None:
            wrong.append(Because("wrong-parameter", f"{name} is no {known[name]}"))
        else:
            found[name] = value
    if wrong:
        raise WrongFields("the query has errors", tuple(wrong[:20]))
    return found


def _value(kind: str, text: str) -> bool | int | str | None:
    if kind == "boolean":
        return {"true": True, "false": False}.get(text)
    if kind == "integer":
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))
        return int(text) if digits and int(text) <= LARGEST else None
    return text if len(text) <= LONGEST_NAME and _SHOWN.fullmatch(text) else None
