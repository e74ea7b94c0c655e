"""Stopping and starting programs of supervisor: one process by its interface, several by its client."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from allstop.protocol.fleet_import.draft import Draft, Service
from allstop.protocol.fleet_import.ini import Section
from allstop.protocol.fleet_import.sources import Origin, may_stand
from allstop.protocol.fleet_import.spans import written

USUAL_STOP_MS = 10_000
_MARGIN_MS = 10_000
# supervisord kills by itself when its patience ends: who asks nicely must give up before that.
_EARLIER_MS = 1_000
_USUAL_SOCKET = "unix:///run/supervisor.sock"
_EXACT = re.compile(r"[^\s:*/]{1,200}:[^\s:*/]{1,200}")
_PORT = re.compile(r"(?:(?P<host>[A-Za-z0-9.-]{1,100}|\*):)?(?P<port>\d{1,5})")
# Of several processes: it says something, and of each that it is stopped.
_ALL_STOPPED = 'out=$("$@"); test -n "$out" && ! printf "%s\\n" "$out" | grep -qv " STOPPED "'


@dataclass(frozen=True, slots=True)
class Server:
    """How supervisord is reached. file: its configuration; user: empty where it asks for none."""

    url: str
    user: str
    file: str
    origins: tuple[Origin, ...] = ()
    assumed: str = ""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a program may take to stop and to start, None where nothing is said, and where that stands;
    named_at: where the names of its processes come from."""

    stop: int | None
    start: int | None
    stop_at: tuple[Origin, ...]
    start_at: tuple[Origin, ...]
    named_at: tuple[Origin, ...] = ()


def servers(found: list[Section]) -> list[Server]:
    """The servers that sections describe, the Unix socket of a file before its HTTP port."""
    sockets = [_server(one, "file", "unix://") for one in found if one.name == "unix_http_server"]
    ports = [_server(one, "port", "http://") for one in found if one.name == "inet_http_server"]
    return [one for one in (*sockets, *ports) if one is not None]


def _server(section: Section, key: str, scheme: str) -> Server | None:
    entry = section.last(key)
    if entry is None:
        return None
    url = _url(scheme, entry.value)
    if url is None:
        section.leave(entry, "not an address that can be used")
        return None
    section.use(entry)
    user = section.last("username")
    origins = [Origin(section.ledger.name, entry.first)]
    if user is not None and may_stand(user.value):
        origins.append(Origin(section.ledger.name, user.first))
        section.use(user)
    name = user.value if user is not None and may_stand(user.value) else ""
    return Server(url, name, section.ledger.name, tuple(origins))


def _url(scheme: str, text: str) -> str | None:
    if "%(" in text or not may_stand(text) or re.search(r"\s", text):
        return None
    if scheme == "unix://":
        return f"{scheme}{text}" if text.startswith("/") and not text.startswith("//") else None
    match = _PORT.fullmatch(text)
    if not match or not 1 <= int(match["port"]) <= 65_535:
        return None
    host = match["host"] if match["host"] not in (None, "*", "0.0.0.0") else "127.0.0.1"  # noqa: S104 (nothing is bound here)
    return f"{scheme}{host}:{match['port']}"


def server_for(known: list[Server], file: str) -> Server:
    """The server of a file's programs: its own, else the first one there is, else the usual one."""
    own = next((one for one in known if one.file == file), None)
    usual = Server(_USUAL_SOCKET, "", file, (), "the usual socket")
    return own or next(iter(known), usual)


def place_actions(
    draft: Draft, service: Service, server: Server, called: list[str], waits: Waits
) -> None:
    """called: the exact names of its processes, or one with a wildcard."""
    if len(called) == 1 and _EXACT.fullmatch(called[0]) and may_stand(called[0]):
        _by_interface(draft, service, server, called[0], waits)
    else:
        _by_client(draft, service, server.file, called, waits)


def _by_interface(
    draft: Draft, service: Service, server: Server, process: str, waits: Waits
) -> None:
    options: dict[str, Any] = {"url": server.url, "process": process}
    why = server.assumed
    if server.user:
        options |= {"user": server.user, "password_file": "/etc/allstop/supervisor-password"}
        why = "a file with the password, which is not copied"
    origins = [service.origin, *server.origins, *waits.named_at]
    patience = waits.stop or USUAL_STOP_MS
    grace = {"grace": max(0, patience - _EARLIER_MS)} if waits.stop else {}
    for action, limit, more, at in (
        ("stop", patience + _MARGIN_MS, grace, waits.stop_at), ("kill", 20_000, {}, ()),
        ("start", (waits.start or USUAL_STOP_MS) + 2 * _MARGIN_MS, {}, waits.start_at),
    ):  # fmt: skip
        value = {
            "adapter": "supervisor", "verb": action, "timeout": written(limit),
            "options": {**options, **more},
        }  # fmt: skip
        service.put(("actions", action), value, [*origins, *at], why)
    running = {"adapter": "supervisor", "timeout": "3s", "options": options}
    stopped = {
        "adapter": "supervisor",
        "timeout": "3s",
        "options": {**options, "expect": "stopped"},
    }
    name = draft.probe_name(service, "running")
    service.put(("probes", name), running, origins, why)
    service.put(("verify", "stopped"), stopped, origins, why or "supervisord itself says so")
    service.put(("verify", "started"), running, origins, why or "supervisord itself says so")


def _by_client(draft: Draft, service: Service, file: str, called: list[str], waits: Waits) -> None:
    """Several processes of one program: the interface takes one at a time, its client takes them together."""
    why, origins = "supervisorctl is here", [service.origin, *waits.named_at]
    control = ["supervisorctl", "-c", file]
    for action, limit, at in (
        ("stop", (waits.stop or USUAL_STOP_MS) + _MARGIN_MS, waits.stop_at),
        ("start", (waits.start or USUAL_STOP_MS) + 2 * _MARGIN_MS, waits.start_at),
    ):  # fmt: skip
        value = {
            "adapter": "command", "verb": "ensure", "timeout": written(limit),
            "options": {"argv": [*control, action, *called]},
        }  # fmt: skip
        service.put(("actions", action), value, [*origins, *at], why)
    status = [*control, "status", *called]
    running = {
        "adapter": "command", "timeout": "10s",
        "options": {"argv": status, "expect_output": "RUNNING"},
    }  # fmt: skip
    stopped = {
        "adapter": "command", "timeout": "10s",
        "options": {"argv": ["sh", "-c", _ALL_STOPPED, "sh", *status]},
    }  # fmt: skip
    service.put(("probes", draft.probe_name(service, "running")), running, origins, why)
    service.put(("verify", "stopped"), stopped, origins, why)
    service.put(("verify", "started"), running, origins, why)
