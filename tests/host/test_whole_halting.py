"""Halting with the coordinator dead, through real programs: on this machine, and with a file that somebody signed elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.whole import Whole, environment, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def whole() -> Iterator[Whole]:
    """A machine that has joined and pinned Ada's key; then the coordinator is killed."""
    with tempfile.TemporaryDirectory(prefix="allstop-host-") as name:
        found = Whole(Path(name))
        yield from _with_key(found)


def _with_key(found: Whole) -> Iterator[Whole]:
    try:
        found.begin()
        typed(found, "key", "new", "ada", "--folder", str(found.folder))
        pinned = (found.folder / "ada.key.pub").read_text()
        with (found.place / "host.keys").open("a") as keys:
            keys.writelines(
                f"release {line}\n" for line in pinned.splitlines() if line and line[0] != "#"
            )
        found.host_up()
        until(lambda: found.ask()["connected"])
        found.down()
        yield found
    finally:
        found.end()


def typed(whole: Whole, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "allstop", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=environment(),
        stdin=subprocess.DEVNULL, cwd=whole.home,
    )  # fmt: skip


def test_the_same_command_halts_this_machine_when_nobody_else_can(whole: Whole) -> None:
    place = ("--host-folder", str(whole.place))
    assert whole.tool_runs()
    unsure = typed(whole, "halt", "why", *place)
    assert unsure.returncode == 5
    assert "--here" in unsure.stderr
    assert whole.tool_runs()
    done = typed(whole, "halt", "why", "--here", *place)
    assert done.returncode == 0, done.stderr
    assert "NOT reached: the coordinator" in done.stderr
    assert not whole.tool_runs()


def test_a_signed_halt_is_taken_and_a_forged_one_is_not(whole: Whole) -> None:
    made = typed(whole, "halt", "why", "--sign", str(whole.folder / "ada.key"))
    assert made.returncode == 0, made.stderr
    assert whole.tool_runs()
    file, forged = whole.folder / "halt.json", whole.folder / "forged.json"
    file.write_text(made.stdout)
    found = json.loads(made.stdout)
    forged.write_text(json.dumps(found | {"text": found["text"].replace("all", "team:x", 1)}))
    place = ("--folder", str(whole.place))
    refused = typed(whole, "host", "halt", "--signed", str(forged), *place)
    assert refused.returncode != 0
    assert "its signature is not of its text" in refused.stderr
    assert whole.tool_runs()
    taken = typed(whole, "host", "halt", "--signed", str(file), *place)
    assert taken.returncode == 0, taken.stderr
    assert not whole.tool_runs()
    assert [one["code"] for one in whole.ask()["refused"]] == ["forged"]
