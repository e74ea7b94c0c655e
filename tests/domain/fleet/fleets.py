"""Fleets for tests: a few services by hand, or random graphs of any size."""

from __future__ import annotations

from random import Random
from typing import Any

from allstop.domain.fleet.ordering import CATEGORIES
from allstop.domain.policy import (
    ActionSpec,
    Dependency,
    DependencyKind,
    Fleet,
    OnFailure,
    ProbeSpec,
    Service,
)

HARD, SOFT, STARTUP = DependencyKind.HARD, DependencyKind.SOFT, DependencyKind.STARTUP


def acts(*names: str) -> dict[str, ActionSpec]:
    """Actions of the scripted adapter; each says what it is done to."""
    return {name: ActionSpec("script", name, {"percent": "{percent}"} if name == "scale" else {}, 5000) for name in names}  # fmt: skip


def looks(service: str, *names: str) -> dict[str, ProbeSpec]:
    return {name: ProbeSpec(f"{service}/{name}", service, "script", {}, 1000, 1, 1) for name in names}  # fmt: skip


def service(name: str, needs: dict[str, DependencyKind] | None = None, **more: Any) -> Service:
    """A stateless service that can be stopped, killed, started and cut off."""
    actions = more.pop("actions", acts("stop", "kill", "start", "isolate", "reopen"))
    verify = more.pop("verify", looks(name, "stopped", "started", "isolated", "open"))
    kept = {
        "category": "internal", "importance": 50, "protected": False, "stateful": False, "diagnose": {},
        "probes": (), **more,
    }  # fmt: skip
    depends = tuple(Dependency(to, kind) for to, kind in (needs or {}).items())
    return Service(name, name, depends=depends, actions=actions, verify=verify, **kept)


def stateful(name: str, needs: dict[str, DependencyKind] | None = None, **more: Any) -> Service:
    """A service with data, and everything that keeps it whole."""
    wanted = (
        "quiesce", "unquiesce", "drain", "undrain", "fence", "unfence", "flush", "snapshot", "verify-snapshot",
        "stop", "start", "isolate", "reopen",
    )  # fmt: skip
    proofs = ("quiesced", "drained", "fenced", "snapshot", "stopped", "started", "isolated", "open")
    kept = {"stateful": True, "actions": acts(*wanted), "verify": looks(name, *proofs), **more}
    return service(name, needs, **kept)


def random_fleet(seed: int, size: int, *, cycles: bool = False) -> Fleet:
    """A random graph: mostly towards earlier services; with `cycles`, some edges back."""
    dice = Random(seed)
    services = []
    for at in range(size):
        needs: dict[str, DependencyKind] = {}
        for _ in range(dice.choice((0, 1, 2, 3)) if at else 0):
            needs[f"s{dice.randrange(max(0, at - 40), at)}"] = dice.choice((HARD, HARD, HARD, SOFT, STARTUP))  # fmt: skip
        if cycles and at + 1 < size and dice.random() < 0.1:
            needs[f"s{dice.randrange(at + 1, size)}"] = dice.choice((HARD, SOFT))
        kind = stateful if dice.random() < 0.3 else service
        services.append(
            kind(
                f"s{at}", needs, category=dice.choice(CATEGORIES), importance=dice.randint(1, 100),
                on_failure=dice.choice((None, None, OnFailure.FORCE, OnFailure.ISOLATE, OnFailure.HOLD)),
            )
        )  # fmt: skip
    return Fleet(tuple(services))
