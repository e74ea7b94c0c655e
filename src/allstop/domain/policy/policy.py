"""The compiled whole, and the book of policies that running incidents are pinned to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

from allstop.domain.policy.fleet import Fleet
from allstop.domain.policy.playbook import Playbook
from allstop.domain.policy.protocol import Protocol
from allstop.domain.policy.roster import Roster


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything the core may consult."""

    protocol: Protocol
    fleet: Fleet
    roster: Roster
    playbooks: tuple[Playbook, ...] = ()

    def playbook(self, name: str) -> Playbook | None:
        return next((one for one in self.playbooks if one.name == name), None)


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """current: digest of the policy new incidents are declared under; bodies: policy by digest."""

    current: str
    bodies: Mapping[str, Policy]

    @property
    def latest(self) -> Policy:
        return self.bodies[self.current]

    def pinned(self, digest: str) -> Policy:
        """The policy with that digest. Raises KeyError when it was never stored."""
        return self.bodies[digest]
