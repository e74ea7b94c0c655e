"""What a decision writes: entries drafted one by one, each already folded into the world it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.policy import Policy, PolicyBook
from allstop.domain.principal import Kind, Principal
from allstop.domain.record import Record, incident_stream
from allstop.domain.registry import kind_of, schema_of
from allstop.domain.verdict import Reason, Verdict, nearest
from allstop.domain.world import World, evolve


class Refuse(Exception):
    """Leaves a decision with a negative verdict; only `decide` catches it."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


@dataclass(slots=True)
class Draft:
    """The working paper of one decision; thrown away whole when it is refused.

    result: what the caller is told, small scalars by name.
    """

    world: World
    book: PolicyBook
    now: Now
    who: Principal
    cause: str
    records: list[Record] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)

    def emit(self, stream: str, event: Any) -> None:
        """Add an entry, and fold it into `world`."""
        record = Record(
            0, stream, self.world.versions.get(stream, 0) + 1, kind_of(event), schema_of(event),
            self.now.utc, str(self.who), self.cause, event,
        )  # fmt: skip
        self.records.append(record)
        self.world = evolve(self.world, record)

    def on_incident(self, incident: str, event: Any) -> None:
        self.emit(incident_stream(incident), event)

    def incident(self, id: str, *, must_be_open: bool = True) -> Incident:
        """The incident as drafted so far. Refuses an unknown one, and a closed one unless told otherwise."""
        incident = self.world.incidents.get(id)
        if incident is None:
            known = self.world.incidents
            refuse(
                "unknown-incident",
                f"there is no incident {id}",
                nearest(id, known) or "none was declared yet",
            )
        if must_be_open and not incident.is_open:
            refuse(
                "stood-down",
                f"{id} was stood down",
                "declare a new incident, or read this one with `allstop show`",
            )
        return incident

    def policy(self, incident: Incident) -> Policy:
        """The policy the incident is pinned to."""
        return self.book.pinned(incident.policy)

    def require(self, verdict: Verdict) -> None:
        """Refuse unless the verdict allows."""
        if not verdict.allowed:
            raise Refuse(verdict)

    def only_people(self, what: str) -> None:
        """Refuse whoever is no person. what: `drops a task`, `may sign`."""
        if self.who.kind is not Kind.PERSON:
            refuse("human-only", f"only a person {what}, and {self.who} is none")


# What a module of `deciding` offers: a rule by command.
Rules = dict[type, Callable[[Draft, Any], None]]


def refuse(code: str, text: str, hint: str = "") -> NoReturn:
    """Refuse with one reason."""
    raise Refuse(Verdict((Reason(code, text, hint),)))
