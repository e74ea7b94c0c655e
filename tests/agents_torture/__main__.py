"""`python -m tests.agents_torture`: halt twelve stub agents again and again, and count what must never be seen.

Goes on where it was stopped: each run is one line in a file. `--anew` begins again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.agents_torture.checks import Run, false_stops, gated_calls, violations
from tests.agents_torture.ground import Ground, groups_are_here
from tests.agents_torture.stub import KINDS

KEPT = Path(tempfile.gettempdir()) / "allstop-torture-agents.jsonl"
# A machine is used for so many halts, then a new one is set up.
RUNS_A_GROUND = 20
LOWEST = 19


def main(arguments: Sequence[str]) -> int:
    """Run, print what came of it, and return 1 when anything was not as it must be."""
    asked = _parser().parse_args(arguments)
    if not groups_are_here():
        print("no control group may be made here: agents cannot be held", file=sys.stderr)
        return 1
    os.nice(LOWEST)
    kept = Path(asked.kept)
    if asked.anew:
        kept.unlink(missing_ok=True)
    until = time.monotonic() + asked.seconds if asked.seconds else float("inf")
    while (done := len(_lines(kept))) < asked.runs and time.monotonic() < until:
        share = min(RUNS_A_GROUND, asked.runs - done)
        with _ground(asked.kind or list(KINDS)) as ground:
            for number in range(share):
                _keep(kept, ground.run_once(number))
                if time.monotonic() > until:
                    break
    return _summary(_lines(kept), asked.runs)


@contextmanager
def _ground(kinds: list[str]) -> Iterator[Ground]:
    with tempfile.TemporaryDirectory(prefix="allstop-stubs-") as name:
        ground = Ground(Path(name))
        try:
            ground.settle(kinds)
            yield ground
        finally:
            ground.end()


def _keep(kept: Path, run: Run) -> None:
    line = {
        "agents": len(run.agents), "held_s": round(run.released_at - run.held_at, 1),
        "ticks": sum(len(one.ticks) for one in run.agents), "calls": sum(len(one.calls) for one in run.agents),
        "tries": sum(len(one.tries) for one in run.agents), "false_stops": false_stops(run),
        "gated_calls": gated_calls(run), "violations": violations(run),
    }  # fmt: skip
    with kept.open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)


def _lines(kept: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []


def _summary(lines: list[dict[str, object]], wanted: int) -> int:
    def total(name: str) -> int:
        return sum(int(str(line[name])) for line in lines)

    found = [text for line in lines for text in _texts(line)]
    print(
        f"{len(lines)} of {wanted} runs, {total('agents')} agents halted: {total('false_stops')} false stops, "
        f"{total('gated_calls')} gated calls after the halt was there, {total('calls')} calls, {total('tries')} tries, "
        f"{len(found)} violations"
    )
    for text in found:
        print(f"  VIOLATION {text}")
    return 1 if found or len(lines) < wanted else 0


def _texts(line: dict[str, object]) -> list[str]:
    found = line["violations"]
    return [str(text) for text in found] if isinstance(found, list) else []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.agents_torture", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how many halts in all; 3 by default")
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="begin nothing new after so long"
    )
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only these agents")
    parser.add_argument(
        "--kept", default=str(KEPT), help="the file of runs; goes on where it stops"
    )
    parser.add_argument("--anew", action="store_true", help="forget the runs in it")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
