"""What hosts may wish in a story, and people of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from allstop.domain.halt import host_commands as c

if TYPE_CHECKING:
    from tests.properties.stories.wishes import Wish

NAMES = ("web-1", "web-2", "db-1")


def _host(y: Wish) -> str:
    return y.one(NAMES, "no such host")


def _agent(y: Wish) -> str:
    return y.one(y.world.agents, "ghost")


def _reached(y: Wish) -> c.RecordReached:
    every = tuple(y.world.halts)
    return c.RecordReached(
        tuple(
            c.Reach(_host(y), y.one((0, 1, 5, 40, 400)), (_agent(y),), every[-3:], every[:2])
            for _ in range(y.one((1, 2, 5)))
        )
    )


def _report(y: Wish) -> c.ReportHost:
    refused = c.RefusedOrder(y.one((0, 7)), y.one(("forged", "stale")), y.words())
    frozen = c.FrozenAgent(_agent(y), y.one((0, 3)), y.words())
    checked = c.CheckedAgent(_agent(y), y.halt(), y.is_so(), y.words())
    return c.ReportHost(_host(y), (refused,), (frozen,), (checked,))


HOST_WISHES: dict[type, Callable[[Any], Any]] = {
    c.EnrolHost: lambda y: c.EnrolHost(_host(y)),
    c.RecordReached: _reached,
    c.ReportHost: _report,
    c.LoseHost: lambda y: c.LoseHost(_host(y), 200_000),
}
