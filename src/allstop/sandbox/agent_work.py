"""What the agents do all day: real modules, real documents, real tests, checked by running them.

Work goes on for ever and is a function of the step's number, so an agent that comes back after a
halt goes on with the very next piece.
"""

from __future__ import annotations

import subprocess
import sys
from itertools import permutations
from pathlib import Path
from typing import Protocol

WORKSPACE_FILES = {
    "README.md": "# toolkit\n\nSmall functions for the shop's reports. Agents work on branches.\n",
    ".gitignore": "__pycache__/\n*.draft\n",
    "check.py": '''"""Run the checks of a module: python check.py path/to/module.py"""

import runpy
import sys

found = runpy.run_path(sys.argv[1])
for function, given, expected in found["CHECKS"]:
    result = function(given)
    if abs(result - expected) > 1e-9 * max(1.0, abs(expected)):
        sys.exit(f"{function.__name__}({given}) is {result}, not {expected}")
print(f"{len(found['CHECKS'])} checks passed in {sys.argv[1]}")
''',
    "toolkit.py": '''"""Small functions for the shop's reports."""


def running_totals(values):
    """The sum so far, after each value."""
    totals, total = [], 0
    for value in values:
        total += value
        totals.append(total)
    return totals


def in_groups(values, size):
    """The values in lists of `size`; the last one may be shorter."""
    return [values[start : start + size] for start in range(0, len(values), size)]


def median(values):
    """The middle value, or the mean of the two in the middle."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2
''',
}

# In the kind's base unit: metres, grams, litres, seconds.
_UNITS = {
    "length": {
        "metres": 1.0,
        "kilometres": 1000.0,
        "miles": 1609.344,
        "yards": 0.9144,
        "feet": 0.3048,
        "inches": 0.0254,
    },
    "mass": {"grams": 1.0, "kilograms": 1000.0, "pounds": 453.59237, "ounces": 28.349523125},
    "volume": {"litres": 1.0, "gallons": 3.785411784, "pints": 0.473176473, "cups": 0.2365882365},
    "time": {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0, "weeks": 604800.0},
}
_PAIRS = [
    (kind, here, there, units[here] / units[there])
    for kind, units in _UNITS.items()
    for here, there in permutations(units, 2)
]
_PER_FILE = 25


class Work(Protocol):
    """A kind of work that comes in numbered pieces."""

    def title(self, number: int) -> str:
        """What piece `number` is, as the agent would say it."""

    def do(self, folder: Path, number: int) -> str:
        """Do piece `number` in the worktree; returns what came of it, in a line.

        Raises WorkFailedError if the check of the piece fails.
        """


class WorkFailedError(RuntimeError):
    """A piece of work did not pass its own check."""


class Conversions:
    """Writes conversion functions, each with a check, and runs the module's checks."""

    def title(self, number: int) -> str:
        kind, here, there, _ = _pair(number)
        return f"adding {here}_to_{there} to conversions/{_round_name(kind, number)}.py"

    def do(self, folder: Path, number: int) -> str:
        kind, here, there, factor = _pair(number)
        path = Path("conversions", f"{_round_name(kind, number)}.py")
        function = (
            f"\n\ndef {here}_to_{there}(value):\n"
            f'    """Convert {here} to {there}."""\n'
            f"    return value * {factor!r}\n\n\n"
            f"CHECKS.append(({here}_to_{there}, 10.0, {10 * factor!r}))\n"
        )
        _append(folder / path, f'"""Conversions of {kind}."""\n\nCHECKS = []\n', function)
        return _run(folder, "check.py", str(path))


class Sums:
    """Writes closed forms of sums and checks each against adding up one by one."""

    def title(self, number: int) -> str:
        return f"adding sum_of_multiples_of_{number + 2} to sums/part_{number // _PER_FILE}.py"

    def do(self, folder: Path, number: int) -> str:
        step = number + 2
        path = Path("sums", f"part_{number // _PER_FILE}.py")
        limit = 17 * step + 3
        function = (
            f"\n\ndef sum_of_multiples_of_{step}(limit):\n"
            f'    """The sum of all multiples of {step} below `limit`."""\n'
            f"    count = (limit - 1) // {step}\n"
            f"    return {step} * count * (count + 1) // 2\n\n\n"
            f"CHECKS.append((sum_of_multiples_of_{step}, {limit}, {sum(range(0, limit, step))}))\n"
        )
        _append(
            folder / path, '"""Sums of multiples, without a loop."""\n\nCHECKS = []\n', function
        )
        return _run(folder, "check.py", str(path))


class Documents:
    """Writes a reference section per conversion, with a table of worked examples."""

    def title(self, number: int) -> str:
        kind, here, there, _ = _pair(number)
        return f"documenting {here} to {there} in docs/{_round_name(kind, number)}.md"

    def do(self, folder: Path, number: int) -> str:
        kind, here, there, factor = _pair(number)
        rows = "".join(f"| {value} | {value * factor:.6g} |\n" for value in (1, 5, 10, 50, 100))
        section = (
            f"\n## {here.capitalize()} to {there}\n\n"
            f"Multiply {here} by {factor:.9g}; to go back, divide by it.\n\n"
            f"| {here} | {there} |\n|--:|--:|\n{rows}"
        )
        path = folder / "docs" / f"{_round_name(kind, number)}.md"
        _append(path, f"# Conversions of {kind}\n", section)
        return f"{path.name} has {len(path.read_text(encoding='utf-8').split())} words"


class Tests:
    """Writes unit tests of the toolkit and runs them."""

    def title(self, number: int) -> str:
        return (
            f"testing running_totals of {number + 1} values in test_part_{number // _PER_FILE}.py"
        )

    def do(self, folder: Path, number: int) -> str:
        name = f"test_part_{number // _PER_FILE}"
        size = number + 1
        head = (
            '"""Tests of the toolkit."""\n\nimport unittest\n\n'
            "from toolkit import running_totals\n\n\nclass RunningTotals(unittest.TestCase):\n"
        )
        test = (
            f"    def test_of_{size}_values(self):\n"
            f"        totals = running_totals(range(1, {size + 1}))\n"
            f"        self.assertEqual(totals[-1], {size * (size + 1) // 2})\n"
            f"        self.assertEqual(len(totals), {size})\n\n"
        )
        _append(folder / f"{name}.py", head, test)
        return _run(folder, "-m", "unittest", "-q", name)


WORK: dict[str, Work] = {
    "builder-1": Conversions(),
    "builder-2": Sums(),
    "docs-1": Documents(),
    "tester-1": Tests(),
}


def _pair(number: int) -> tuple[str, str, str, float]:
    return _PAIRS[number % len(_PAIRS)]


def _round_name(kind: str, number: int) -> str:
    """After all pairs are written once, the next round goes to files of its own."""
    done = number // len(_PAIRS)
    return f"{kind}_{done + 1}" if done else kind


def _append(path: Path, head: str, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    started = path.exists()
    with path.open("a", encoding="utf-8") as file:
        file.write(text if started else head + text)


def _run(folder: Path, *arguments: str) -> str:
    """Run python in the worktree; returns the last line it printed."""
    # Bare flags: without them the interpreter takes 50 ms more, per step and agent.
    flags = ("-E", "-s", "-S", "-B")
    done = subprocess.run(
        [sys.executable, *flags, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    said = (done.stdout + done.stderr).strip().splitlines()
    last = said[-1] if said else ""
    if done.returncode != 0:
        raise WorkFailedError(last or f"python {' '.join(arguments)} exited {done.returncode}")
    return last
