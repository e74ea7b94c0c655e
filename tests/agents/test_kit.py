"""The kit in real clients: installed the way its README says, holding what it says it holds.

The model is a script on loopback; the MCP server stands in for `allstop mcp` and leaves a file when it is asked.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from allstop.gate.state_file import StandingHalt, State, render
from allstop.runtimes import Runtime
from allstop.runtimes.kit import kit_files
from allstop.runtimes.model_server.script import Call
from allstop.runtimes.runtime import Trial
from allstop.runtimes.trying import Tried, try_client
from tests.agents.clients import ROOT, interpreter_of_tools, required
from tests.gate.running import BOOT
from tests.host.whole import Whole, until

pytestmark = pytest.mark.timeout(180)
NAMES = ("claude", "codex", "gemini")
CLIENTS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NAMES]
# As it stands in the README of each.
INSTALLING = {
    "claude": ("plugin marketplace add {kit}", "plugin install allstop@allstop"),
    "codex": ("plugin marketplace add {kit}", "plugin add allstop@allstop"),
    "gemini": ("extensions install {kit}/gemini/allstop --consent",),
}
_PATIENCE_S = 60
_PLUGIN = "mcp__plugin_allstop_allstop"
TOKEN = "token-of-this-agent"


@dataclass
class Desk:
    """A client in a clean home that has installed the kit, and the folder its machine's host would keep."""

    runtime: Runtime
    program: tuple[str, ...]
    folder: Path

    def __post_init__(self) -> None:
        for name in ("home", "work", "state/spool"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "state/spool/receipts").touch()
        words = shlex.join((*interpreter_of_tools(), str(self.folder / "reported")))
        asked = f'echo "$@ $ALLSTOP_TOKEN" >{self.folder}/asked'
        self.unpacks(self.folder / "state", f"{asked}\nexec {words}")

    def unpacks(self, state: Path, script: str) -> None:
        """The kit for a machine with this state folder, whose `allstop` is this shell script."""
        program = self.folder / "allstop"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        for one in kit_files(state, str(program)):
            path = self.folder / "kit" / one.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.content)
        servers = self.folder / "kit/codex/allstop/.mcp.json"
        # Codex begins without waiting for a server; here it is to be there when the model is asked for the first time.
        waiting = servers.read_text("utf-8").replace('"args"', '"required": true, "args"')
        servers.write_text(waiting, "utf-8")

    def stands(self, *classes: str) -> None:
        """A halt for everybody stands, or nothing."""
        halts = (StandingHalt("HALT-3", "INC-7", "SEV1", classes, "all"),) if classes else ()
        (self.folder / "state/state").write_text(render(State(42, BOOT, halts=halts)), "utf-8")

    def works(self, *calls: Call, **surroundings: str) -> Tried:
        """The client is started once without any hook of ours but those of the kit."""
        trial = Trial(self.folder / "home", self.folder / "work", "", None)
        installed = replace(self.runtime, prepare=self._installed)
        told = {"ALLSTOP_TOKEN": TOKEN} | surroundings
        return try_client(installed, self.program, trial, calls, environment=told)

    def reports(self, **arguments: Any) -> tuple[Call, ...]:
        """A call of `report_status`, as it is named where the kit brings the server."""
        if self.runtime.name != "claude":
            return (replace(self.runtime.report("report_status"), arguments=arguments),)
        # Claude Code fetches the description of a tool before it calls it.
        name = f"{_PLUGIN}__report_status"
        return (Call(("ToolSearch",), {"query": f"select:{name}"}), Call((name,), arguments))

    def _installed(self, trial: Trial) -> None:
        self.runtime.prepare(trial)
        for line in INSTALLING[self.runtime.name]:
            self.says(*shlex.split(line.format(kit=self.folder / "kit")), trial=trial)
        if self.runtime.name == "claude":
            self._allow_tools(trial.home / ".claude" / "settings.json")

    def says(self, *words: str, trial: Trial | None = None) -> str:
        """The client itself, asked something that takes no model; it is told yes to whatever it asks. Its end is good."""
        trial = trial or Trial(self.folder / "home", self.folder / "work", "", None)
        environment = {"PATH": os.environ["PATH"], "HOME": str(trial.home), "CI": "true"}
        ran = subprocess.run(
            [*self.program, *words], env=environment | dict(self.runtime.environment(trial)),
            cwd=trial.work, input=b"y\n", capture_output=True, check=False, timeout=_PATIENCE_S,
        )  # fmt: skip
        said = (ran.stdout + ran.stderr).decode("utf-8", "replace")
        assert ran.returncode == 0, said
        return said

    def _allow_tools(self, settings: Path) -> None:
        """What a person would answer when they are asked whether the tools of the plugin may be used."""
        found: dict[str, Any] = json.loads(settings.read_text("utf-8"))
        settings.write_text(json.dumps(found | {"permissions": {"allow": [_PLUGIN]}}), "utf-8")

    @property
    def made(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "work").glob("made-*"))

    @property
    def lines(self) -> list[list[str]]:
        text = (self.folder / "state/spool/receipts").read_text("utf-8")
        return [line.split(" ") for line in text.splitlines()]


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    runtime, words = required(request.param)
    return Desk(runtime, words, tmp_path)


@pytest.mark.parametrize("desk", CLIENTS, indirect=True)
def test_while_nothing_stands_the_agent_works_and_its_session_is_known(desk: Desk) -> None:
    desk.stands()
    tried = desk.works(desk.runtime.run("touch made-1"))
    assert desk.made == ["made-1"], tried.said
    told = {words[2] for words in desk.lines}
    assert {"SessionStart", "SessionEnd"} <= told
    assert {(words[0], words[3]) for words in desk.lines} == {("fact", desk.runtime.name)}
    assert {words[6] for words in desk.lines} == {str(desk.folder / "work")}
    assert (desk.folder / "asked").read_text() == f"mcp {TOKEN}\n", "the server knows whose it is"


@pytest.mark.parametrize("desk", CLIENTS, indirect=True)
def test_under_a_halt_nothing_runs_and_the_roll_call_can_be_answered(desk: Desk) -> None:
    desk.stands("default")
    tried = desk.works(*desk.reports(), desk.runtime.run("touch made-1"))
    assert (desk.folder / "reported").exists(), tried.said
    assert desk.made == []
    refused = [words for words in desk.lines if words[0] == "deny"]
    assert {tuple(words[2:4]) for words in refused} == {("HALT-3", desk.runtime.name)}


@pytest.fixture
def whole() -> Iterator[Whole]:
    with tempfile.TemporaryDirectory(prefix="allstop-kit-") as name:
        whole = Whole(Path(name))
        try:
            whole.begin(roll_call="5m")  # whoever has not answered by then is frozen
            whole.host_up()
            yield whole
        finally:
            whole.end()


@pytest.mark.parametrize("desk", CLIENTS, indirect=True)
def test_a_real_agent_answers_a_real_roll_call(desk: Desk, whole: Whole) -> None:
    """Given a coordinator and a machine, when a halt stands, then the agent's answer arrives in its own name, and its work not."""
    source = shlex.quote(str(ROOT / "src"))
    desk.unpacks(whole.place, f'PYTHONPATH={source} exec {sys.executable} -m allstop "$@"')
    agent = f"builder-{uuid.uuid4().hex[:8]}"  # its group is the machine's, and of this trial alone
    whole.run(agent, "sleep", "600")
    token = until(lambda: whole.cli("token", "new", f"agent:{agent}", "-q", check=False)).strip()
    halt = str(json.loads(whole.cli("halt", "a trial", "--json"))["halt"])
    until(lambda: whole.standing() == [halt])

    answer: dict[str, Any] = {"halt_id": halt, "state": "stopped", "working_on": "the search page", "available": True}  # fmt: skip
    tried = desk.works(
        *desk.reports(**answer), desk.runtime.run("touch made-1"),
        ALLSTOP_TOKEN=token, ALLSTOP_AGENT=agent, ALLSTOP_URL=f"http://127.0.0.1:{whole.port}",
    )  # fmt: skip

    line = whole.line(halt, agent)
    assert (line["working_on"], line["available"]) == ("the search page", True), tried.said
    assert line["answered_at"]
    assert desk.made == []


@pytest.mark.parametrize("desk", CLIENTS, indirect=True)
def test_under_a_hard_halt_the_model_is_not_even_asked(desk: Desk) -> None:
    desk.stands("hard")
    assert desk.works(desk.runtime.run("touch made-1")).turns == 0
    assert desk.made == []


@pytest.mark.xdist_group("claude")
@pytest.mark.parametrize("desk", ["claude"], indirect=True)
@pytest.mark.parametrize("what", ["", "claude/allstop"])
def test_claude_code_finds_nothing_to_complain_of(desk: Desk, what: str) -> None:
    assert "Validation passed" in desk.says(
        "plugin", "validate", "--strict", str(desk.folder / "kit" / what)
    )


@pytest.mark.xdist_group("gemini")
@pytest.mark.parametrize("desk", ["gemini"], indirect=True)
def test_neither_does_gemini(desk: Desk) -> None:
    folder = str(desk.folder / "kit/gemini/allstop")
    assert "successfully validated" in desk.says("extensions", "validate", folder)


@pytest.mark.parametrize(
    ("desk", "words", "settings"),
    [
        pytest.param(name, words, settings, marks=pytest.mark.xdist_group(name))
        for name, words, settings in (
            ("claude", ("--bare",), None),
            ("claude", ("--safe-mode",), None),
            ("claude", (), (".claude/settings.json", {"disableAllHooks": True})),
            ("gemini", (), (".gemini/settings.json", {"hooksConfig": {"enabled": False}})),
        )
    ],
    indirect=["desk"],
)
def test_a_plugin_is_switched_off_as_its_readme_says(
    desk: Desk, words: tuple[str, ...], settings: tuple[str, dict[str, Any]] | None
) -> None:
    """Given a halt, when the client is started so, or in a repository that says so, then the call runs: only managed settings hold."""
    desk.stands("default")
    readme = (desk.folder / "kit" / desk.runtime.name / "allstop/README.md").read_text("utf-8")
    if settings is not None:
        path = desk.folder / "work" / settings[0]
        path.parent.mkdir()
        path.write_text(json.dumps(settings[1]), "utf-8")
    usual = desk.runtime.words
    desk.runtime = replace(
        desk.runtime, words=lambda trial, prompt: (*usual(trial, prompt), *words)
    )
    tried = desk.works(desk.runtime.run("touch made-1"))
    assert desk.made == ["made-1"], tried.said
    for word in (*words, *(settings[1] if settings else ())):
        assert word in readme
