"""What a halt means for one tool call, in Python: the same answers as the gate's, for checks inside programs.

Pure. `allstop-gate` says the same in shell; a test compares the two on states and callers nobody thought of.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from allstop.gate.state_file import REPORT, Lease, Pass, StandingHalt, State

# Allstop's own tools for agents, by exact name: nothing else is open during a halt, whatever it calls itself.
REPORT_TOOLS = (
    "action_result",
    "check_gate",
    "declare_incident",
    "get_incident",
    "halt_status",
    "list_incidents",
    "my_assignment",
    "post_update",
    "propose_action",
    "report_status",
)

_CLAUDE = {
    "read": "Read Grep Glob LS NotebookRead LSP ListMcpResourcesTool ReadMcpResourceTool",
    "write": "Write Edit MultiEdit NotebookEdit",
    "exec": "Bash PowerShell Monitor",
    "net": "WebFetch WebSearch",
    "comms": "SendMessage",
    # Fetches descriptions of tools and does nothing else; Claude Code reaches the tools of Allstop only through it.
    REPORT: "ToolSearch",
}
TOOLS = {
    "claude": _CLAUDE,
    "generic": _CLAUDE,
    "codex": {
        "read": "view_image Read Grep Glob",
        "write": "apply_patch Write Edit",
        "exec": "Bash shell local_shell exec_command write_stdin unified_exec",
        "net": "web_search web_fetch",
    },
    "gemini": {
        "read": "read_file read_many_files list_directory glob grep_search search_file_content",
        "write": "write_file replace edit",
        "exec": "run_shell_command",
        "net": "web_fetch google_web_search",
    },
    "copilot": {
        "read": "view grep glob rg read",
        "write": "create edit str_replace_editor apply_patch",
        "exec": "bash shell write_bash powershell write_powershell",
        "net": "web_fetch web_search fetch",
    },
}
RUNTIMES = tuple(TOOLS)
# How a client spells a tool of the MCP server that is called `allstop`; Claude Code also when it comes with the plugin
# of that name.
_BY_CLAUDE = ("mcp__allstop__", "mcp__plugin_allstop_allstop__")
REPORTING = {
    "claude": _BY_CLAUDE,
    "generic": _BY_CLAUDE,
    "codex": ("mcp__allstop__",),
    "gemini": ("mcp_allstop_",),
    "copilot": ("allstop-",),
}


class Asked(Enum):
    """What a client wants to do."""

    TOOL = "tool"
    PROMPT = "prompt"
    FACT = "fact"


_EVENTS = {
    **dict.fromkeys(
        ("UserPromptSubmit", "BeforeAgent", "BeforeModel", "userPromptSubmitted"), Asked.PROMPT
    ),
    **dict.fromkeys(
        ("SessionStart", "Stop", "SessionEnd", "AfterAgent", "sessionStart", "sessionEnd"),
        Asked.FACT,
    ),
    "agentStop": Asked.FACT,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """One client about to do something. session, agent, team: empty when unknown. folders: where it works.

    A folder that could be read only up to some character is `partial`: it may go on in any way.
    tool_class: set by a program that knows its own tools; otherwise the class follows from the tool's name.
    """

    runtime: str = "generic"
    event: str = ""
    tool: str = ""
    session: str = ""
    agent: str = ""
    team: str = ""
    folders: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    tool_class: str = ""


@dataclass(frozen=True, slots=True)
class Now:
    """boot: which start of the machine this is; seconds since then; lease: what the lease file says, if anything."""

    boot: str
    seconds: int
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it may go on; otherwise which halt refuses it (LAPSED: none, but the lease has run out).

    problem: why the state file could not be read, which refuses too; else empty.
    """

    allowed: bool
    halt: StandingHalt | None = None
    problem: str = ""


ALLOWED = Decision(allowed=True)
LAPSED = Decision(allowed=False)


def tool_class(runtime: str, tool: str) -> str:
    """The class of a tool: what it can do to the world. What nobody knows is `other`."""
    for prefix in REPORTING.get(runtime, ()):
        if tool.startswith(prefix) and tool.removeprefix(prefix) in REPORT_TOOLS:
            return REPORT
    for name, tools in TOOLS.get(runtime, {}).items():
        if tool in tools.split():
            return name
    return "other"


def asked(event: str) -> Asked:
    """What an event of a client stands for; one nobody knows is treated as a tool call, which is the strictest."""
    return _EVENTS.get(event, Asked.TOOL)


def decide(state: State, caller: Caller, now: Now) -> Decision:
    """Whether what a client is about to do may be done.

    A fact may always be told. A prompt is refused only by a `hard` halt: under others reading and answering the roll
    call stay possible, and need a turn. Of the halts that refuse, the hardest is named, of several the first.
    """
    wanted = asked(caller.event)
    if wanted is Asked.FACT:
        return ALLOWED
    kind = caller.tool_class or tool_class(caller.runtime, caller.tool)
    if wanted is Asked.TOOL and kind == REPORT:
        return ALLOWED
    if state.lease_closed and not _fresh(now):
        return LAPSED
    refusing = [halt for halt in state.halts if _refuses(state, halt, caller, kind, now)]
    if not refusing:
        return ALLOWED
    return Decision(allowed=False, halt=max(refusing, key=_hardness))


def covers(state: State, scope: str, caller: Caller) -> bool:
    """Whether a halt's scope takes in a client. One that does not say who it is is taken in when the state says so."""
    kind, _, name = scope.partition(":")
    match kind:
        case "all":
            return True
        case "repository":
            known = caller.folders or caller.partial
            return _works_in(caller, name) if known else state.unknown_covered
        case "team":
            own = caller.team
        case "agent":
            own = caller.agent
        case _:
            own = caller.session
    return own == name if own else state.unknown_covered


def _refuses(state: State, halt: StandingHalt, caller: Caller, kind: str, now: Now) -> bool:
    if not covers(state, halt.scope, caller):
        return False
    through = [one for one in state.passes if _holds(state, one, halt, caller, now)]
    if asked(caller.event) is Asked.PROMPT:
        return halt.hard and not through
    return halt.blocks(kind) and not any(kind in one.classes for one in through)


def _holds(state: State, one: Pass, halt: StandingHalt, caller: Caller, now: Now) -> bool:
    return (
        one.halt == halt.id
        and one.session == caller.session
        and state.boot == now.boot
        and now.seconds < one.until
    )


def _works_in(caller: Caller, name: str) -> bool:
    """Whether a client works in a folder, or may do so as far as its own could be read."""
    there = name.removesuffix("/")
    return any(_within(folder, there) for folder in (*caller.folders, *caller.partial)) or any(
        there.startswith(beginning) for beginning in caller.partial
    )


def _within(folder: str, there: str) -> bool:
    return folder == there or folder.startswith(f"{there}/")


def _fresh(now: Now) -> bool:
    lease = now.lease
    return lease is not None and lease.boot == now.boot and now.seconds < lease.until


def _hardness(halt: StandingHalt) -> int:
    return {"hard": 2, "default": 1}.get(halt.classes[0], 0)
