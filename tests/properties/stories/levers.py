"""Levers, breakers and circuits for the stories, and what anybody may wish of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from allstop.domain.plan import lever_commands as lc
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import CutShort
from allstop.domain.planning.degrading import pulled_levers
from allstop.domain.policy import Fleet, FleetBreaker, Lever

if TYPE_CHECKING:
    from tests.properties.stories.wishes import Wish

_MINUTE = 60_000
# In the words of the stage's adapter.
LEVER, PROTECTED, WATCHED = "payments:less", "gateway:less", "payments:payments"


def with_levers(fleet: Fleet) -> Fleet:
    """A lever at every service, and a breaker of one that is not protected."""
    services = []
    for one in fleet.services:
        pull, back = one.actions["isolate"], one.actions["reopen"]
        proof, undone = one.verify["isolated"], one.verify["open"]
        lever = Lever("less", "Less", "minor", pull, back, proof, undone, "60 %", 40 * _MINUTE)
        services.append(replace(one, levers=(lever,)))
    breaker = FleetBreaker("payments", "payments", "less", failures=2, open_ms=10 * _MINUTE)
    return replace(fleet, services=tuple(services), breakers=(breaker,))


def lever_asked(y: Wish) -> Asked:
    """Levers to pull or to take back: some there are, or nonsense."""
    names = (LEVER, PROTECTED, "search:less")
    pulled = tuple(pulled_levers(y.world))
    wanted = y.one(("degrade", "release"))
    known = pulled if wanted == "release" and pulled else names
    return Asked(
        wanted, levers=tuple(dict.fromkeys(y.one(known, "web:moon") for _ in range(y.one((1, 2)))))
    )


def _which(y: Wish) -> tuple[str, str]:
    found = tuple(pulled_levers(y.world).values())
    return y.one(found, ("moon", "less"))


def _extend(y: Wish) -> Any:
    name = ":".join(_which(y)) if y.is_so(0.8) else y.one(("less", "moon"))
    return lc.ExtendLever(name, y.one((30 * _MINUTE, 120 * _MINUTE, 0)), y.words())


def _force(y: Wish) -> Any:
    name = y.one((*y.world.circuits, WATCHED), "payments@moon")
    return lc.ForceCircuit(name, y.one(("open", "closed", "off"), "ajar"), y.words())


def _note(y: Wish) -> Any:
    state = y.one(("open", "half-open", "closed"))
    adapter = y.policy.fleet.services[0].actions["isolate"].adapter
    return lc.NoteCircuit(y.service() or "x", adapter, state, 5, "no answer", 5 * _MINUTE, f"incident/{y.incident()}")  # fmt: skip


LEVER_WISHES: dict[type, Callable[[Wish], Any]] = {
    lc.ExtendLever: _extend,
    lc.AskAboutLever: lambda y: lc.AskAboutLever(*_which(y)),
    lc.ExpireLever: lambda y: lc.ExpireLever(*_which(y)),
    lc.SayLeverOverdue: lambda y: lc.SayLeverOverdue(*_which(y)),
    lc.ForceCircuit: _force,
    lc.NoteCircuit: _note,
    lc.MoveBreaker: lambda y: lc.MoveBreaker(y.incident(), y.one((WATCHED,), "web:moon")),
    CutShort: lambda y: CutShort(y.plan()),
}
