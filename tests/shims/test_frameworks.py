"""`allstop.check()` in real frameworks: what runs, what does not, and how the agent's program ends.

Each program under `programs` is an agent with two tools: one makes a file, one looks at a file. Whether a call ran is
seen by what it left. Its model is a script that counts how often it was asked.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from allstop.gate.state_file import Pass, StandingHalt, State, render
from allstop.runtimes.model_server.script import Call, Script
from allstop.runtimes.model_server.server import serving
from tests.gate.running import BOOT, LATER, a_pass, halt

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / "programs"
# Where each lives, and with which error a run ends that is refused; ADK's ends with the sentence instead.
FRAMEWORKS = {
    "agent_framework": (".venv-shims", "MiddlewareFailure"),
    "crewai": (".venv-shims-crewai", "HookAborted"),
    "google_adk": (".venv-shims", ""),
    "langgraph": (".venv-shims", "GraphDrained"),
    "openai_agents": (".venv-shims", "ToolInputGuardrailTripwireTriggered"),
}
ALL = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in FRAMEWORKS]
THREE = [["look", "notes"], ["make", "made-1"], ["make", "made-2"]]
SENTENCE = "Allstop: HALT-3 stands for INC-7 (SEV1), so this was not run."

pytestmark = pytest.mark.timeout(180)


@dataclass
class Tried:
    """ended: the names of the errors a run ended with, outermost first; asked: how often the model was."""

    ended: list[str]
    said: str
    asked: int


@dataclass
class Desk:
    """A program on a framework, in a clean home, and the folder its machine's host would keep."""

    framework: str
    python: Path
    folder: Path

    def __post_init__(self) -> None:
        for name in ("home", "work", "allstop/spool"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "allstop/spool/receipts").touch()

    def stands(self, *halts: StandingHalt, passes: tuple[Pass, ...] = ()) -> None:
        (self.folder / "allstop/state").write_text(self.text(*halts, passes=passes), "utf-8")

    def text(self, *halts: StandingHalt, passes: tuple[Pass, ...] = ()) -> str:
        return render(State(42, BOOT, unknown_covered=False, halts=halts, passes=passes))

    def prepared(self, *halts: StandingHalt) -> str:
        """A state file that the program puts in place of the other when it is time."""
        path = self.folder / "allstop/prepared"
        path.write_text(self.text(*halts), "utf-8")
        return str(path)

    def works(self, **order: Any) -> Tried:
        """The program is started once; its model asks for these calls, by default to look, and to make two files."""
        script = Script(tuple(_for_claude(self.folder / "work")))
        claude = self.framework == "claude_agent_sdk"
        with serving(script) if claude else nullcontext("") as address:
            ended = subprocess.run(
                [
                    *(str(self.python), str(PROGRAMS / f"with_{self.framework}.py")),
                    json.dumps({"calls": THREE} | order),
                ],
                cwd=self.folder / "work",
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.folder / "home"),
                    "PYTHONPATH": str(ROOT / "src"),
                    "ALLSTOP_STATE": str(self.folder / "allstop"),
                    "ANTHROPIC_BASE_URL": address,
                    "ANTHROPIC_API_KEY": "a-key-for-loopback",
                    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                    "DISABLE_AUTOUPDATER": "1",
                    "OPENAI_API_KEY": "a-key-for-nobody",
                },
                capture_output=True,
                text=True,
                timeout=150,
                check=False,
            )
        assert ended.returncode == 0, ended.stderr
        tried = Tried(**json.loads(ended.stdout.splitlines()[-1]))
        if claude:
            tried.asked = script.turns
        return tried

    @property
    def made(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "work").glob("made-*"))

    @property
    def looked(self) -> bool:
        return (self.folder / "work/looked").exists()

    @property
    def receipts(self) -> list[list[str]]:
        text = (self.folder / "allstop/spool/receipts").read_text("utf-8")
        return [line.split(" ")[:6] for line in text.splitlines()]

    def was_refused(self, tried: Tried) -> bool:
        """Whether a run ended as this framework's do that are refused, and says why where it can."""
        kind = FRAMEWORKS[self.framework][1]
        by_hooks = tried.ended == ["HaltedRun"] and self.framework == "openai_agents"
        tripwire = tried.ended == [kind] and self.framework == "openai_agents"
        named = tried.ended[:1] == ([kind] if kind else [])
        return tripwire or ("Allstop: " in tried.said and (by_hooks or named))


def _for_claude(work: Path) -> Iterator[Call]:
    yield Call(("Read",), {"file_path": str(work / "notes")})
    for name in ("made-1", "made-2"):
        yield Call(("Bash",), {"command": f"touch {name}", "description": "as asked"})


def desk_of(framework: str, environment: str, folder: Path) -> Desk:
    python = ROOT / environment / "bin" / "python"
    if not (ROOT / environment / ".ready").exists():
        pytest.skip(f"{framework} is not here: make test-shims-tools")
    return Desk(framework, python, folder)


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    return desk_of(request.param, FRAMEWORKS[request.param][0], tmp_path)


# --- what every framework does ---


@pytest.mark.parametrize("desk", ALL, indirect=True)
def test_while_nothing_stands_an_agent_works(desk: Desk) -> None:
    desk.stands()
    tried = desk.works()
    assert (tried.ended, tried.said, tried.asked) == ([], "That is all.", 4)
    assert desk.looked
    assert desk.made == ["made-1", "made-2"]
    assert desk.receipts == []


@pytest.mark.parametrize("desk", ALL, indirect=True)
def test_under_a_halt_reading_goes_on_and_the_first_other_call_ends_the_run(desk: Desk) -> None:
    desk.stands(halt())
    tried = desk.works()
    assert desk.looked
    assert desk.made == []
    assert desk.was_refused(tried), tried
    assert tried.asked == 2, "to look, and to make; not again"
    session = {"crewai": "-", "openai_agents": "-", "langgraph": "thread-1"}
    named = session.get(desk.framework, "session-1")
    assert desk.receipts == [["deny", "42", "HALT-3", desk.framework, named, "make"]]


@pytest.mark.parametrize("desk", ALL, indirect=True)
def test_a_halt_that_comes_in_the_middle_stops_what_comes_after(desk: Desk) -> None:
    desk.stands()
    tried = desk.works(halt_after="made-1", then=desk.prepared(halt()))
    assert desk.made == ["made-1"]
    assert desk.was_refused(tried), tried
    assert tried.asked == 3


@pytest.mark.parametrize("desk", ALL, indirect=True)
def test_under_a_hard_halt_no_tool_runs_and_the_model_is_not_asked(desk: Desk) -> None:
    desk.stands(halt(classes=("hard",)))
    tried = desk.works(by="control" if desk.framework == "langgraph" else "both")
    assert (desk.looked, desk.made) == (False, [])
    assert desk.was_refused(tried), tried
    assert tried.asked == 0


@pytest.mark.parametrize("desk", ALL, indirect=True)
def test_a_broken_state_stops_it(desk: Desk) -> None:
    (desk.folder / "allstop/state").write_text("allstop-state 1\nseq 4")
    assert desk.was_refused(desk.works())
    assert (desk.looked, desk.made) == (False, [])


@pytest.mark.parametrize("desk", ALL, indirect=True)
def test_a_check_that_fails_itself_stops_it(desk: Desk) -> None:
    """Most of these frameworks take an error of a hook for a reason to go on."""
    desk.stands()
    tried = desk.works(broken=True)
    assert (desk.looked, desk.made) == (False, [])
    assert desk.was_refused(tried), tried


@pytest.mark.parametrize("desk", ALL, indirect=True)
def test_a_halt_of_another_session_or_agent_is_not_its_own(desk: Desk) -> None:
    desk.stands(halt("session:s-2"), halt("agent:sculptor", id="HALT-4"))
    assert desk.works(session="s-1").ended == []
    assert desk.made == ["made-1", "made-2"]
    desk.stands(halt("session:s-1"))
    assert desk.was_refused(desk.works(session="s-1", calls=[["make", "made-3"]]))
    desk.stands(halt("session:s-1"), passes=(a_pass("s-1", LATER, "write"),))
    assert desk.works(session="s-1", calls=[["make", "made-4"]]).ended == []
    assert desk.made == ["made-1", "made-2", "made-4"]


NAMED_BY_THE_FRAMEWORK = [one for one in ALL if one.values[0] != "langgraph"]


@pytest.mark.parametrize("desk", NAMED_BY_THE_FRAMEWORK, indirect=True)
def test_a_halt_of_an_agent_covers_the_agent_the_framework_knows_by_that_name(desk: Desk) -> None:
    desk.stands(halt("agent:painter"))
    assert desk.was_refused(desk.works())
    assert desk.made == []


# --- one by one ---


@pytest.mark.xdist_group("openai_agents")
@pytest.mark.parametrize("desk", ["openai_agents"], indirect=True)
@pytest.mark.parametrize("by", ["guardrail", "hooks"])
def test_openai_agents_is_stopped_by_either_also_in_calls_made_together(
    desk: Desk, by: str
) -> None:
    desk.stands(halt())
    tried = desk.works(by=by, together=True, calls=[["make", "made-1"], ["make", "made-2"]])
    assert desk.made == []
    assert desk.was_refused(tried), tried
    assert tried.asked == 1


STREAMS = [("openai_agents", "guardrail"), ("openai_agents", "hooks"), ("agent_framework", "")]


@pytest.mark.parametrize(("desk", "by"), STREAMS, indirect=["desk"])
def test_an_agent_is_stopped_also_when_it_streams(desk: Desk, by: str) -> None:
    desk.stands()
    assert desk.works(streamed=True, by=by, calls=[["make", "made-1"]]).said == "That is all."
    desk.stands(halt())
    tried = desk.works(streamed=True, by=by, calls=[["make", "made-2"]])
    assert desk.made == ["made-1"]
    assert desk.was_refused(tried), tried
    assert tried.asked == 1


@pytest.mark.xdist_group("langgraph")
@pytest.mark.parametrize("desk", ["langgraph"], indirect=True)
def test_langgraph_is_stopped_also_when_it_awaits_its_tools(desk: Desk) -> None:
    desk.stands()
    assert desk.works(by="async", calls=[["make", "made-1"]]).said == "That is all."
    desk.stands(halt())
    tried = desk.works(by="async", calls=[["make", "made-2"]])
    assert desk.made == ["made-1"]
    assert desk.was_refused(tried), tried
    assert tried.asked == 1


@pytest.mark.xdist_group("langgraph")
@pytest.mark.parametrize("desk", ["langgraph"], indirect=True)
@pytest.mark.parametrize("by", ["tools", "control"])
def test_langgraph_goes_on_after_the_release_where_it_was(desk: Desk, by: str) -> None:
    desk.stands()
    after = desk.folder / "allstop/after"
    after.write_text(desk.text())
    tried = desk.works(
        by=by, halt_after="made-1", then=desk.prepared(halt()), resumed_with=str(after)
    )
    assert tried.said.startswith("GraphDrained")
    assert SENTENCE in tried.said
    assert tried.said.endswith("; then That is all.")
    assert desk.made == ["made-1", "made-2"]
    assert (desk.folder / "work/looked").read_text() == "notes\n", (
        "steps that had ended do not run again"
    )
    assert tried.asked == 4


@pytest.mark.xdist_group("crewai")
@pytest.mark.parametrize("desk", ["crewai"], indirect=True)
def test_crewai_is_stopped_also_when_the_crew_was_there_before_the_hooks(desk: Desk) -> None:
    desk.stands(halt())
    tried = desk.works(made_before=True)
    assert desk.made == []
    assert desk.was_refused(tried), tried
    assert tried.asked == 2


@pytest.mark.xdist_group("crewai")
@pytest.mark.parametrize("desk", ["crewai"], indirect=True)
def test_crewai_is_stopped_also_where_the_model_has_tools_of_its_own(desk: Desk) -> None:
    desk.stands()
    assert desk.works(by="native").said == "That is all."
    assert desk.made == ["made-1", "made-2"]
    desk.stands(halt())
    calls = [["make", "made-3"], ["make", "made-4"]]
    for together in (False, True):
        tried = desk.works(by="native", together=together, calls=calls)
        assert desk.made == ["made-1", "made-2"]
        assert desk.was_refused(tried), tried
        assert tried.asked == 1


@pytest.mark.xdist_group("crewai")
@pytest.mark.parametrize("desk", ["crewai"], indirect=True)
def test_crewai_is_stopped_by_whatever_fails_in_the_hooks(desk: Desk) -> None:
    desk.stands()
    tried = desk.works(broken="outside")
    assert (desk.looked, desk.made) == (False, [])
    assert desk.was_refused(tried), tried


# --- Claude Agent SDK, which starts a client of its own ---


@pytest.fixture
def claude(tmp_path: Path) -> Desk:
    made = desk_of("claude_agent_sdk", ".venv-shims", tmp_path)
    (made.folder / "work/notes").write_text("what was said\n")
    return made


@pytest.mark.xdist_group("claude")
def test_claude_agent_sdk_works_while_nothing_stands(claude: Desk) -> None:
    claude.stands()
    tried = claude.works()
    assert claude.made == ["made-1", "made-2"], tried.said
    assert tried.asked == 4
    assert claude.receipts == []


@pytest.mark.xdist_group("claude")
def test_claude_agent_sdk_reads_under_a_halt_and_ends_at_the_first_other_call(
    claude: Desk,
) -> None:
    claude.stands(halt())
    tried = claude.works(session="44ac3615-7bef-415c-adac-0db5c0c478fa")
    assert claude.made == []
    assert tried.asked == 2
    assert SENTENCE in tried.said
    session = "44ac3615-7bef-415c-adac-0db5c0c478fa"
    assert claude.receipts == [["deny", "42", "HALT-3", "claude_agent_sdk", session, "Bash"]]


@pytest.mark.xdist_group("claude")
def test_claude_agent_sdk_takes_no_prompt_under_a_hard_halt(claude: Desk) -> None:
    claude.stands(halt(classes=("hard",)))
    assert claude.works().asked == 0
    assert claude.made == []


@pytest.mark.xdist_group("claude")
@pytest.mark.parametrize("broken", [True, False])
def test_claude_agent_sdk_is_stopped_by_what_is_broken(claude: Desk, broken: bool) -> None:
    claude.stands()
    if not broken:
        (claude.folder / "allstop/state").unlink()
    claude.works(broken=broken)
    assert claude.made == []


@pytest.mark.xdist_group("claude")
@pytest.mark.parametrize("place", ["given by the program", "in the repository"])
def test_claude_agent_sdk_is_stopped_also_where_settings_switch_hooks_off(
    claude: Desk, place: str
) -> None:
    off = json.dumps({"disableAllHooks": True})
    in_repository = place == "in the repository"
    if in_repository:
        (claude.folder / "work/.claude").mkdir()
        (claude.folder / "work/.claude/settings.json").write_text(off)
    claude.stands(halt())
    tried = claude.works(**({"sources": ["project"]} if in_repository else {"settings": off}))
    assert claude.made == [], tried.said


@pytest.mark.xdist_group("claude")
def test_claude_agent_sdk_lets_a_responder_work_on(claude: Desk) -> None:
    session = "44ac3615-7bef-415c-adac-0db5c0c478fa"
    claude.stands(halt(), passes=(a_pass(session, LATER, "read", "exec"),))
    tried = claude.works(session=session)
    assert claude.made == ["made-1", "made-2"], tried.said
