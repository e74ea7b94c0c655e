"""A sandbox that lives for a test: started as a user would, ended whatever happens."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from allstop.sandbox import reaping
from allstop.sandbox.control import ControlClient
from allstop.sandbox.layout import Layout, read_record
from allstop.sandbox.processes import base_environment

Answer = tuple[int, dict[str, Any]]


def eventually(true: Callable[[], bool], what: str, seconds: float = 8.0) -> None:
    """Wait until something is so; fails with `what` if it does not come about."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def ask(method: str, url: str, body: dict[str, Any] | None = None, **headers: str) -> Answer:
    """One HTTP request; returns status and JSON body. Underscores in header names are dashes."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, parts.path, json.dumps(body) if body else None, sent)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


class Living:
    """A running sandbox and short ways to ask it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout = Layout.of(folder)
        self.record = read_record(folder)
        self.control = ControlClient(folder)

    def get(self, service: str, path: str) -> Answer:
        return ask("GET", self.record["urls"][service] + path)

    def post(self, service: str, path: str, body: dict[str, Any], **headers: str) -> Answer:
        return ask("POST", self.record["urls"][service] + path, body, **headers)

    def buy(self, order: str, *, synthetic: bool = True, sku: str = "mug") -> Answer:
        wish = {"order": order, "customer": "customer-007", "sku": sku, "quantity": 2}
        return self.post("gateway", "/buy", wish | {"synthetic": synthetic})

    def route(self, service: str, state: str, epoch: int) -> Answer:
        url = f"{self.record['urls']['gateway']}/admin/routes/{service}"
        return ask("PUT", url, {"state": state, "epoch": epoch, "key": f"{state}-{epoch}"})

    def acknowledged(self) -> int:
        return int(self.get("load", "/counters")[1]["acknowledged"])

    def wait_for_sales(self, more: int = 5) -> None:
        before = self.acknowledged()
        eventually(lambda: self.acknowledged() >= before + more, f"{more} more orders")


def start_up(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start `up`; returns before the shop sells."""
    return subprocess.Popen(
        [sys.executable, "-m", "allstop.sandbox", "up", str(folder), *options],
        env=base_environment(Layout.of(folder)),
        stdout=subprocess.DEVNULL,
    )


def wait_until_up(folder: Path) -> None:
    eventually(Layout.of(folder).record.exists, "the sandbox is up", 20.0)


@contextmanager
def living_sandbox(folder: Path, *options: str) -> Iterator[Living]:
    """A sandbox that is up; down at the end, and no process of it left."""
    with start_up(folder, *options) as process:
        try:
            wait_until_up(folder)
            living = Living(folder)
            yield living
            living.control.down()
            assert process.wait(10) == 0
        finally:
            reaping.end_processes(folder)
            process.kill()
