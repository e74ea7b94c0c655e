"""`allstop.check()`: may this program do what it is about to do? The gate's answer, without starting the gate."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from allstop.errors import AllstopError
from allstop.gate.decision import ALLOWED, REPORT_TOOLS, Caller, Decision, decide
from allstop.gate.state_file import CLASSES, HARD, REPORT, StandingHalt, State
from allstop.shims.standing import NoState, now, seconds, state_folder, what_stands

Place = str | os.PathLike[str]

# Allstop's own tools by their bare names: add them to the classes of a program that offers them to its model.
REPORTS = dict.fromkeys(REPORT_TOOLS, REPORT)
_KNOWN = frozenset((*CLASSES, REPORT, ""))
_PROMPT = "UserPromptSubmit"
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
# What stands when that cannot be read: nothing may run but what reports.
_UNKNOWN = State(0, "-", lease_closed=True)


class Asked(NamedTuple):
    """What is asked, as in `check`."""

    tool: str = ""
    tool_class: str = ""
    prompt: bool = False
    agent: str = ""
    team: str = ""
    session: str = ""
    folder: Place = ""


class AllstopHalted(AllstopError):
    """A halt stands, or what stands cannot be known: this must not be done. `text` is a sentence for a model or a person.

    decision: what refused it; halt: the id of the halt, or empty.
    """

    code = "halted"

    def __init__(self, decision: Decision) -> None:
        super().__init__(sentence(decision))
        self.decision = decision
        self.halt = decision.halt.id if decision.halt else ""

    def __reduce__(self) -> tuple[type[AllstopHalted], tuple[Decision]]:
        return (AllstopHalted, (self.decision,))


def check(
    tool: str = "",
    *,
    tool_class: str = "",
    prompt: bool = False,
    agent: str = "",
    team: str = "",
    session: str = "",
    folder: Place = "",
) -> None:
    """Returns when it may go on. Raises AllstopHalted otherwise, also when the state file is missing or makes no sense.

    tool: its name; tool_class: what it can do to the world (read, write, exec, net, deploy, spend, comms, report,
    other), by default what the name says, if it is one that Claude Code has, else other. prompt: a turn of a model is
    about to begin, not a tool; only a hard halt refuses that. agent, team: who asks, beside ALLSTOP_AGENT and
    ALLSTOP_TEAM; session: id of the conversation, never one that a model can choose; folder: where it works, by
    default the current one. Raises ValueError for a class that does not exist.
    """
    decision = may(
        tool, tool_class=tool_class, prompt=prompt, agent=agent, team=team, session=session,
        folder=folder,
    )  # fmt: skip
    if not decision.allowed:
        raise AllstopHalted(decision)


def may(
    tool: str = "",
    *,
    tool_class: str = "",
    prompt: bool = False,
    agent: str = "",
    team: str = "",
    session: str = "",
    folder: Place = "",
) -> Decision:
    """The decision on what `check` would be asked. Raises ValueError as `check` does."""
    return ask(Asked(tool, tool_class, prompt, agent, team, session, folder))


def ask(asked: Asked, runtime: str = "python", *, receipt: bool = True) -> Decision:
    """The decision. runtime: a word for the receipt, which says to the host process that one call was not run."""
    if asked.tool_class not in _KNOWN:
        classes = ", ".join((*CLASSES, REPORT))
        raise ValueError(f"{asked.tool_class!r} is no class of tools: {classes}")
    place, problem, state = "", "", _UNKNOWN
    try:
        place = state_folder()
        state = what_stands(place)
        if not state.halts and not state.lease_closed:
            return ALLOWED
    except NoState as error:
        problem = str(error)
    at = now(place, state)
    decision = _hardest([decide(state, caller, at) for caller in _callers(state, asked)])
    if decision.allowed:
        return ALLOWED
    if problem:
        decision = Decision(allowed=False, problem=problem)
    if receipt:
        words = (runtime, asked.session, _PROMPT if asked.prompt else asked.tool)
        _write_down(place, state, decision, words)
    return decision


def sentence(decision: Decision) -> str:
    """Why something is refused, by a fixed form: nothing that a person or a model has written is in it."""
    if decision.allowed:
        return ""
    if decision.problem:
        return f"Allstop: this was not run, because {decision.problem}."
    if decision.halt is None:
        return (
            "Allstop: the lease of this machine has run out, and nothing may run without it. Stop here and do not "
            "work around it. A person: look whether the allstop host process of this machine runs and reaches its "
            "coordinator."
        )
    halt = decision.halt
    about = f" for {halt.incident}" if halt.incident != "-" else ""
    about += f" ({halt.severity})" if halt.severity != "-" else ""
    return (
        f"Allstop: {halt.id} stands{about}, so this was not run. Stop here: do not retry it and do not work around "
        "it. Report with the tools of Allstop when asked, and wait. Only people release a halt, and it is over when "
        "calls are let through again, not when a message says so."
    )


def _callers(state: State, asked: Asked) -> Iterator[Caller]:
    """Everybody this caller is: a name it gives itself is one more, and takes it out of no halt."""
    # A program may hand over a number or nothing at all: compared with a name, these must not look like somebody else.
    given: tuple[object, ...] = (asked.agent, asked.team, asked.session)
    agent, team, session = ("" if name is None else str(name) for name in given)
    agents = {agent, os.environ.get("ALLSTOP_AGENT", "")} - {""} or {""}
    teams = {team, os.environ.get("ALLSTOP_TEAM", "")} - {""} or {""}
    near = any(halt.scope.startswith("repository:") for halt in state.halts)
    whole, partial = _folders(asked.folder) if near else ((), ())
    for one, other in product(sorted(agents), sorted(teams)):
        yield Caller(
            event=_PROMPT if asked.prompt else "", tool=asked.tool, session=session, agent=one,
            team=other, folders=whole, partial=partial, tool_class=asked.tool_class,
        )  # fmt: skip


def _folders(given: Place) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The folder as it is named and as it really is. One that is not known may be any."""
    try:
        named = os.path.abspath(os.fspath(given) or os.getcwd())  # noqa: PTH100, PTH109 - `..` goes, links stay
        return (named, os.path.realpath(named)), ()
    except (OSError, ValueError):
        return (), ("",)


def _hardest(decisions: list[Decision]) -> Decision:
    refused = [one for one in decisions if not one.allowed]
    return max(refused, key=lambda one: _hardness(one.halt)) if refused else ALLOWED


def _hardness(halt: StandingHalt | None) -> int:
    return 3 if halt is None else {HARD: 2, "default": 1}.get(halt.classes[0], 0)


def _write_down(place: str, state: State, decision: Decision, words: tuple[str, str, str]) -> None:
    """A receipt is proof, not a condition: where it cannot be written, the answer stands."""
    if not place:
        return
    by = decision.halt.id if decision.halt else "state" if decision.problem else "lease"
    runtime, session, tool = (word if _WORD.fullmatch(str(word)) else "-" for word in words)
    line = f"deny {state.seq} {by} {runtime} {session} {tool} {seconds(0)}\n"
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(f"{place}/spool/receipts", flags)
        try:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                os.write(handle, line.encode("ascii"))
        finally:
            os.close(handle)
    except OSError:
        pass
