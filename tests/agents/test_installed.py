"""What `allstop agents install` writes, on the real clients: the doctor proves that it holds, and what gets around it.

The administrator's settings are written into a machine that only the test sees; the host process and its coordinator
are real ones.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.clients import NAMES, required
from tests.agents.denied_session import CALLS
from tests.agents.private_machine import Told, may_be_made, on_a_machine, session_on_a_machine
from tests.host.whole import Whole

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
needs_a_machine = pytest.mark.skipif(
    not may_be_made(), reason="no machine of one's own may be made here (root, unshare, overlay)"
)
CLIENTS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NAMES]
GATE = Path("/usr/local/lib/allstop/allstop-gate")
# What no setting of an administrator closes in the versions that are pinned.
KNOWN_OPEN = {
    "gemini": {
        "OPEN: this hook disabled by its name in the person's settings",
        "OPEN: GEMINI_CLI_SYSTEM_SETTINGS_PATH elsewhere",
    },
}


@pytest.fixture(scope="module")
def whole() -> Iterator[Whole]:
    with tempfile.TemporaryDirectory(prefix="allstop-installed-") as name:
        whole = Whole(Path(name))
        try:
            whole.begin()
            whole.host_up()
            yield whole
        finally:
            whole.end()


def looked_at(
    name: str, scope: str, state: Path, home: Path, *more: str, between: tuple[str, ...] = ()
) -> Told:
    """Installed, and looked at by the doctor."""
    _, (program,) = required(name)
    home.mkdir(exist_ok=True)
    client = ("--runtime", name)
    steps = [
        ("agents", "install", *client, "--scope", scope, "--state", str(state), "--state-first", "--yes"),
        *((between,) if between else ()),
        ("agents", "doctor", *client, "--path", f"{name}={program}", "--json", *more),
    ]  # fmt: skip
    return on_a_machine(*steps, home=home, private=scope == "managed")


@needs_a_machine
@pytest.mark.parametrize("name", CLIENTS)
def test_an_administrators_installation_holds_and_the_doctor_proves_it(
    whole: Whole, tmp_path: Path, name: str
) -> None:
    before = GATE.exists()
    told = looked_at(name, "managed", whole.place, tmp_path / "home")
    assert told.states("canary") == ["ok"], told.said
    assert set(told.texts("bypass", "fail")) == KNOWN_OPEN.get(name, set())
    assert told.texts("bypass", "note") == [], "every way was really tried"
    for check in ("client", "managed settings", "gate", "host"):
        assert told.states(check) == ["ok"], told.said
    assert told.code == (1 if name in KNOWN_OPEN else 0), told.said
    assert GATE.exists() == before, "all of it was that machine's own"


@pytest.mark.parametrize("name", [one for one in CLIENTS if one.values[0] in ("claude", "copilot")])
def test_a_persons_own_installation_holds_only_who_wants_to_be_held(
    whole: Whole, tmp_path: Path, name: str
) -> None:
    told = looked_at(name, "user", whole.place, tmp_path / "home")
    assert told.states("canary") == ["ok"], told.said
    assert told.states("user settings") == ["warn"]
    assert told.texts("bypass", "fail"), "each client can be started around it"
    assert told.code == 1


@pytest.mark.xdist_group("codex")
def test_codex_does_not_run_a_persons_hook_that_nobody_has_trusted(
    whole: Whole, tmp_path: Path
) -> None:
    told = looked_at("codex", "user", whole.place, tmp_path / "home")
    assert told.states("canary") == ["fail"]
    assert "/hooks" in told.texts("canary", "fail")[0]
    assert told.code == 1


@pytest.mark.xdist_group("claude")
def test_a_gate_that_was_replaced_is_found_out_twice(whole: Whole, tmp_path: Path) -> None:
    """Given that somebody put a program there that lets everything through."""
    home = tmp_path / "home"
    looked_at("claude", "user", whole.place, home, "--no-bypasses")
    gate = home / ".local/share/allstop/allstop-gate"
    gate.write_text("#!/bin/sh\nexit 0\n")
    _, (program,) = required("claude")
    told = on_a_machine(
        ("agents", "doctor", "--runtime", "claude", "--path", f"claude={program}", "--json"),
        home=home, private=False,
    )  # fmt: skip
    assert told.texts("gate", "fail") == [f"{gate} is not the gate of this version of Allstop"]
    assert told.texts("canary", "fail") == ["a call RAN under a halt: this client is not held"]
    assert told.code == 1


@pytest.mark.xdist_group("claude")
def test_without_a_host_process_nothing_is_proven(tmp_path: Path) -> None:
    told = looked_at("claude", "user", tmp_path / "state", tmp_path / "home", "--no-bypasses")
    assert told.states("canary") == ["ok"], told.said
    assert told.states("host") == ["fail"]
    assert told.code == 1


@pytest.mark.xdist_group("claude")
@needs_a_machine
def test_after_taking_it_out_the_doctor_finds_nothing(whole: Whole, tmp_path: Path) -> None:
    out = ("agents", "uninstall", "--runtime", "claude", "--scope", "managed", "--state", str(whole.place), "--yes")  # fmt: skip
    told = looked_at("claude", "managed", whole.place, tmp_path / "home", between=out)
    assert told.states("layers") == ["fail"]
    assert told.states("canary") == []
    assert told.code == 1


@pytest.mark.xdist_group("codex")
def test_a_person_tries_every_failure_on_their_own_client(tmp_path: Path) -> None:
    _, (program,) = required("codex")
    told = on_a_machine(
        ("agents", "test", "--runtime", "codex", "--path", f"codex={program}", "--json"),
        home=tmp_path, private=False,
    )  # fmt: skip
    assert told.code == 0, told.said
    (row,) = told.found
    seen = {one["id"]: one["ran"] for one in row["rows"]}
    assert seen["gate"] is False
    assert seen["timeout"] is True, "Codex runs the tool when its hook does not answer"


@pytest.mark.xdist_group("claude")
@needs_a_machine
def test_a_session_that_runs_takes_up_that_its_tools_are_denied(tmp_path: Path) -> None:
    _, (program,) = required("claude")
    told = session_on_a_machine(program, home=tmp_path)
    (seen,) = told.found
    assert seen["made"][:3] == [1, 2, 3], told.said
    assert len(seen["made"]) < CALLS, "from some call on nothing ran"
    assert seen["made"] == list(range(1, len(seen["made"]) + 1)), "and never again"
    assert seen["turns"] == CALLS + 1, "it went on asking"
