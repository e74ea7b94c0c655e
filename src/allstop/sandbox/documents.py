"""The project folder of the demo: real documents, as a user would write them, for the sandbox shop."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from allstop.sandbox.layout import AGENTS, SERVICES, Layout

TITLES = {
    "gateway": "Gateway", "accounts": "Accounts", "payments": "Payments", "orders": "Orders",
    "catalog": "Catalogue", "analytics": "Analytics",
}  # fmt: skip
CATEGORIES = {
    "gateway": "customer-facing", "accounts": "customer-facing", "payments": "revenue", "orders": "revenue",
    "catalog": "customer-facing", "analytics": "analytics",
}  # fmt: skip
STATEFUL = ("payments", "orders")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the demo goes; every one of these is a shortened value of the real pack.

    Durations as the documents spell them: `15s`, `15m`.
    """

    window: str = "12s"
    cadence: str = "12s"
    roll_call: str = "8s"
    interval: str = "1s"


def write_project(home: Path, folder: Path, record: Mapping[str, Any], pace: Pace) -> None:
    """Write allstop.toml and the three documents for the sandbox in `folder` into `home`."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "halts").mkdir(exist_ok=True)
    (home / "allstop.toml").write_text(
        "# The demo takes a free port on loopback.\nport = 0\n", encoding="utf-8"
    )
    _write(home / "protocol.yaml", PROTOCOL_NOTE, protocol(pace))
    _write(home / "fleet.yaml", FLEET_NOTE, fleet(folder, record, pace))
    _write(home / "roster.yaml", ROSTER_NOTE, roster(Layout.of(folder), home))


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
        "remedy": {"decide_within": "10s", "gate": {"samples": 3, "window": "2s", "limit": "60s"}},
        "updates": {"grace": "10s"},
    }


def fleet(folder: Path, record: Mapping[str, Any], pace: Pace) -> dict[str, Any]:
    urls, releases = record["urls"], record["releases"]
    services = {
        name: _service(name, folder, urls, releases)
        for name in ("gateway", *[one for one in SERVICES if one != "gateway"])
    }
    return {
        "schema": "allstop/1",
        "monitor": {"interval": pace.interval, "known_good_after": "3s"},
        "services": services,
        "functions": {
            "buying": {
                "title": "buying", "core": True, "probe": "checkout",
                "services": ["gateway", "accounts", "catalog", "payments", "orders"],
            }
        },
        "meters": {
            "sales": {
                "adapter": "http", "timeout": "900ms", "options": {"url": f"{urls['gateway']}/stats"},
                "reads": {
                    "attempts": "attempts", "failures": "failures", "lost": "lost", "currency": "currency",
                    "window_ms": "window_ms", "users": "customers_failed",
                },
            }
        },
    }  # fmt: skip


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


def _service(
    name: str, folder: Path, urls: Mapping[str, str], releases: Mapping[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": TITLES[name],
        "category": CATEGORIES[name],
        "importance": 10 if name == "analytics" else 95,
        "stateful": name in STATEFUL,
        "probes": _probes(name, urls),
        "verify": {
            "release": {
                "adapter": "http", "timeout": "900ms",
                "options": {"url": f"{urls[name]}/health", "expect_json": {"release": "{release}"}},
            },
        },
        "diagnose": _diagnosis(name, folder, urls, releases),
        "actions": _actions(name, folder, urls, releases),
    }  # fmt: skip
    if name == "gateway":
        needs = {
            one: "soft" if one == "analytics" else "hard" for one in SERVICES if one != "gateway"
        }
        found["depends"] = needs
    else:
        found["verify"] |= _route_proofs(name, urls["gateway"])
    return found


def _probes(name: str, urls: Mapping[str, str]) -> dict[str, Any]:
    probes: dict[str, Any] = {
        f"{name}-health": {"adapter": "http", "timeout": "900ms", "fall": 3, "rise": 2, "options": {"url": f"{urls[name]}/health"}},
        f"{name}-deep": {
            "adapter": "http", "timeout": "900ms", "fall": 3, "rise": 2,
            "options": {"url": f"{urls[name]}/deep", "expect_json": {"ok": True}},
        },
    }  # fmt: skip
    if name == "gateway":
        probes["checkout"] = {
            "adapter": "http", "timeout": "900ms", "fall": 3, "rise": 2,
            "options": {
                "url": f"{urls['gateway']}/buy", "method": "POST", "expect_status": [201],
                "json": {"order": "probe-{unique}", "customer": "probe", "sku": "mug", "quantity": 1, "synthetic": True},
            },
        }  # fmt: skip
    return probes


def _route_proofs(name: str, gateway: str) -> dict[str, Any]:
    """Isolation is proven from outside, by a purchase that is turned away for that very reason."""
    purchase = {
        "order": "proof-{unique}",
        "customer": "probe",
        "sku": "mug",
        "quantity": 1,
        "synthetic": True,
    }
    return {
        "isolated": {
            "adapter": "http", "timeout": "900ms",
            "options": {
                "url": f"{gateway}/buy", "method": "POST", "expect_status": [503], "json": purchase,
                "expect_json": {"stage": name, "error": f"{name} is isolated"},
            },
        },
        "open": {
            "adapter": "http", "timeout": "900ms",
            "options": {"url": f"{gateway}/admin/routes", "expect_json": {f"routes.{name}.state": "open"}},
        },
    }  # fmt: skip


def _diagnosis(
    name: str, folder: Path, urls: Mapping[str, str], releases: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "recent-changes": {"adapter": "git-release", "verb": "history", "timeout": "5s", "options": {"repo": releases[name], "branch": "main"}},
        "service-state": {"adapter": "command", "verb": "read", "timeout": "5s", "options": {"argv": _ctl(folder, "status", name)}},
        "recent-errors": {"adapter": "command", "verb": "read", "timeout": "5s", "options": {"argv": ["tail", "-n", "40", str(Layout.of(folder).log(name))]}},
        "health": {"adapter": "http", "verb": "read", "timeout": "2s", "options": {"url": f"{urls[name]}/health"}},
        "resources": {"adapter": "command", "verb": "read", "timeout": "5s", "options": {"argv": ["df", "-h", str(folder)]}},
    }  # fmt: skip


def _actions(
    name: str, folder: Path, urls: Mapping[str, str], releases: Mapping[str, str]
) -> dict[str, Any]:
    restart = {
        "adapter": "command",
        "verb": "ensure",
        "timeout": "15s",
        "options": {"argv": _ctl(folder, "restart", name)},
    }
    rollback = {
        "adapter": "git-release", "verb": "rollback", "timeout": "10s",
        "options": {"repo": releases[name], "branch": "main", "tree": "{release}", "title": f"{name} to its last known good release"},
    }  # fmt: skip
    actions: dict[str, Any] = {"restart": restart, "rollback": rollback}
    if name != "gateway":
        route = f"{urls['gateway']}/admin/routes/{name}"
        for purpose, state in (("isolate", "isolated"), ("reopen", "open")):
            actions[purpose] = {
                "adapter": "http", "verb": "put", "timeout": "3s",
                "options": {
                    "url": route, "json": {"state": state, "epoch": "{epoch}", "key": "{key}"},
                    "observe_url": f"{urls['gateway']}/admin/routes", "expect_json": {f"routes.{name}.state": state, f"routes.{name}.key": "{key}"},
                },
            }  # fmt: skip
    return actions


def _ctl(folder: Path, verb: str, name: str) -> list[str]:
    return [sys.executable, "-m", "allstop.sandbox", "ctl", str(folder), verb, name]


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
