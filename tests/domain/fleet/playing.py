"""Playbooks for tests: built step by step, played on the scripted fleet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import MissPhase, SettleStep
from allstop.domain.plan.state import Plan
from allstop.domain.policy import (
    Audience,
    EmergencyKind,
    Fleet,
    Playbook,
    PlaybookPhase,
    PlaybookStep,
    PlayedService,
    PlaySort,
    Policy,
    PolicyBook,
    Span,
)
from allstop.domain.principal import TIMEKEEPER
from tests.domain.builders import ADA, BEN, EVE, MINUTE, START
from tests.domain.fleet.fleets import HARD, service, stateful
from tests.domain.fleet.ground import Ground, command_policy

SHOP = Fleet((service("web", {"db": HARD}), stateful("db"), service("mail")))
DAY = 24 * 60 * MINUTE


def step(id: str, sort: PlaySort, what: str, *on: str, **more: Any) -> PlaybookStep:
    return PlaybookStep(id, more.pop("title", id), sort, what, on, **more)


def isolate(id: str, *on: str, **more: Any) -> PlaybookStep:
    return step(id, PlaySort.PLAN, "isolate", *on, **more)


def recover(id: str, *on: str, **more: Any) -> PlaybookStep:
    return step(id, PlaySort.PLAN, "recover", *on, **more)


def task(id: str, **more: Any) -> PlaybookStep:
    return step(id, PlaySort.TASK, f"please {id}", **more)


def tell(id: str, audience: str = "responders", **more: Any) -> PlaybookStep:
    return step(id, PlaySort.TELL, audience, **more)


def owe(id: str, **more: Any) -> PlaybookStep:
    return step(id, PlaySort.OWE, f"{id} is owed", within=Span(3 * DAY), **more)


def phase(name: str, begins: int, within: int, *steps: PlaybookStep, **more: Any) -> PlaybookPhase:
    """begins, within: in minutes."""
    return PlaybookPhase(name, name.title(), begins * MINUTE, within * MINUTE, steps, **more)


def book(*phases: PlaybookPhase, name: str = "the-book", **more: Any) -> Playbook:
    services = tuple(PlayedService(each, each, targets) for each, targets in more.pop("services", {}).items())  # fmt: skip
    return Playbook(name, name.title(), phases, services, **more)


def with_books(*books: Playbook, fleet: Fleet = SHOP, kinds: tuple[str, ...] = ()) -> Policy:
    """The test protocol with kinds of emergency and an audience without a channel, and these playbooks."""
    base = command_policy(fleet)
    known = tuple(EmergencyKind(kind, kind) for kind in kinds)
    protocol = replace(
        base.protocol,
        activation=replace(base.protocol.activation, kinds=known),
        audiences=(*base.protocol.audiences, Audience("deaf", "Deaf", ())),
    )
    return replace(base, protocol=protocol, playbooks=books)


def stage(policy: Policy) -> Ground:
    """An incident that eve has declared and ada commands."""
    ground = Ground(policy.fleet)
    ground.book = PolicyBook("p1", {"p1": policy})
    return ground.declared()


def play(*phases: PlaybookPhase, **more: Any) -> tuple[Ground, Plan]:
    """A playbook of these phases, made, approved and started; what is under way has ended."""
    ground = stage(with_books(book(*phases, **more)))
    ground.drawn(Asked("playbook", playbook="the-book"))
    return ground, ground.run("PLAN-1")


def settle(ground: Ground, id: str, *, happened: bool = True, who: Any = ADA) -> Plan:
    ground.do(SettleStep("PLAN-1", id, happened, "I looked"), who)
    return ground.go_on("PLAN-1")


def miss(ground: Ground, name: str) -> Ground:
    return ground.do(MissPhase("PLAN-1", name), TIMEKEEPER)


def kinds(ground: Ground) -> list[str]:
    return [record.kind for record in ground.records]


__all__ = ["ADA", "BEN", "EVE", "START"]
