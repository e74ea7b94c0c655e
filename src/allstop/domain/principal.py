"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

HOST_PREFIX = "host:"


class Kind(StrEnum):
    """What sort of party a principal is; a person's approval never comes from another kind."""

    PERSON = "person"
    AGENT = "agent"
    SOURCE = "source"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated party: `person:ada`, `agent:builder-1`, `source:alertmanager`, `system:runner`.

    id: the roster entry's id (or the subsystem's name); via: how the identity was proven.
    """

    id: str
    kind: Kind
    via: str = "internal"

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}"

    @property
    def host(self) -> str:
        """The host this speaks for; empty for everybody else."""
        found = self.kind is Kind.SOURCE and self.id.startswith(HOST_PREFIX)
        return self.id.removeprefix(HOST_PREFIX) if found else ""


def host_principal(host: str) -> Principal:
    """A host that was enrolled: `source:host:web-1`."""
    return Principal(f"{HOST_PREFIX}{host}", Kind.SOURCE, "token")


TIMEKEEPER = Principal("timekeeper", Kind.SYSTEM)
RUNNER = Principal("runner", Kind.SYSTEM)
MONITOR = Principal("monitor", Kind.SYSTEM)
COORDINATOR = Principal("coordinator", Kind.SYSTEM)
HOSTS = Principal("hosts", Kind.SYSTEM)
