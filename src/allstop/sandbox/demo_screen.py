"""What the reader of the demo sees: a live view on a terminal, plain lines elsewhere, JSON on request."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

STAGES = (
    "Something breaks",
    "Detected, declared, classified by measured impact",
    "All-stop: every agent accounted for",
    "Roles from the roster, updates on a cadence",
    "Evidence, and rollback, fix or investigate by the table",
    "Contain and restore",
    "Verify: the stability window on real samples",
    "Stand-down: refused until the evidence is in",
    "Agents released, report written, log verified",
)

_STAGE_OF = {
    "incident.declared": 2, "impact.measured": 2, "severity.classified": 2, "severity.set": 2,
    "role.assigned": 4, "update.requested": 4, "update.posted": 4, "incident.acknowledged": 4,
    "notification.requested": 4, "notification.undeliverable": 4, "deadline.missed": 4,
    "evidence.requested": 5, "evidence.collected": 5, "evidence.failed": 5, "remedy.decided": 5,
    "statement.recorded": 8, "approval.given": 8, "incident.stood_down": 8,
    "obligation.owed": 9, "halt.released": 9, "agent.resumed": 9, "report.written": 9,
}  # fmt: skip
_QUIET = frozenset(
    {"samples.recorded", "notification.requested", "notification.delivered", "evidence.requested",
     "step.started", "agent.registered", "release.known_good", "obligation.owed", "impact.measured"}
)  # fmt: skip
_MARKS = {"good": "✓", "bad": "✗", "notice": "◆", "plain": "·"}
_STYLES = {"good": "green", "bad": "bold red", "notice": "bold cyan", "plain": ""}


def stage_of(entry: Mapping[str, Any]) -> int:
    """Which of the nine stages an entry of the log belongs to."""
    kind = str(entry["kind"])
    if kind in _STAGE_OF:
        return _STAGE_OF[kind]
    if kind in ("milestone.reached", "phase.entered"):
        text = str(entry["text"])
        if "assess" in text:
            return 2
        return 7 if "verify" in text or "resolved" in text else 6
    return {"halt": 3, "agents": 3, "plan": 6}.get(str(entry["stream"]).partition("/")[0], 2)


class Screen(Protocol):
    """Where the demo tells its story."""

    def stage(self, number: int) -> None:
        """A stage begins (each is announced once)."""

    def say(self, text: str, tone: str = "plain", *, stage: int = 0) -> None:
        """A line of the driver's own: what it does, and what the people do."""

    def entry(self, entry: Mapping[str, Any], seconds: float) -> None:
        """An entry of the log, `seconds` after the fault."""

    def state(self, view: Mapping[str, Any] | None, services: Sequence[Mapping[str, Any]]) -> None:
        """The present state of the incident and the fleet."""

    def command(self, person: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
        """A command of the public command line as a person gives it, and what it prints. Returns its exit code."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A small table of the driver's own."""

    def summary(self, summary: Mapping[str, Any]) -> None:
        """The closing page."""

    def close(self) -> None: ...


class Lines:
    """Plain lines: for pipes, logs and dumb terminals; also the base of the live view."""

    def __init__(self, console: Console, stages: Sequence[str] = STAGES) -> None:
        self._console = console
        self._stages = stages
        self._announced: set[int] = set()

    def stage(self, number: int) -> None:
        if number in self._announced or not number:
            return
        self._announced.add(number)
        self._console.print()
        self._console.print(Text(f" {number}  {self._stages[number - 1]}", style="bold reverse"))

    def say(self, text: str, tone: str = "plain", *, stage: int = 0) -> None:
        self.stage(stage)
        line = Text(f"   {_MARKS[tone]} ", style=_STYLES[tone])
        line.append(text, style=_STYLES[tone] if tone == "bad" else "")
        self._console.print(line, soft_wrap=True)

    def entry(self, entry: Mapping[str, Any], seconds: float) -> None:
        if entry["kind"] in _QUIET:
            return
        self.stage(stage_of(entry))
        tone = str(entry["tone"])
        line = Text(f"{seconds:6.1f}s {_MARKS[tone]} ", style=_STYLES[tone])
        line.append(_short(str(entry["text"])), style=_STYLES[tone] if tone != "notice" else "bold")
        self._console.print(line, soft_wrap=True)

    def state(self, view: Mapping[str, Any] | None, services: Sequence[Mapping[str, Any]]) -> None:
        del view, services

    def command(self, person: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
        self._console.print()
        shown = Text(f"{person}$ ", style="bold green")
        self._console.print(
            shown.append(f"allstop {shlex.join(words)}", style="bold"), soft_wrap=True
        )
        sys.stdout.flush()
        # It writes to this very terminal, so that it looks as it does for everybody.
        return subprocess.run(
            [sys.executable, "-m", "allstop", *words],
            env=dict(environment), stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, check=False,
        ).returncode  # fmt: skip

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(title=title, title_justify="left", title_style="bold")
        for name in columns:
            table.add_column(name)
        for row in rows:
            table.add_row(*row)
        self._console.print()
        self._console.print(table)

    def summary(self, summary: Mapping[str, Any]) -> None:
        met = {True: "yes", False: "NO", None: "-"}
        rows = [
            (one["name"], one["measured"], one["target"], met[one["met"]], one["formula"])
            for one in summary["measures"]
        ]
        columns = ("time to", "measured", "target", "met", "formula")
        if rows:
            self.table("Measured beside the targets", columns, rows)
        else:
            self._console.print()
        for text, good in summary["checks"]:
            style = "green" if good else "bold red"
            self._console.print(
                Text(f" {'✓' if good else '✗'} {text}", style=style), soft_wrap=True
            )
        for text in summary["where"]:
            self._console.print(Text(f"   {text}", style="dim"), soft_wrap=True)

    def close(self) -> None: ...


class LiveView(Lines):
    """The lines scroll; below them a panel shows where the emergency stands."""

    def __init__(self, console: Console, stages: Sequence[str] = STAGES) -> None:
        super().__init__(console, stages)
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._live.start()

    def state(self, view: Mapping[str, Any] | None, services: Sequence[Mapping[str, Any]]) -> None:
        self._live.update(_panel(view, services), refresh=True)

    def command(self, person: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
        self._live.stop()
        try:
            return super().command(person, words, environment)
        finally:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.start()

    def summary(self, summary: Mapping[str, Any]) -> None:
        self.close()
        super().summary(summary)

    def close(self) -> None:
        self._live.stop()


class JsonLines:
    """One JSON object per line: log entries as the API gives them, the driver's lines, the summary."""

    def stage(self, number: int) -> None:
        del number

    def say(self, text: str, tone: str = "plain", *, stage: int = 0) -> None:
        self._write({"type": "driver", "stage": stage, "tone": tone, "text": text})

    def entry(self, entry: Mapping[str, Any], seconds: float) -> None:
        self._write({"type": "event", "seconds": round(seconds, 3), **entry})

    def state(self, view: Mapping[str, Any] | None, services: Sequence[Mapping[str, Any]]) -> None:
        del view, services

    def command(self, person: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
        ended = subprocess.run(
            [sys.executable, "-m", "allstop", *words, "--json"],
            env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = {"person": person, "command": list(words), "exit": ended.returncode}
        answer: dict[str, Any] = {"answer": _read_json(ended.stdout)}
        if ended.stderr:
            answer["error"] = _read_json(ended.stderr)
        self._write({"type": "command", **told, **answer})
        return ended.returncode

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        self._write({"type": "table", "title": title, "rows": named})

    def summary(self, summary: Mapping[str, Any]) -> None:
        self._write({"type": "summary", **summary})

    def close(self) -> None: ...

    def _write(self, value: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(value, default=str) + "\n")
        sys.stdout.flush()


def screen(*, as_json: bool, stages: Sequence[str] = STAGES) -> Screen:
    """The screen that fits where standard output goes; NO_COLOR is respected. stages: their titles."""
    if as_json:
        return JsonLines()
    live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    console = Console(
        highlight=False, no_color="NO_COLOR" in os.environ or None, emoji=False, markup=False
    )
    return LiveView(console, stages) if live else Lines(console, stages)


def _read_json(text: str) -> Any:
    """What a command printed: one value, one for each line, or the text as it is."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return text


def _short(text: str, limit: int = 230) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _panel(view: Mapping[str, Any] | None, services: Sequence[Mapping[str, Any]]) -> Panel:
    shop = Text(" shop   ")
    for service in services:
        mark, style = {"up": ("●", "green"), "down": ("✗", "bold red")}.get(
            service["state"], ("○", "yellow")
        )
        shop.append(f"{mark} {service['name']}  ", style=style)
    if view is None:
        return Panel(
            Group(shop), title="nothing is wrong that Allstop knows of", border_style="green"
        )
    line = view["line"]
    phases = Text(" phase  ")
    for phase in view["phases"]:
        mark, style = {"done": ("✓", "green"), "current": ("▶", "bold")}.get(
            phase["state"], ("·", "dim")
        )
        phases.append(f"{mark} {phase['title']}   ", style=style)
    rows: list[Any] = [shop, phases]
    for halt in view["halts"]:
        agents = Text(" agents ")
        for one in halt["roll"]:
            style = (
                "green"
                if one["settled"]
                else "bold red"
                if one["state"] in ("unaccounted", "escaped")
                else "yellow"
            )
            agents.append(f"{one['agent']} {one['state']}   ", style=style)
        rows.append(agents)
    rows.extend(Text(f" waits  {text}", style="yellow") for text in line["waits_for"][:3])
    border = "red" if line["severity"] == "SEV1" else "yellow"
    title = f"{line['id']} {line['severity']} {line['state']} {line['age']}: {line['impact']}"
    return Panel(Group(*rows), title=title, title_align="left", border_style=border)
