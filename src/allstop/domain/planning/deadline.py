"""A deadline that forces: until when each service of a stop may take its time, and who is killed then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from allstop.domain.fleet.estimating import Estimate
from allstop.domain.fleet.expected import Durations, all_expected_ms
from allstop.domain.fleet.ordering import Ordering
from allstop.domain.planning.node_steps import SAFELY, rescues
from allstop.domain.policy import OnFailure, Service


@dataclass(frozen=True, slots=True)
class Deadline:
    """force_ms: when a service is killed if it has not ended by then, from the start of the plan, 0 for never;
    forced: those that are expected to be; late: those that will not have ended, and that nothing may force."""

    force_ms: Mapping[str, int]
    forced: tuple[str, ...] = ()
    late: tuple[str, ...] = ()


NONE = Deadline({})


def may_be_forced(service: Service) -> bool:
    """Whether a kill of it that is proven is what its policy wants; never of what is protected."""
    if service.protected or service.failure_policy() is not OnFailure.FORCE:
        return False
    return bool(rescues(service, OnFailure.FORCE.value))


def deadline_of(
    order: Ordering, services: Mapping[str, Service], learned: Durations, whole: Estimate, by_ms: int
) -> Deadline:  # fmt: skip
    """Counted back from the deadline: whoever goes later needs time as well, if only to be killed.

    by_ms: from the start of the plan; 0 for no deadline. How much may go at once is left out: a kill does
    not wait for room.
    """
    if by_ms <= 0:
        return NONE
    forceable = {name for name in order.names if may_be_forced(services[name])}
    least = _least(services, learned, forceable)
    rest = _rest_after(order, least)
    kill = {name: all_expected_ms(learned, services[name], ("kill",)) for name in forceable}
    # One millisecond at least: 0 stands for never.
    force = {name: max(1, by_ms - rest[name] - kill[name]) for name in sorted(forceable)}
    return Deadline(
        force,
        tuple(name for name in order.names if name in force and whole.ends_ms[name] > force[name]),
        tuple(name for name in order.names if name not in force and whole.ends_ms[name] > by_ms),
    )


def _least(
    services: Mapping[str, Service], learned: Durations, forceable: set[str]
) -> Callable[[str], int]:
    """What a service takes at least: a kill, behind what keeps its data safe; else all of its stop."""

    def least(name: str) -> int:
        service = services[name]
        wanted = [*SAFELY, "stop"] if service.stateful else ["stop"]
        if name in forceable:
            wanted[-1] = "kill"
        offered = [action for action in wanted if action in service.actions]
        return all_expected_ms(learned, service, offered)

    return least


def _rest_after(order: Ordering, least: Callable[[str], int]) -> dict[str, int]:
    """How long the longest way behind each takes at least."""
    rest = dict.fromkeys(order.names, 0)
    for name in reversed(order.sequence):
        needed = rest[name] + least(name)
        for earlier in order.before[name]:
            rest[earlier] = max(rest[earlier], needed)
    return rest
