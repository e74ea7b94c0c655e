"""CrewAI: hooks before each tool call and each model call.

    with halting():
        crew.kickoff()

CrewAI swallows every exception of a hook and goes on, but one: a refusal is `HookAborted`. A refused tool is answered
to the model as blocked; the crew ends, with `HookAborted`, before the model is asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from allstop.shims.guard import Guard


@contextmanager
def halting(
    *, classes: Mapping[str, str] | None = None, agent: str = "", team: str = "", session: str = ""
) -> Iterator[None]:
    """Within it every crew of this process is looked after. classes: by the tool's name.

    agent: by default the role of CrewAI's agent that calls. Hooks are the process's: enter it once, around everything.
    An agent that was made before has not taken up the hook before model calls: make crews within.
    """
    hooks = import_module("crewai.hooks")
    registered = import_module("crewai.hooks.dispatch").get_global_hook_list
    spelling = import_module("crewai.utilities.string_utils").sanitize_tool_name

    # CrewAI gives its model, and its hooks, other spellings of the tools' names.
    spelled = {spelling(tool): kind for tool, kind in (classes or {}).items()}
    guard = Guard("crewai", spelled, team=team, session=session)

    def before_tool(context: Any) -> None:
        why = guard.refuses(
            spelling(str(context.tool_name)), agent=agent or _role(context), turn=_turn(context)
        )
        if why:
            raise hooks.HookAborted(why.text, "allstop") from why

    def before_model(context: Any) -> None:
        why = guard.refuses_turn(agent=agent or _role(context), turn=_turn(context))
        if why:
            raise hooks.HookAborted(why.text, "allstop") from why

    points = hooks.InterceptionPoint
    ours = (
        (points.PRE_TOOL_CALL, _never_failing(before_tool, hooks.HookAborted)),
        (points.PRE_MODEL_CALL, _never_failing(before_model, hooks.HookAborted)),
    )
    for point, hook in ours:
        # First of all, so that no other hook acts on a call that will not be.
        registered(point).insert(0, hook)
    try:
        yield
    finally:
        for point, hook in ours:
            hooks.unregister_hook(point, hook)


def _never_failing(hook: Any, aborted: type[Exception]) -> Any:
    def guarded(context: Any) -> None:
        try:
            hook(context)
        except aborted:
            raise
        except Exception as error:
            text = f"Allstop: this was not run, because the check itself failed ({type(error).__name__})."
            raise aborted(text, "allstop") from error

    return guarded


def _role(context: Any) -> str:
    return str(getattr(getattr(context, "agent", None), "role", None) or "")


def _turn(context: Any) -> str:
    return "/".join(
        str(getattr(getattr(context, name, None), "id", "")) for name in ("crew", "task", "agent")
    )
