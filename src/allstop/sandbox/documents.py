"""The project folder of the demo: real documents, as a user would write them, for the sandbox shop."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from allstop.sandbox.documents_fleet import fleet
from allstop.sandbox.layout import AGENTS, Layout


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the demo goes; every one of these is a shortened value of the real pack.

    Durations as the documents spell them: `15s`, `15m`.
    """

    window: str = "12s"
    cadence: str = "12s"
    roll_call: str = "8s"
    interval: str = "1s"
    gate: str = "2s"


def write_project(
    home: Path, folder: Path, record: Mapping[str, Any], pace: Pace, *, all_off: bool = False
) -> None:
    """Write allstop.toml and the three documents for the sandbox in `folder` into `home`.

    all_off: for a stop of the whole shop; see `fleet`.
    """
    home.mkdir(parents=True, exist_ok=True)
    (home / "halts").mkdir(exist_ok=True)
    (home / "allstop.toml").write_text(
        "# The demo takes a free port on loopback.\nport = 0\n", encoding="utf-8"
    )
    _write(home / "protocol.yaml", PROTOCOL_NOTE, protocol(pace))
    found = fleet(folder, record, interval=pace.interval, all_off=all_off)
    _write(home / "fleet.yaml", FLEET_NOTE, found)
    _write(home / "roster.yaml", ROSTER_NOTE, roster(Layout.of(folder), home))


ORDERED_STOP = "ordered-stop"
# Nothing is broken, so nothing is assessed, contained or restored: plans do the work, and then it is verified.
_KIND = {
    "title": "Ordered stop of the fleet",
    "severity": "SEV1",
    "all_stop": True,
    "phase": "verify",
}

PROTOCOL_NOTE = "The demo's protocol: the standard pack with every wait shortened, so that it fits into a minute.\n"
FLEET_NOTE = (
    "The sandbox shop: six real processes, how to watch them, and what may be done to them.\n"
)
ROSTER_NOTE = "Who answers in the demo, and the four agents at work.\n"


def protocol(pace: Pace) -> dict[str, Any]:
    """The standard pack, shortened where a minute is too short for the real thing."""
    stable = {
        "title": f"All probes good for {pace.window}",
        "stable_for": pace.window,
        "samples": 3,
    }
    return {
        "schema": "allstop/1",
        "name": "demo",
        "title": "Standard protocol, shortened for the demo",
        "extends": "standard",
        "severities": {"SEV1": {"update_every": pace.cadence}},
        "roles": {name: {"fill": True} for name in ("operations", "communications", "scribe")},
        "audiences": {
            name: {"channels": ["chat"]} for name in ("responders", "stakeholders", "public")
        },
        "all_stop": {"roll_call": pace.roll_call, "remind_after": _half(pace.roll_call)},
        "phases": {"verify": {"exit": {"stable": dict(stable)}}},
        "stand_down": {"still-stable": stable},
        "remedy": {
            "decide_within": "10s",
            "gate": {"samples": 3, "window": pace.gate, "limit": "60s"},
        },
        "activation": {"kinds": {ORDERED_STOP: dict(_KIND)}},
        "updates": {"grace": "10s"},
    }


def roster(layout: Layout, home: Path) -> dict[str, Any]:
    me = getpass.getuser()
    return {
        "schema": "allstop/1",
        "teams": {"builders": {"title": "Builders"}, "writers": {"title": "Writers"}},
        "channels": {"chat": {"adapter": "chat-file", "options": {"path": str(home / "chat.md")}}},
        "people": {
            "ada": {"name": "Ada Okafor", "roles": ["commander", "deputy"], "channels": ["chat"]},
            "ben": {"name": "Ben Lindqvist", "roles": ["operations", "deputy"], "domains": ["payments"], "channels": ["chat"]},
            "cleo": {"name": "Cleo Marchetti", "roles": ["communications", "scribe"], "channels": ["chat"]},
            "dana": {"name": "Dana Whitfield", "login": me, "roles": ["deputy"], "channels": ["chat"], "owner": True},
        },
        "agents": {
            name: {
                "name": name,
                "team": "writers" if name.startswith("docs") else "builders",
                "adapter": "agent-process",
                "options": {
                    "halt_file": str(home / "halts" / name),
                    "pid_file": str(layout.pid_file(name)),
                    "worktree": str(layout.worktree(name)),
                },
            }
            for name in AGENTS
        },
    }  # fmt: skip


def _half(duration: str) -> str:
    """Half of a duration written in whole seconds or minutes."""
    number, unit = int(duration[:-1]), duration[-1]
    seconds = number * {"s": 1, "m": 60}[unit]
    return f"{max(1, seconds // 2)}s"


def _write(path: Path, note: str, document: Mapping[str, Any]) -> None:
    # Allstop's reader takes no anchors, so equal values are written out each time.
    plain = json.loads(json.dumps(document))
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)
    path.write_text(f"# {note}{text}", encoding="utf-8")
