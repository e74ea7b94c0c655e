"""What a stop of each service is made of. It follows from the service alone, so that of the fleets drawn for last is kept.

A plan of ten thousand services is drawn when it is shown, made and started; most of that is making its steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from allstop.domain.plan.events import Step
from allstop.domain.planning.node_steps import chain, rescues, stop_actions, stop_lacking
from allstop.domain.policy import Fleet, Service


@dataclass(frozen=True, slots=True)
class Offer:
    """actions: of its stop, in order, none where nothing can stop it; steps: these, one after another; rescues:
    what runs when one has failed, by `policy`; lacking: what the service does not offer, in words."""

    actions: tuple[str, ...]
    steps: tuple[Step, ...]
    rescues: tuple[Step, ...]
    policy: str
    lacking: tuple[str, ...]


# A fleet is immutable, so the same one offers the same.
_KEPT: list[tuple[Fleet, dict[str, Offer]]] = []
_KEPT_AT_MOST = 2


def offers_of(fleet: Fleet, services: Iterable[Service]) -> dict[str, Offer]:
    """What each of some services of a fleet offers for its stop, by name."""
    known = _known(fleet)
    found = {}
    for service in services:
        one = known.get(service.name)
        if one is None:
            one = known[service.name] = _offer(service)
        found[service.name] = one
    return found


def _known(fleet: Fleet) -> dict[str, Offer]:
    for known, found in _KEPT:
        if known is fleet:
            return found
    made: dict[str, Offer] = {}
    _KEPT.append((fleet, made))
    del _KEPT[:-_KEPT_AT_MOST]
    return made


def _offer(service: Service) -> Offer:
    actions, policy = stop_actions(service), service.failure_policy().value
    steps = chain(service, actions)
    return Offer(
        actions, tuple(steps), tuple(rescues(service, policy)), policy, stop_lacking(service)
    )
