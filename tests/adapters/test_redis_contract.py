"""The actuator and the probe `redis` under their contracts, on real servers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.redis_server.actuator import Redis
from allstop.adapters.redis_server.probe import RedisProbe
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import loopback, redises
from tests.adapters.redises import Server
from tests.adapters.worlds import Blobs, effect

KEYS = 300


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    """Servers that are brought back to where they were for each test."""
    with ExitStack() as stack:
        names = ("quiesce", "unquiesce", "fence", "unfence")
        found = {name: stack.enter_context(redises.running()) for name in names}
        kept = ("--appendonly", "yes", "--appendfsync", "always")
        found["data"] = stack.enter_context(redises.running(*kept))
        found["data"].fill(KEYS)
        yield found


class TestRedis(ActuatorContract):
    @pytest.fixture
    async def case(self, servers: dict[str, Server], tmp_path: Path) -> AsyncIterator[ActuatorCase]:
        for server in servers.values():
            server.ask("CLIENT", "UNPAUSE")
            server.ask("CONFIG", "SET", "min-replicas-to-write", "0")
        servers["unquiesce"].ask("CLIENT", "PAUSE", "600000", "WRITE")
        async with AsyncExitStack() as stack:
            ending = stack.enter_context(redises.running())
            silent, *liars = [
                (await stack.enter_async_context(redises.lying(redises.always(says)))).port
                for says in (None, *redises.NONSENSE)
            ]
            case = self.world({**servers, "stop": ending}, silent, liars, tmp_path)
            unfence = next(one for one in case.verbs if one.verb == "unfence")
            await Redis().act(effect("fence", unfence.options, epoch=1), Blobs())
            proven = next(one for one in case.verbs if one.verb == "verify-snapshot")
            source = {name: proven.options[name] for name in ("host", "port", "folder")}
            await Redis().act(effect("snapshot", source), Blobs())
            yield case

    def world(
        self, servers: dict[str, Server], silent: int, liars: list[int], folder: Path
    ) -> ActuatorCase:
        state = {"state_file": str(folder / "orders.json")}
        taken, proven, empty = folder / "taken", folder / "proven", folder / "empty"
        for one in (taken, proven, empty):
            one.mkdir()

        def options(name: str, **more: Any) -> dict[str, Any]:
            return {"host": "127.0.0.1", "port": servers[name].port, **more}

        def writes(name: str, reached: str) -> VerbCase:
            look = servers[name].write
            return VerbCase(name, options(name, **state), look, reached, fenced=True)

        def proof() -> object:
            found = [json.loads(one.read_text()) for one in proven.glob("*.proof.json")]
            return [(one["proven"], one["loaded"]) for one in found]

        data = servers["data"]
        return ActuatorCase(
            Redis(),
            (
                writes("quiesce", "silent"),
                writes("unquiesce", "OK"),
                writes("fence", "-NOREPLICAS"),
                writes("unfence", "OK"),
                VerbCase("flush", options("data"), lambda: data.ask("DBSIZE"), str(KEYS)),
                VerbCase(
                    "snapshot",
                    options("data", folder=str(taken)),
                    lambda: len(list(taken.glob("*.rdb"))),
                    1,
                ),
                VerbCase(
                    "verify-snapshot", options("data", folder=str(proven)), proof, [(True, KEYS)]
                ),
                VerbCase(
                    "stop", options("stop", **state), lambda: servers["stop"].answers("PING"),
                    "gone", fenced=True,
                ),
            ),
            trouble=(
                *self.aimed(("fence", "snapshot"), silent, state, taken),
                *(
                    one
                    for port in liars
                    for one in self.aimed(("quiesce", "flush", "stop"), port, state, taken)
                ),
                *self.aimed(
                    ("quiesce", "unquiesce", "fence", "unfence", "flush", "snapshot", "stop"),
                    loopback.closed_port(),
                    state,
                    taken,
                ),
                ("fence", options("data", role="replica", **state)),
                ("snapshot", options("data", folder=str(folder / "none"))),
                ("verify-snapshot", options("data", folder=str(empty))),
                ("quiesce", options("data", state_file=str(folder / "none" / "orders.json"))),
            ),
        )  # fmt: skip

    def aimed(
        self, verbs: tuple[str, ...], port: int, state: dict[str, Any], folder: Path
    ) -> list[tuple[str, dict[str, Any]]]:
        more: dict[str, dict[str, Any]] = {"flush": {}, "snapshot": {"folder": str(folder)}}
        return [
            (verb, {"host": "127.0.0.1", "port": port, **more.get(verb, state)}) for verb in verbs
        ]


class TestRedisProbe(ProbeContract):
    @pytest.fixture
    async def case(self, servers: dict[str, Server], tmp_path: Path) -> AsyncIterator[ProbeCase]:
        data = servers["data"]
        async with AsyncExitStack() as stack:
            silent, *liars = [
                (await stack.enter_async_context(redises.lying(redises.always(says)))).port
                for says in (None, *redises.NONSENSE)
            ]
            good = {"host": "127.0.0.1", "port": data.port}
            yield ProbeCase(
                RedisProbe(),
                good=good,
                bad={**good, "role": "replica"},
                silent={**good, "port": silent},
                impossible={**good, "password_file": str(tmp_path / "none")},
                absent={**good, "port": loopback.closed_port()},
                garbage=tuple({**good, "port": port} for port in liars),
                look=lambda: (data.ask("DBSIZE"), data.info("master_repl_offset")),
            )
