"""Real clients under the real gate: what runs, what does not, and where the loop ends.

The model is a script on loopback that asks for `touch made-1`, then `touch made-2`. Whether a call ran is seen by
whether the file is there.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from allstop.gate import gate_path
from allstop.gate.state_file import Pass, StandingHalt, State, render
from allstop.runtimes import Runtime
from allstop.runtimes.model_server.script import Call
from allstop.runtimes.runtime import Trial, write_json
from allstop.runtimes.trying import Tried, try_client
from tests.agents.clients import NAMES, interpreter_of_tools, required
from tests.gate.running import BOOT, LATER

pytestmark = pytest.mark.timeout(180)
# One worker tries one client, so that no more than two are started at a time.
CLIENTS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NAMES]
WITH_A_READING_TOOL = [one for one in CLIENTS if one.values[0] != "codex"]
GIVEN_ITS_SESSION = WITH_A_READING_TOOL
REFUSING_PROMPTS = [one for one in CLIENTS if one.values[0] != "copilot"]


@dataclass
class Desk:
    """A client in a clean home, its work, and the folder its machine's host would keep."""

    runtime: Runtime
    program: tuple[str, ...]
    folder: Path
    session: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        for name in ("home", "work", "allstop/spool"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "allstop" / "spool" / "receipts").touch()
        shutil.copy(gate_path(), self.gate)

    @property
    def gate(self) -> Path:
        return self.folder / "allstop" / "allstop-gate"

    @property
    def goes_on(self) -> bool:
        """Some clients take no answer to a tool call that ends their loop: they ask the model again, and are refused again."""
        return self.runtime.name in ("codex", "copilot")

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def stands(self, *classes: str, passes: tuple[Pass, ...] = ()) -> None:
        """A halt for everybody stands, or nothing."""
        halts = (StandingHalt("HALT-3", "INC-7", "SEV1", classes, "all"),) if classes else ()
        state = State(42, BOOT, halts=halts, passes=passes)
        (self.folder / "allstop" / "state").write_text(render(state), "utf-8")

    def works(self, *calls: Call, **given: object) -> Tried:
        """The client is started once and given these calls, by default two that make a file each."""
        calls = calls or (self.runtime.run("touch made-1"), self.runtime.run("touch made-2"))
        hook = (
            *(str(self.gate), "--runtime", self.runtime.name),
            *("--state", str(self.folder / "allstop")),
        )
        trial = Trial(self.folder / "home", self.work, "", hook, **given)  # type: ignore[arg-type]
        return try_client(self.runtime, self.program, trial, calls)

    @property
    def made(self) -> list[str]:
        return sorted(path.name for path in self.work.glob("made-*"))

    @property
    def receipts(self) -> list[list[str]]:
        text = (self.folder / "allstop" / "spool" / "receipts").read_text("utf-8")
        return [line.split(" ") for line in text.splitlines()]


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    runtime, words = required(request.param)
    return Desk(runtime, words, tmp_path)


@pytest.mark.parametrize("desk", CLIENTS, indirect=True)
def test_while_nothing_stands_an_agent_works(desk: Desk) -> None:
    desk.stands()
    tried = desk.works()
    assert desk.made == ["made-1", "made-2"], tried.said
    assert tried.turns == 3
    assert desk.receipts == []


@pytest.mark.parametrize("desk", CLIENTS, indirect=True)
def test_under_a_halt_nothing_runs_and_the_loop_ends_where_it_can(desk: Desk) -> None:
    desk.stands("default")
    tried = desk.works()
    assert desk.made == []
    assert "HALT-3 stands for INC-7 (SEV1)" in tried.said or desk.runtime.name == "claude"
    assert tried.turns == (3 if desk.goes_on else 1)
    assert [words[:4] for words in desk.receipts] == [
        ["deny", "42", "HALT-3", desk.runtime.name]
    ] * (2 if desk.goes_on else 1)


@pytest.mark.parametrize("desk", REFUSING_PROMPTS, indirect=True)
def test_under_a_hard_halt_the_model_is_not_even_asked(desk: Desk) -> None:
    desk.stands("hard")
    assert desk.works().turns == 0
    assert desk.made == []
    assert [words[2] for words in desk.receipts] == ["HALT-3"]


@pytest.mark.xdist_group("copilot")
@pytest.mark.parametrize("desk", ["copilot"], indirect=True)
def test_copilot_lets_nobody_keep_a_prompt_from_it_but_runs_nothing(desk: Desk) -> None:
    desk.stands("hard")
    assert desk.works().turns == 3
    assert desk.made == []
    assert [words[2] for words in desk.receipts] == ["HALT-3", "HALT-3"]


@pytest.mark.parametrize("classes", ["default", "hard"])
@pytest.mark.parametrize("desk", CLIENTS, indirect=True)
def test_under_any_halt_the_roll_call_can_be_answered(desk: Desk, classes: str) -> None:
    desk.stands(classes)
    reported = desk.work / "reported"
    server = (*interpreter_of_tools(), str(reported))
    # Claude Code fetches the description of a tool before it calls it.
    search = Call(("ToolSearch",), {"query": "select:mcp__allstop__report_status"})
    fetching = (search,) if desk.runtime.name == "claude" else ()
    report, work = desk.runtime.report("report_status"), desk.runtime.run("touch made-1")
    # Somebody is at work already, or has a pass that lets them be spoken to: prompts are not asked about.
    tried = desk.works(*fetching, report, work, prompts=False, tools=server)
    assert reported.exists(), tried.said
    assert desk.made == []
    assert len(desk.receipts) == 1


@pytest.mark.xdist_group("claude")
@pytest.mark.parametrize("desk", ["claude"], indirect=True)
def test_a_server_that_came_with_claudes_plugin_can_be_answered_too(desk: Desk) -> None:
    desk.stands("hard")
    reported, plugin = desk.work / "reported", desk.folder / "plugin"
    program, *words = (*interpreter_of_tools(), str(reported))
    about = {"name": "allstop", "version": "0.1.0", "description": "Halts and roll calls"}
    write_json(plugin / ".claude-plugin" / "plugin.json", about)
    server = {"mcpServers": {"allstop": {"command": program, "args": words}}}
    write_json(plugin / ".mcp.json", server)
    name = "mcp__plugin_allstop_allstop"
    given = ("--plugin-dir", str(plugin), "--allowedTools", name)
    plain = desk.runtime.words
    desk.runtime = replace(desk.runtime, words=lambda *asked: (*plain(*asked), *given))
    report = f"{name}__report_status"
    calls = (Call(("ToolSearch",), {"query": f"select:{report}"}), Call((report,), {}))
    tried = desk.works(*calls, prompts=False)
    assert reported.exists(), tried.said
    assert desk.receipts == []


@pytest.mark.parametrize("desk", WITH_A_READING_TOOL, indirect=True)
def test_under_a_default_halt_reading_goes_on(desk: Desk) -> None:
    desk.stands("default")
    (desk.work / "notes.txt").write_text("what was said\n")
    assert desk.runtime.read is not None
    reads = desk.runtime.read(desk.work / "notes.txt")
    tried = desk.works(reads, reads, desk.runtime.run("touch made-1"))
    assert tried.turns == (4 if desk.goes_on else 3), "both were read, the third call was not run"
    assert desk.made == []
    assert len(desk.receipts) == 1


@pytest.mark.parametrize("desk", GIVEN_ITS_SESSION, indirect=True)
def test_a_pass_lets_a_responder_work_on(desk: Desk) -> None:
    desk.stands("default", passes=(Pass(desk.session, LATER, ("read", "exec"), "HALT-3"),))
    tried = desk.works(session=desk.session)
    assert desk.made == ["made-1", "made-2"], tried.said
    assert desk.receipts == []


@pytest.mark.xdist_group("codex")
@pytest.mark.parametrize("desk", ["codex"], indirect=True)
def test_a_pass_lets_codex_work_on_in_the_session_it_was_refused_in(desk: Desk) -> None:
    desk.stands("default")
    desk.works(desk.runtime.run("touch made-1"))
    ((*_, session, tool, _),) = desk.receipts
    assert tool == "Bash"
    desk.stands("default", passes=(Pass(session, LATER, ("exec",), "HALT-3"),))
    again = (desk.runtime.run("touch made-1"), desk.runtime.run("touch made-2"))
    tried = desk.works(*again, session=session, resumed=True)
    assert desk.made == ["made-2"], tried.said


@pytest.mark.parametrize("desk", CLIENTS, indirect=True)
def test_a_broken_state_stops_every_client(desk: Desk) -> None:
    (desk.folder / "allstop" / "state").write_text("allstop-state 1\nseq 4")
    desk.works()
    assert desk.made == []
