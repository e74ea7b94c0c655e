"""What lifting a halt takes."""

from __future__ import annotations

from collections.abc import Iterable

from allstop.domain.halt.state import Halt
from allstop.domain.policy import Policy, ReleaseRule


def asked_for(policy: Policy, severity: str) -> ReleaseRule:
    """What the protocol asks for at a severity; empty: for a halt of no incident."""
    rules = policy.protocol.all_stop.release
    return next((one for one in rules if one.severity == severity), ReleaseRule(severity))


def needed(policy: Policy, severity: str, halt: Halt) -> ReleaseRule:
    """What lifting this halt takes: as its incident is now, and never less than when it was ordered.

    A severity that is lowered makes no release easier. policy: the one the halt is pinned to.
    """
    now = asked_for(policy, severity)
    return ReleaseRule(severity, max(now.persons, halt.persons), max(now.keys, halt.keys))


def is_guarded(needs: ReleaseRule) -> bool:
    """Whether one person's word is not enough."""
    return needs.persons > 1 or needs.keys > 0


def missing(needs: ReleaseRule, people: Iterable[str], keys: Iterable[str]) -> str:
    """What a release still waits for, in words; empty when there is enough. people, keys: different ones."""
    persons = needs.persons - len(set(people))
    signed = len(set(keys))
    waits = []
    if persons > 0:
        waits.append("one more person" if persons == 1 else f"{persons} more people")
    if signed < needs.keys:
        waits.append(f"release keys ({signed} of {needs.keys} have signed)")
    return " and ".join(waits)
