"""Every built-in probe under the contract, against real servers and programs."""

from __future__ import annotations

import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from allstop.adapters.command_probe import CommandProbe
from allstop.adapters.http_probe import HttpProbe
from allstop.adapters.tcp_probe import TcpProbe
from allstop.testing.contracts.fitness import MARK
from allstop.testing.contracts.probe import ProbeCase, ProbeContract
from tests.adapters import loopback


class TestHttpProbe(ProbeContract):
    @pytest.fixture
    async def case(self) -> AsyncIterator[ProbeCase]:
        routes = {
            "/good": loopback.says(200, {"status": "ok", "load": 0.5}),
            "/bad": loopback.says(500, {"status": "on fire"}),
            "/hang": loopback.hangs,
            "/noise": loopback.no_http,
            "/page": loopback.says(200, b"<html>Sorry!</html>"),
            "/nan": loopback.says(200, b'{"status": NaN}'),
        }
        async with loopback.serving(routes) as world:
            wanted = {"expect_json": {"status": "ok"}}
            yield ProbeCase(
                HttpProbe(),
                good={"url": world.url("/good"), **wanted},
                bad={"url": world.url("/bad")},
                silent={"url": world.url("/hang")},
                impossible={"url": "gopher://127.0.0.1/"},
                absent={"url": f"http://127.0.0.1:{loopback.closed_port()}/"},
                garbage=(
                    {"url": world.url("/noise")},
                    {"url": world.url("/page"), **wanted},
                    {"url": world.url("/nan"), **wanted},
                ),
            )


class TestTcpProbe(ProbeContract):
    @pytest.fixture
    async def case(self) -> AsyncIterator[ProbeCase]:
        async with loopback.serving({}) as world:
            yield ProbeCase(
                TcpProbe(),
                good={"host": "127.0.0.1", "port": world.port},
                bad={"host": "127.0.0.1", "port": loopback.closed_port()},
                silent={"host": "127.0.0.1", "port": world.port, "greeting": "220"},
                impossible={"host": "127.0.0.1", "port": 0},
                absent={"host": "127.0.0.1", "port": loopback.closed_port()},
            )


class TestCommandProbe(ProbeContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ProbeCase:
        mark = uuid.uuid4().hex
        env = {"env": {MARK: mark}}
        hang = (
            "import signal, subprocess, sys, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "subprocess.Popen(['sleep', '600'])\n"
            "subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
            "time.sleep(600)\n"
        )
        return ProbeCase(
            CommandProbe(),
            good={"argv": ["echo", '{"ok": true}'], "expect_output": "ok", **env},
            bad={"argv": ["sh", "-c", "echo no luck >&2; exit 3"], **env},
            silent={"argv": [sys.executable, "-c", hang], **env},
            impossible={"argv": [str(tmp_path / "no-such-program")]},
            garbage=(
                {
                    "argv": ["head", "-c", "3000000", "/dev/urandom"],
                    "expect_output": "all is well",
                    **env,
                },
            ),
            look=lambda: sorted(tmp_path.iterdir()),
            mark=mark,
        )
