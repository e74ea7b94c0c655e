"""The operations for hosts: the standing order, and what each host says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from allstop.application.command_post import refused
from allstop.application.hosts import Acknowledged, Enrolled, HostLine, Hosts
from allstop.domain.halt import host_commands as c
from allstop.domain.verdict import Verdict
from allstop.errors import Unavailable
from allstop.faces.http import models_hosts as m
from allstop.faces.http.guards import RECOGNISE
from allstop.faces.http.operation import Call, Operation, Query
from allstop.faces.http.order_stream import Follower, OrderStream

ORDERS = "/api/v1/orders"
HOSTS = "/api/v1/hosts"
LONGEST_WAIT_S = 60


@dataclass(frozen=True, slots=True)
class Envelope:
    """order: the canonical JSON that was signed, as a text; key: name of the key; signature: Ed25519 in hexadecimal."""

    order: str
    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class OrderKey:
    """public: Ed25519 in hexadecimal; key: the first 16 hexadecimal digits of its SHA-256."""

    key: str
    public: str


@dataclass(frozen=True, slots=True)
class OrderKeys:
    """What a host pins to accept orders. Release keys are never told here: people bring them."""

    keys: tuple[OrderKey, ...]


@dataclass(frozen=True, slots=True)
class Acked:
    """seq: number of the order of the moment; questions: answers of agents on the host, to be compared with what it
    sees, and told as `checked` the next time."""

    seq: int
    questions: tuple[c.Question, ...] = ()


def _hosts(call: Call) -> Hosts:
    if call.coordinator.hosts is None:
        raise Unavailable("this coordinator signs no orders")
    if call.who.host:
        call.coordinator.hosts.heard(call.who.host)
    return call.coordinator.hosts


def _only_hosts(call: Call) -> None:
    """An order says of private incidents too what stands, and it cannot be cut without breaking its signature."""
    if not call.who.host:
        raise refused(
            Verdict.no(
                "hosts-only", f"orders are for hosts, and {call.who} is none",
                "allstop hosts enrol NAME gives a host its token",
            )
        )  # fmt: skip


async def _order(call: Call) -> Response:
    _only_hosts(call)
    orders = _hosts(call).orders
    wait_ms = min(call.query.get("wait", 0), LONGEST_WAIT_S) * 1000
    issued = await orders.later_than(call.query.get("after", 0), wait_ms)
    return Response(issued.envelope, media_type="application/json")


async def _stream(call: Call) -> Response:
    _only_hosts(call)
    hosts = _hosts(call)
    call.face.followers.check()
    if call.face.streams.stopping:
        raise Unavailable("the coordinator is stopping", "come back in a moment")
    if call.http.method == "HEAD":
        return Response(media_type="text/event-stream")
    follower = Follower(call.http.scope["state"][RECOGNISE], hosts.following(call.who.host))
    return OrderStream(hosts.orders, call.face.streams, call.face.followers, follower)


async def _keys(call: Call) -> OrderKeys:
    orders = _hosts(call).orders
    return OrderKeys((OrderKey(orders.issuer, orders.public),))


async def _list(call: Call) -> tuple[HostLine, ...]:
    return _hosts(call).lines()


async def _enrol(call: Call) -> Enrolled:
    body: m.NewHost = call.body
    return await _hosts(call).enrol(body.host, call.request)


async def _acknowledge(call: Call) -> Acked:
    body: m.Acknowledgement = call.body
    said = Acknowledged(
        body.seq,
        tuple(c.RefusedOrder(one.seq, one.code, one.because) for one in body.refused),
        tuple(c.FrozenAgent(one.agent, one.processes, one.evidence) for one in body.frozen),
        tuple(
            c.CheckedAgent(one.agent, one.halt, one.agrees, one.evidence) for one in body.checked
        ),
        body.agents,
    )  # fmt: skip
    hosts, host = _hosts(call), call.path["host"]
    return Acked(await hosts.acknowledge(host, said, call.request), hosts.questions(host))


def _for_hosts(
    id: str, method: str, path: str, summary: str, handler: Any, answer: Any = None, **more: Any
) -> Operation:
    return Operation(
        id, method, path, summary, handler, answer, tag="hosts", for_hosts=True,
        problems=(403, 503), **more,
    )  # fmt: skip


HOST_OPERATIONS: tuple[Operation, ...] = (
    _for_hosts(
        "orders", "GET", ORDERS,
        "The standing order of the moment; waits for one with a higher number, when asked to.",
        _order, Envelope,
        query=(
            Query("after", "integer", "wait while the number is not higher than this"),
            Query("wait", "integer", "for how many seconds, at most 60; not at all when left out"),
        ),
    ),
    _for_hosts(
        "orders-stream", "GET", f"{ORDERS}/stream",
        "Follow the standing orders as server-sent events: first what stands now, then each as it is signed.",
        _stream, media="text/event-stream", headers=("Last-Event-ID",),
    ),
    _for_hosts(
        "orders-keys", "GET", f"{ORDERS}/keys", "The public keys that sign orders, for hosts to pin.",
        _keys, OrderKeys,
    ),
    _for_hosts(
        "hosts-ack", "POST", f"{HOSTS}/{{host}}/acks",
        "What a host has accepted, refused, frozen and seen; also the sign that it is there.",
        _acknowledge, Acked, body=m.Acknowledgement, subject="host",
    ),
    Operation(
        "hosts", "GET", HOSTS, "The hosts that follow orders, and how far each has come.",
        _list, tuple[HostLine, ...], tag="hosts", problems=(503,),
    ),
    Operation(
        "hosts-enrol", "POST", HOSTS, "Enrol a host; its token is shown once.", _enrol, Enrolled,
        m.NewHost, status=201, tag="hosts", problems=(403, 503),
    ),
)  # fmt: skip
