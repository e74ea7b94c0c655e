"""The actuator and the probe `ssh` under their contracts, on a real sshd with the forced command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.ssh.actuator import Ssh
from allstop.adapters.ssh.probe import SshProbe
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import loopback, sshds
from tests.adapters.sshds import Sshd

NONSENSE = (b"", b"220 smtp ready\r\n" * 10, b"SSH-2.0-x\r\n" + b"\xff" * 5000)


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    with sshds.running() as server:
        (server.folder / "verbs").write_text(
            f"stop change /usr/bin/ln -sfn stopped {server.folder}/state\n"
            f"add change /usr/bin/mkdir {server.folder}/added\n"
            f"status look /usr/bin/test -d {server.folder}\n"
        )
        async with sshds.connections():
            yield server


async def elsewhere(stack: AsyncExitStack, base: dict[str, Any]) -> list[dict[str, Any]]:
    """The same options, aimed at what is silent, speaks nonsense, or is not there."""
    ports = [await stack.enter_async_context(sshds.saying(b"", then="hang"))]
    ports += [await stack.enter_async_context(sshds.saying(one)) for one in NONSENSE]
    return [{**base, "port": port} for port in (*ports, loopback.closed_port())]


class TestSsh(ActuatorContract):
    @pytest.fixture
    async def case(self, sshd: Sshd) -> AsyncIterator[ActuatorCase]:
        state, added = sshd.folder / "state", sshd.folder / "added"

        def target() -> str:
            return str(Path(state).readlink()) if state.is_symlink() else "running"

        async with AsyncExitStack() as stack:
            stop = sshd.forced("stop")
            yield ActuatorCase(
                Ssh(),
                (
                    VerbCase("ensure", stop, target, "stopped", fenced=True),
                    VerbCase("once", sshd.forced("add"), added.is_dir, reached=True, fenced=True),
                    VerbCase("read", sshd.forced("status"), sshd.folder.is_dir, reached=True),
                ),
                trouble=(
                    *(("ensure", one) for one in await elsewhere(stack, stop)),
                    ("once", sshd.options("sleep", "30")),
                    ("read", sshd.options("sleep", "30")),
                    ("ensure", sshd.forced("no-such-verb")),
                    ("ensure", {**stop, "key_file": str(sshd.folder / "none")}),
                ),
            )


class TestSshProbe(ProbeContract):
    @pytest.fixture
    async def case(self, sshd: Sshd) -> AsyncIterator[ProbeCase]:
        good = sshd.forced("status")
        async with AsyncExitStack() as stack:
            silent, *garbage, absent = await elsewhere(stack, good)
            yield ProbeCase(
                SshProbe(),
                good=good,
                bad={**good, "expect_output": "active"},
                silent=silent,
                garbage=tuple(garbage),
                absent=absent,
                impossible={**good, "key_file": str(sshd.folder / "none")},
                look=lambda: sorted(sshd.folder.iterdir()),
            )
