"""What HAProxy says of its frontends, backends and servers, and who takes traffic."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from allstop.adapters.haproxy.runtime import Nonsense, Refused, Runtime
from allstop.adapters.mechanisms.text import one_line
from allstop.domain.policy.tables import Scalar

# Bits of srv_admin_state. 4 only remembers that the configuration began with it in maintenance.
MAINTENANCE, DRAIN = 0x01, 0x08
_REMEMBERED = 0x04
# Maintenance because of a server it tracks, of an address that is not known, of a name.
_OTHER_MAINTENANCE = 0x02 | 0x20 | 0x40
_OTHER_DRAIN = 0x10
_STARTING, _RUNNING = 1, 2
_FRONTEND, _BACKEND, _SERVER = "0", "1", "2"
_RESPONSES = ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other")


@dataclass(frozen=True, slots=True)
class Server:
    """One server of a backend.

    admin: bits of its administrative state; weight: now; initial: by the configuration; sessions:
    under way on it; queued: waiting for it alone; tracks: BACKEND/SERVER whose state it follows.
    """

    backend: str
    name: str
    operation: int
    admin: int
    weight: int
    initial: int
    status: str
    sessions: int
    queued: int
    tracks: str

    @property
    def path(self) -> str:
        return f"{self.backend}/{self.name}"

    @property
    def takes_traffic(self) -> bool:
        """Whether HAProxy would send it something new, as far as HAProxy knows."""
        ready = not self.admin & ~_REMEMBERED and self.operation in (_STARTING, _RUNNING)
        return ready and self.weight > 0

    @property
    def in_maintenance(self) -> bool:
        return bool(self.admin & (MAINTENANCE | _OTHER_MAINTENANCE))

    @property
    def drained(self) -> bool:
        """By an order; what it inherits from a server it tracks does not count."""
        return bool(self.admin & DRAIN)

    @property
    def takes_nothing_new(self) -> bool:
        """Because somebody wants it so, whether by an order, by a server it tracks, or by its weight."""
        return self.in_maintenance or bool(self.admin & (DRAIN | _OTHER_DRAIN)) or self.weight == 0

    @property
    def is_checked(self) -> bool:
        return self.status != "no check"

    @property
    def busy(self) -> int:
        return self.sessions + self.queued

    def facts(self) -> dict[str, Scalar]:
        return {
            "status": self.status,
            "sessions": self.sessions,
            "queued": self.queued,
            "weight": self.weight,
            "takes_traffic": self.takes_traffic,
        }


@dataclass(frozen=True, slots=True)
class Responses:
    """Answers counted since HAProxy began: all, and those with a status from 500 to 599."""

    whole: int
    errors: int


@dataclass(frozen=True, slots=True)
class Farm:
    """Everything, at one instant. rows: what `show stat` says, by (kind, proxy, name)."""

    servers: Mapping[str, Server]
    rows: Mapping[tuple[str, str, str], Mapping[str, str]]

    def server(self, path: str) -> Server:
        """The server BACKEND/SERVER. Raises Refused for one that does not exist."""
        found = self.servers.get(path)
        if found is None:
            backend, _, name = path.partition("/")
            known = [one.name for one in self.backend(backend)]
            raise Refused(
                one_line(f"no server {name} in backend {backend}, only {', '.join(known)}")
            )
        return found

    def backend(self, name: str) -> list[Server]:
        """The servers of a backend. Raises Refused when there is none of this name."""
        if (_BACKEND, name, "BACKEND") not in self.rows:
            raise Refused(f"no backend {name}")
        return [one for one in self.servers.values() if one.backend == name]

    def frontend(self, name: str) -> Mapping[str, str]:
        """What `show stat` says of a frontend. Raises Refused for one that does not exist."""
        found = self.rows.get((_FRONTEND, name, "FRONTEND"))
        if found is None:
            raise Refused(f"no frontend {name}")
        return found

    def responses(self, path: str) -> Responses | None:
        """What a backend, or a server of one, has answered; None where HAProxy does not count that.

        Raises Refused, Nonsense.
        """
        backend, _, name = path.partition("/")
        if name:
            row = self.rows[_SERVER, backend, self.server(path).name]
        else:
            self.backend(backend)
            row = self.rows[_BACKEND, backend, "BACKEND"]
        if any(not row.get(name) for name in _RESPONSES):
            return None  # mode tcp
        counts = {name: _number(row[name]) for name in _RESPONSES}
        return Responses(sum(counts.values()), counts["hrsp_5xx"])

    def following(self, path: str) -> set[str]:
        """The server and those that track it, over however many steps."""
        found = {path}
        while more := {one.path for one in self.servers.values() if one.tracks in found} - found:
            found |= more
        return found

    def left_without(self, path: str, *, alone: bool = False) -> str:
        """The first backend that would have nobody left to take traffic, or empty.

        alone: servers that track this one do not follow what is done to it.
        """
        gone = {path} if alone else self.following(path)
        serving = [one for one in self.servers.values() if one.takes_traffic]
        for backend in sorted({one.backend for one in serving if one.path in gone}):
            if not any(one.backend == backend and one.path not in gone for one in serving):
                return backend
        return ""

    def keep_somebody(self, path: str, *, alone: bool = False) -> None:
        """Raises Refused when a backend would have nobody left to take traffic."""
        backend = self.left_without(path, alone=alone)
        if backend:
            raise Refused(
                f"nobody would be left to take the traffic of backend {backend};"
                " the option last: true does it nevertheless"
            )


async def look(runtime: Runtime) -> Farm:
    """Everything as it is now. Raises Unreachable, Lost, Nonsense, Refused."""
    states = await runtime.ask("show servers state")
    stat = await runtime.ask("show stat -1 7 -1")
    rows = _stat_rows(stat)
    servers = {}
    for state in _state_rows(states):
        row = rows.get((_SERVER, state["be_name"], state["srv_name"]))
        if row is not None:  # one that was added or removed between the two questions
            one = _server(state, row)
            servers[one.path] = one
    return Farm(servers, rows)


def _server(state: Mapping[str, str], row: Mapping[str, str]) -> Server:
    return Server(
        state["be_name"],
        state["srv_name"],
        _number(state["srv_op_state"]),
        _number(state["srv_admin_state"]),
        _number(state["srv_uweight"]),
        _number(state["srv_iweight"]),
        one_line(row["status"], 60),
        _number(row["scur"]),
        _number(row["qcur"]),
        row.get("tracked", ""),
    )


def _state_rows(text: str) -> list[dict[str, str]]:
    """`show servers state`: a version, names behind `#`, one line a server."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or lines[0].strip() != "1" or not lines[1].startswith("# "):
        raise Nonsense(_said(text, "show servers state"))
    names = lines[1][2:].split()
    wanted = {
        "be_name",
        "srv_name",
        "srv_op_state",
        "srv_admin_state",
        "srv_uweight",
        "srv_iweight",
    }
    rows = [line.split() for line in lines[2:]]
    if not wanted <= set(names) or any(len(row) != len(names) for row in rows):
        raise Nonsense("the states of the servers make no sense")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _stat_rows(text: str) -> dict[tuple[str, str, str], dict[str, str]]:
    """`show stat`: CSV with names behind `#`; each line ends with a comma."""
    if not text.startswith("# "):
        raise Nonsense(_said(text, "show stat"))
    wanted = {"pxname", "svname", "type", "status", "scur", "qcur"}
    try:
        rows = list(csv.DictReader(io.StringIO(text[2:]), strict=True))
    except csv.Error as error:
        raise Nonsense(f"the statistics make no sense: {error}") from None
    if any(None in row or None in row.values() or not wanted <= row.keys() for row in rows):
        raise Nonsense("the statistics make no sense")
    return {(row["type"], row["pxname"], row["svname"]): row for row in rows}


def _said(text: str, command: str) -> str:
    first = next(iter(text.splitlines()), "")
    return one_line(f"{command} is answered with {first!r}", 120)


def _number(text: str) -> int:
    if text == "":
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Nonsense(one_line(f"{text!r} is no number", 80))
    return int(text)
