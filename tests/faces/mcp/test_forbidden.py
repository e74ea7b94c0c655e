"""What agents can never reach: the tools and the operations behind them, held against a list of what is for people."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from allstop.faces import mcp
from allstop.faces.http.operations import OPERATIONS
from allstop.faces.mcp.asking import REACHED
from allstop.gate.decision import REPORT_TOOLS
from tests.faces.mcp.stage import ONE, Stage, call
from tests.faces.mcp.test_stories import ACTION

TOOLS = {
    "halt_status",
    "report_status",
    "declare_incident",
    "list_incidents",
    "get_incident",
    "my_assignment",
    "post_update",
    "propose_action",
    "action_result",
    "check_gate",
}
# Releases, approves, lowers, decides, leads on, ends, stops, hands out rights, or runs what changes systems.
FORBIDDEN = {
    "release", "approve", "override", "severity", "impact", "remedy", "advance", "stand-down", "close", "triage", "privacy",
    "merge", "reopen", "correct", "link", "facts", "statement", "fill", "mode", "assign", "handoff", "accept", "acknowledge",
    "crew", "award", "obligation", "meeting", "action", "action-change", "confirm", "dismiss", "protocol-confirm", "declare",
    "update", "halt", "register", "task-add", "task-assign", "task-end", "finding", "plan-make", "plan-run", "plan-pause", "plan-resume", "plan-waive", "plan-retry",
    "plan-settle", "plan-abort", "lever-extend", "circuit-force", "preflight", "diagnose", "reload", "token-new",
    "token-revoke", "down", "open", "file-report",
}  # fmt: skip
WORDS = re.compile(
    r"release|approve|override|lower|downgrade|scope|kill|freeze|resume|token|stand_down|close|advance|confirm|dismiss|run"
)


async def test_there_are_these_tools_and_no_others(stage: Stage) -> None:
    async with stage.as_agent() as agent:
        tools = {one.name: one for one in (await agent.list_tools()).tools}
    assert set(tools) == TOOLS
    assert not [name for name in tools if WORDS.search(name)]
    assert set(tools) <= set(REPORT_TOOLS), "the gate lets these through during a halt"
    for tool in tools.values():
        hints = tool.annotations
        assert hints is not None
        assert hints.destructive_hint is False
        assert tool.output_schema is not None
        assert bool(tool.meta) == (tool.name in ("halt_status", "report_status"))
        assert tool.input_schema["additionalProperties"] is False


def test_no_operation_behind_them_is_forbidden() -> None:
    """Given the table of what can be asked for, then each row is an operation of the API as it stands there, and none is
    forbidden."""
    known = {one.id: one for one in OPERATIONS}
    assert known.keys() >= FORBIDDEN, "an operation was renamed: look at this list again"
    assert REACHED.keys() & FORBIDDEN == set()
    for name, (method, path) in REACHED.items():
        assert known[name].method == method
        there = known[name].path.replace("{id}", "{}").replace("{change}", "{}")
        assert re.sub(r"\{\w+\}", "{}", path) == re.sub(r"\{\w+\}", "{}", there)


def test_what_is_reached_is_listed_here_once_more() -> None:
    """A row that is added to the table is added here as well, on purpose, by somebody who has looked at what it lets
    an agent do."""
    reading = {"agents", "halts", "incidents", "show", "timeline", "playbooks", "policy", "whoami"}
    telling = {"answer", "propose", "note", "change", "change-end"}
    assert REACHED.keys() == reading | telling
    assert {name for name, (method, _) in REACHED.items() if method != "GET"} == telling


def test_the_page_on_it_names_what_there_is() -> None:
    """Given docs/agents/mcp.md, then its table has the tools and the operations behind them, no more and no fewer."""
    page = (Path(__file__).parents[3] / "docs/agents/mcp.md").read_text("utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    named = {tool for row in rows for tool in re.findall(r"`(\w+)`", row[1])}
    behind = {name for row in rows for name in re.findall(r"`([\w-]+)`", row[3])}
    beside = {"timeline", "playbooks", "whoami", "policy"}
    assert named == TOOLS
    assert behind | beside == set(REACHED)
    assert all(f"`{name}`" in page for name in beside)


def test_requests_leave_in_one_place_alone() -> None:
    """Given the sources of this face, then only `asking` speaks HTTP to a coordinator, so the table is all there is."""
    folder = Path(mcp.__file__).parent
    speaking = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(
                name.split(".")[0] in ("httpx", "httpx2", "requests", "urllib3", "http")
                for name in names
            ):
                speaking.add(file.name)
    assert speaking == {"asking.py"}


async def test_all_tools_together_reach_only_what_the_table_says(stage: Stage) -> None:
    """Given every tool called once, as it is meant, then the coordinator's own count shows no other operation."""
    incident = await stage.declared()
    halt = (await stage.seen("halts"))[0]["id"]
    async with stage.as_agent() as agent:
        before = await stage.asked()
        await call(agent, "halt_status")
        await call(agent, "report_status", halt_id=halt, state="stopped", working_on="x")
        await call(agent, "declare_incident", title="data loss")
        await call(agent, "list_incidents")
        await call(agent, "get_incident", incident_id=incident)
        await call(agent, "my_assignment", incident_id=incident)
        await call(agent, "post_update", incident_id=incident, status="working", progress="x")
        asked = await call(agent, "propose_action", incident_id=incident, **ACTION)
        ended = {"outcome": "withdrawn", "what_happened": "no longer needed"}
        await call(
            agent, "action_result", incident_id=incident, action_id=asked["action_id"], **ended
        )
        await call(agent, "check_gate", incident_id=incident)
        for path in ("halt", "agents", f"incidents/{incident}/timeline", "runbooks/night"):
            await agent.read_resource(f"allstop://{path}")
    after = await stage.asked()
    reached = {name for name, number in after.items() if number > before[name]} - {"metrics"}
    assert reached == REACHED.keys() - {"policy"}
    assert ONE in str(await stage.seen("agents"))
    assert (await stage.seen("halts"))[0]["stands"] is True
