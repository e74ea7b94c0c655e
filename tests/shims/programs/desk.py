"""What the agents of all frameworks have in common: two tools, a script for their model, and a last line that says how it went.

Each program here is an agent as a stranger would write it. It runs in the environment of its framework, started as

    python with_FRAMEWORK.py '{"calls": [["make", "made-1"], ...], ...}'

in the folder it works in, with ALLSTOP_STATE in its environment.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Frameworks tell their makers about runs unless they are told not to; nothing here may reach the network.
os.environ.update(
    OTEL_SDK_DISABLED="true", CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false",
    OPENAI_AGENTS_DISABLE_TRACING="1", ANONYMIZED_TELEMETRY="false", LANGSMITH_TRACING="false",
)  # fmt: skip

ORDER: dict[str, Any] = json.loads(sys.argv[1])
CALLS: list[tuple[str, str]] = [(tool, name) for tool, name in ORDER["calls"]]
CLASSES = {"look": "read", "make": "write"}
DONE = "That is all."
asked = 0


def make(name: str) -> str:
    """Makes a file."""
    Path(name).touch()
    if ORDER.get("halt_after") == name:
        Path(ORDER["then"]).replace(Path(os.environ["ALLSTOP_STATE"]) / "state")
    return f"{name} is made"


def look(name: str) -> str:
    """Looks at a file."""
    with Path("looked").open("a") as file:
        file.write(f"{name}\n")
    return f"{name} was looked at"


def next_call(results: int) -> tuple[str, str] | None:
    """What the model asks for when so many tools have answered; None when it has nothing left to ask for."""
    global asked  # noqa: PLW0603 - counts for the whole program
    asked += 1
    return CALLS[results] if results < len(CALLS) else None


def break_the_check() -> None:
    """As when half of an installation is missing: whoever asks Allstop gets an error that is not a refusal."""
    if ORDER.get("broken") is not True:
        return
    from allstop.shims import guard  # noqa: PLC0415

    def fails(*_: object, **__: object) -> Any:
        raise RuntimeError("no such thing")

    vars(guard)["ask"] = fails


def report(run: Callable[[], Any]) -> None:
    """Runs the agent and says how it ended: the names of the errors, outermost first, and all that was said."""
    break_the_check()
    ended: list[str] = []
    try:
        said = str(run())
    except Exception as error:  # noqa: BLE001 - whatever a framework ends with is what is asked for
        traceback.print_exc()
        said = ""
        one: BaseException | None = error
        while one is not None:
            ended.append(type(one).__name__)
            said += f"{one}\n"
            one = one.__cause__
    print(json.dumps({"ended": ended, "said": said, "asked": asked}))
