"""The actuator and the probe `container` under their contracts, on a real Podman."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.container.actuator import Container
from allstop.adapters.container.probe import ContainerProbe
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import loopback, podmans
from tests.adapters.podmans import Podman

BEFORE = {
    "stop": "running",
    "kill": "running",
    "start": "exited",
    "restart": "running",
    "pause": "running",
    "unpause": "paused",
    "halt-db": "running",
    "go-db": "exited",
    "read": "running",
}


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """Containers that are brought back to where they were for each test."""
    with podmans.running() as engine:
        for name in BEFORE:
            project, _, service = name.partition("-")
            label = "com.docker.compose"
            labels = {f"{label}.project": project, f"{label}.service": service} if service else {}
            engine.run(name, labels=labels)
        yield engine


async def elsewhere(stack: AsyncExitStack, folder: Path) -> list[str]:
    """Sockets of engines that are silent, speak nonsense, or are not there."""
    handlers = (loopback.hangs, *podmans.NONSENSE)
    for number, handler in enumerate(handlers):
        await stack.enter_async_context(podmans.lying(folder / str(number), handler))
    return [str(folder / str(number)) for number in range(len(handlers) + 1)]


class TestContainer(ActuatorContract):
    @pytest.fixture
    async def case(self, podman: Podman, tmp_path: Path) -> AsyncIterator[ActuatorCase]:
        for name, status in BEFORE.items():
            podman.bring(name, status)
        began = podman.state("restart")["StartedAt"]
        place: dict[str, Any] = {"socket": podman.socket}
        state = {"state_file": str(tmp_path / "orders.json")}

        def verb(name: str, reached: str) -> VerbCase:
            options = {**place, **state, "container": name}
            if name in ("stop", "start"):
                options["settle"] = 50
            return VerbCase(name, options, lambda: podman.status(name), reached, fenced=True)

        def project(name: str, reached: str) -> VerbCase:
            word, one = ("halt", "halt-db") if name == "stop-project" else ("go", "go-db")
            options = {**place, **state, "project": word, "settle": 50}
            return VerbCase(name, options, lambda: podman.status(one), reached, fenced=True)

        read = {**place, "container": "read"}
        async with AsyncExitStack() as stack:
            stop = {**place, **state, "container": "stop"}
            yield ActuatorCase(
                Container(),
                (
                    verb("stop", "exited"),
                    verb("kill", "exited"),
                    verb("start", "running"),
                    VerbCase(
                        "restart", {**place, **state, "container": "restart", "settle": 50},
                        lambda: podman.state("restart")["StartedAt"] != began, reached=True,
                        fenced=True,
                    ),
                    verb("pause", "paused"),
                    verb("unpause", "running"),
                    project("stop-project", "exited"),
                    project("start-project", "running"),
                    VerbCase("logs", read, lambda: podman.status("read"), "running"),
                    VerbCase("inspect", read, lambda: podman.status("read"), "running"),
                ),
                trouble=(
                    *(
                        ("stop", {**stop, "socket": socket})
                        for socket in await elsewhere(stack, podman.folder)
                    ),
                    ("stop-project", {**place, **state, "project": "nobody"}),
                    ("stop-project", {**place, **state, "project": "hal"}),
                    ("kill", {**stop, "container": "sto"}),
                    ("stop", {**stop, "state_file": str(tmp_path / "none" / "orders.json")}),
                ),
            )  # fmt: skip


class TestContainerProbe(ProbeContract):
    @pytest.fixture
    async def case(self, podman: Podman) -> AsyncIterator[ProbeCase]:
        podman.bring("read", "running")
        good = {"socket": podman.socket, "container": "read"}
        async with AsyncExitStack() as stack:
            silent, *garbage, absent = await elsewhere(stack, podman.folder)
            yield ProbeCase(
                ContainerProbe(),
                good=good,
                bad={**good, "expect": "exited"},
                silent={**good, "socket": silent},
                garbage=tuple({**good, "socket": one} for one in garbage),
                absent={**good, "socket": absent},
                impossible={**good, "socket": "not/a/whole/path"},
                look=lambda: podman.state("read"),
            )
