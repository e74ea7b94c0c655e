"""The actuator and the probe `haproxy` under their contracts, on a real HAProxy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from allstop.adapters.haproxy.actuator import HAProxy
from allstop.adapters.haproxy.probe import HAProxyProbe
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import haproxies
from tests.adapters.worlds import Blobs, effect

FARM = """
frontend shop
  bind 127.0.0.1:{port}
  default_backend be
frontend closing
  bind unix@{folder}/closing
frontend opening
  bind unix@{folder}/opening
backend be
  server drain 127.0.0.1:9 weight 100
  server undrain 127.0.0.1:9 weight 100
  server maint 127.0.0.1:9 weight 100
  server ready 127.0.0.1:9 weight 100
  server weight 127.0.0.1:9 weight 100
  server unweight 127.0.0.1:9 weight 80
  server rest 127.0.0.1:9 weight 100
backend single
  server only 127.0.0.1:9
"""

# Silence, an answer without end, hanging up, no sense, half an answer.
LIES: tuple[haproxies.Answer | None, ...] = (
    None,
    haproxies.floods,
    b"",
    b"\x00\xff garbage\n\n",
    b"# pxname,svn",
)


class TestHAProxy(ActuatorContract):
    @pytest.fixture
    async def case(self) -> AsyncIterator[ActuatorCase]:
        async with AsyncExitStack() as stack:
            world = stack.enter_context(haproxies.running(FARM))
            world.order("set server be/undrain state drain")
            world.order("set server be/ready state maint")
            world.order("disable frontend opening")
            lighter = {"socket": world.admin, "server": "be/unweight", "percent": 50}
            await HAProxy().act(effect("weight", lighter, epoch=1), Blobs())
            silent, endless, *liars = [
                await stack.enter_async_context(haproxies.lying(haproxies.always(says)))
                for says in LIES
            ]
            yield self.world(world, (silent, endless), liars)

    def world(
        self, world: haproxies.World, slow: tuple[str, ...], liars: list[str]
    ) -> ActuatorCase:
        def server(name: str, **more: Any) -> dict[str, Any]:
            return {"socket": world.admin, "server": f"be/{name}", **more}

        def state(name: str, reached: str, **more: Any) -> VerbCase:
            return VerbCase(
                name, server(name, **more), lambda: world.state(f"be/{name}"), reached, fenced=True
            )

        def weight(name: str, reached: int, **more: Any) -> VerbCase:
            return VerbCase(
                name, server(name, **more), lambda: world.weight(f"be/{name}"), reached, fenced=True
            )

        def frontend(verb: str, name: str, reached: str) -> VerbCase:
            options = {"socket": world.admin, "frontend": name}
            return VerbCase(verb, options, lambda: world.frontend(name), reached, fenced=True)

        verbs = tuple(verb.name for verb in HAProxy.info.verbs)
        wrong = {"percent": 50}
        return ActuatorCase(
            HAProxy(),
            (
                state("drain", "drain"),
                state("undrain", "ready"),
                state("maint", "maint"),
                state("ready", "ready"),
                weight("weight", 50, percent=50),
                weight("unweight", 80),
                frontend("close", "closing", "PAUSED"),
                frontend("open", "opening", "OPEN"),
            ),
            trouble=(
                *(("drain", self.aimed("drain", socket)) for socket in slow),
                *((verb, self.aimed(verb, socket)) for verb in verbs for socket in liars),
                *((verb, self.aimed(verb, str(world.folder / "none"))) for verb in verbs),
                ("drain", server("no-such-server")),
                ("undrain", server("no-such-server")),
                ("weight", server("no-such-server", **wrong)),
                ("close", {"socket": world.admin, "frontend": "be"}),
                ("maint", {"socket": world.admin, "server": "single/only"}),
                ("drain", {"socket": str(world.folder / "user.sock"), "server": "be/rest"}),
            ),
        )

    def aimed(self, verb: str, socket: str) -> dict[str, Any]:
        if verb in ("close", "open"):
            return {"socket": socket, "frontend": "shop"}
        share = {"percent": 50} if verb == "weight" else {}
        return {"socket": socket, "server": "be/a", **share}


class TestHAProxyProbe(ProbeContract):
    @pytest.fixture
    async def case(self) -> AsyncIterator[ProbeCase]:
        async with AsyncExitStack() as stack:
            world = stack.enter_context(haproxies.running(FARM))
            world.order("set server be/ready state maint")
            silent, *liars = [
                await stack.enter_async_context(haproxies.lying(haproxies.always(says)))
                for says in LIES
            ]
            ready = {"socket": world.admin, "expect": "ready"}
            yield ProbeCase(
                HAProxyProbe(),
                good={**ready, "server": "be/rest"},
                bad={**ready, "server": "be/ready"},
                silent={**ready, "server": "be/rest", "socket": silent},
                impossible={**ready, "server": "be/no-such-server"},
                absent={**ready, "server": "be/rest", "socket": str(world.folder / "none")},
                garbage=tuple({**ready, "server": "be/rest", "socket": liar} for liar in liars),
                look=lambda: world.ask("show servers state be"),
            )
