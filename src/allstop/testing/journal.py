"""What really happened, written down outside the coordinator, where no crash can change it."""

from __future__ import annotations

from dataclasses import dataclass, field

from allstop.domain.effects import Effect


@dataclass(frozen=True, slots=True)
class Call:
    """The coordinator asked an adapter. how: act | observe; after: length of the log at that moment."""

    effect: Effect
    how: str
    incarnation: int
    after: int


@dataclass(frozen=True, slots=True)
class Deed:
    """Something took effect in the world because of an effect."""

    effect: Effect
    after: int


@dataclass(frozen=True, slots=True)
class Ran:
    """An agent began or ceased to work."""

    agent: str
    running: bool
    after: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A state of the world that proofs speak about changed: `payments/isolated` is now true."""

    name: str
    value: object
    after: int


@dataclass(frozen=True, slots=True)
class Ack:
    """A request was answered with yes. cause: its id, which stands in the entries it led to."""

    cause: str
    command: str
    after: int


@dataclass(slots=True)
class Journal:
    """All of it, in order. owed: effects that were under way at a crash and must be observed first."""

    calls: list[Call] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    ran: list[Ran] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    owed: set[str] = field(default_factory=set)
    unobserved: list[str] = field(default_factory=list)

    def called(self, call: Call) -> None:
        """Write a call down, and whether it came before the look that was owed."""
        self.calls.append(call)
        id = call.effect.id
        if id in self.owed:
            self.owed.discard(id)
            if call.how != "observe":
                self.unobserved.append(id)
