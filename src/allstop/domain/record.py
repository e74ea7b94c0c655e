"""An event as it stands in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

FLEET_STREAM = "fleet"
AGENTS_STREAM = "agents"
HOSTS_STREAM = "hosts"
LEDGER_STREAM = "ledger"
PROTOCOL_STREAM = "protocol"


def incident_stream(id: str) -> str:
    return f"incident/{id}"


def halt_stream(id: str) -> str:
    return f"halt/{id}"


def plan_stream(id: str) -> str:
    return f"plan/{id}"


@dataclass(frozen=True)
class Record:
    """One entry of the log.

    position: place in the whole log, from 1 (0 while it is only drafted); version: place in its
    stream, from 1; actor: `person:ada`; cause: id of the request or effect that led to it;
    prev and hash: hexadecimal SHA-256 links within the stream.
    """

    position: int
    stream: str
    version: int
    kind: str
    schema: int
    at: datetime
    actor: str
    cause: str
    event: Any
    prev: str = ""
    hash: str = ""
