"""The operations on the coordinator itself: evidence, records, tokens, events, health."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from allstop.application.ports import RefusalEntry
from allstop.errors import Missing, Unavailable
from allstop.faces.http import models as m
from allstop.faces.http.guards import RECOGNISE
from allstop.faces.http.measuring import CONTENT_TYPE
from allstop.faces.http.operation import CURRENT, Call, Operation, Query, long_view, view
from allstop.faces.http.problems import Malformed
from allstop.faces.http.shapes import (
    AdapterLine,
    Adopted,
    ConsoleLink,
    CurrentPolicy,
    EffectLine,
    Issued,
    Revoked,
    Stopping,
    adapter_line,
    effect_line,
)

SHA256_LENGTH = 64
LATEST = 200
LARGEST_POSITION = 2**53 - 1
TEXT = "text/plain; charset=utf-8"
ADMINISTER = "administer"


def _evidence(call: Call) -> Response:
    name = call.path["sha256"]
    well_formed = len(name) == SHA256_LENGTH and set(name) <= set("0123456789abcdef")
    body = call.views.body(name) if well_formed else None
    if body is None:
        raise Missing("there is no evidence by that digest", "the incident lists what was kept")
    # Never shown by a browser as a page: whoever can write an error message can write markup.
    headers = {"Content-Disposition": f'attachment; filename="{name}.txt"'}
    return Response(body, headers=headers, media_type=TEXT)


def _policy(call: Call) -> CurrentPolicy:
    book = call.coordinator.post.book
    return CurrentPolicy(book.current, book.latest)


def _adapters(call: Call) -> tuple[AdapterLine, ...]:
    adapters = call.coordinator.adapters
    broken = (
        AdapterLine(name, "", "", (), (), {}, because)
        for name, because in adapters.unavailable().items()
    )
    return (*(adapter_line(info) for info in adapters.infos()), *broken)


async def _audit(call: Call) -> dict[str, Any]:
    return await call.coordinator.audit()


async def _reload(call: Call) -> Adopted:
    call.require(ADMINISTER)
    return Adopted(await call.coordinator.reload())


async def _issue(call: Call) -> Issued:
    call.require(ADMINISTER)
    body: m.NewToken = call.body
    secret, expires = await call.coordinator.access.issue(body.principal, body.days)
    return Issued(body.principal, secret, expires)


async def _console_link(call: Call) -> ConsoleLink:
    if call.face.console_link is None:
        raise Unavailable("this coordinator serves no web console")
    body: m.NewConsoleLink = call.body
    return ConsoleLink(call.face.console_link(call.request.who, body.halting))


async def _revoke(call: Call) -> Revoked:
    call.require(ADMINISTER)
    principal = call.path["principal"]
    return Revoked(principal, await call.coordinator.access.revoke(principal))


async def _down(call: Call) -> Stopping:
    call.require(ADMINISTER)
    call.face.stop()
    return Stopping(stopping=True)


async def _events(call: Call) -> Response:
    views = call.views
    incident = call.query.get("incident", "")
    if incident == CURRENT:
        incident = views.current()
    elif incident:
        views.known(incident)
    end = call.coordinator.store.last_position()
    after = _position(call.http.headers.get("last-event-id", ""))
    if after is None:
        after = call.query.get("after", end)
    if after > end:
        # A database that was put back to an older state: waiting would skip what comes now.
        text = f"position {after} is beyond the log, which ends at {end}"
        raise Malformed(text, "begin again with ?after=0")
    recognise = call.http.scope["state"][RECOGNISE]
    head = call.http.method == "HEAD"
    return call.face.streams.open(views, after, incident, recognise, head=head)


def _position(text: str) -> int | None:
    if not text:
        return None
    if len(text) > len(str(LARGEST_POSITION)) or not (text.isascii() and text.isdigit()):
        raise Malformed("Last-Event-ID is no position of the log", "send it as it was received")
    return int(text)


async def _healthy(_: Call) -> Response:
    return Response("ok\n", media_type=TEXT)


async def _ready(call: Call) -> Response:
    if call.face.streams.stopping:
        raise Unavailable("the coordinator is stopping")
    call.coordinator.store.last_position()
    return Response("ready\n", media_type=TEXT)


def _metrics(call: Call) -> Response:
    return Response(call.face.measuring.exposition(), headers={"Content-Type": CONTENT_TYPE})


def _effects(call: Call) -> tuple[EffectLine, ...]:
    rows = call.views.reader.effects(call.coordinator.store.effects(limit=LATEST))
    return tuple(effect_line(row) for row in rows)


def _refusals(call: Call) -> tuple[RefusalEntry, ...]:
    return call.views.reader.refusals(call.coordinator.store.refusals())


RECORDS: tuple[Operation, ...] = (
    Operation(
        "evidence", "GET", "/api/v1/evidence/{sha256}", "A body kept beside the log.",
        long_view(_evidence), media=TEXT, subject="evidence", tag="records",
    ),
    Operation(
        "refusals", "GET", "/api/v1/refusals", "The latest refused commands, newest first.",
        view(_refusals), tuple[RefusalEntry, ...], tag="records",
    ),
    Operation(
        "effects", "GET", "/api/v1/effects", "The latest requests to the world, newest first.",
        view(_effects), tuple[EffectLine, ...], tag="records",
    ),
    Operation(
        "policy", "GET", "/api/v1/policy", "The policy for incidents declared from now on.",
        view(_policy), CurrentPolicy, tag="records",
    ),
    Operation(
        "adapters", "GET", "/api/v1/adapters", "The adapters that are installed.",
        view(_adapters), tuple[AdapterLine, ...], tag="records",
    ),
    Operation(
        "audit", "GET", "/api/v1/audit", "Verify the whole log.", _audit, dict[str, Any],
        tag="records",
    ),
    Operation(
        "events", "GET", "/api/v1/events",
        "Follow the log as server-sent events, from now on or after a position.",
        _events, media="text/event-stream", headers=("Last-Event-ID",), tag="records",
        query=(
            Query("after", "integer", "the position to begin after; the log's end when left out"),
            Query("incident", "string", "only this incident, its halts and its plans"),
        ),
        problems=(404, 503),
    ),
)  # fmt: skip

RUNNING: tuple[Operation, ...] = (
    Operation(
        "whoami", "GET", "/api/v1/whoami", "Who the coordinator takes you for.",
        view(lambda call: {"principal": str(call.who)}), dict[str, str], tag="coordinator",
    ),
    Operation(
        "reload", "POST", "/api/v1/reload", "Read the documents again.", _reload, Adopted,
        m.Nothing, tag="coordinator", problems=(403,),
    ),
    Operation(
        "token-new", "POST", "/api/v1/tokens", "Issue a token; it is shown once.", _issue, Issued,
        m.NewToken, status=201, tag="coordinator", problems=(403, 404),
    ),
    Operation(
        "token-revoke", "DELETE", "/api/v1/tokens/{principal}", "Revoke all tokens of a principal.",
        _revoke, Revoked, m.Nothing, tag="coordinator", problems=(403,),
    ),
    Operation(
        "open", "POST", "/api/v1/console-link", "A link that opens the web console, once.",
        _console_link, ConsoleLink, m.NewConsoleLink, tag="coordinator", problems=(503,),
    ),
    Operation(
        "down", "POST", "/api/v1/down", "Stop the coordinator gracefully.", _down, Stopping,
        m.Nothing, status=202, tag="coordinator", problems=(403,),
    ),
    Operation(
        "healthz", "GET", "/healthz", "Whether the process answers.", _healthy, media=TEXT,
        tag="coordinator", open=True,
    ),
    Operation(
        "readyz", "GET", "/readyz", "Whether commands would be taken.", _ready, media=TEXT,
        tag="coordinator", open=True, problems=(503,),
    ),
    Operation(
        "metrics", "GET", "/metrics", "Metrics for Prometheus.", long_view(_metrics), media="text/plain",
        tag="coordinator", local=True,
    ),
)  # fmt: skip

COORDINATION = RECORDS + RUNNING
