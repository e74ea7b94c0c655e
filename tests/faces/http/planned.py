"""A shop whose services can really be stopped, on a virtual clock, and what people say about plans over the API.

web and orders have no data; orders does not hear when it is asked to stop. db and search keep data; the disk
of search is full. Everybody but wiki needs something: web -> orders -> db, wiki -> search.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from allstop.testing.stage import Answer, Stage

COMMANDER = "person:ada"
PROTOCOL = """\
schema: allstop/1
name: stopping
extends: standard
authority:
  # Agents may make plans here; what only a person may do is refused all the same.
  plan: [role:commander, owner, agent]
audiences:
  responders: {channels: [chat]}
  stakeholders: {channels: [chat]}
  public: {channels: [chat]}
"""
ROSTER = """\
schema: allstop/1
people:
  ada: {name: Ada, roles: [commander], channels: [chat]}
  ben: {name: Ben, roles: [communications, scribe, operations], channels: [chat]}
  eve: {name: Eve, roles: [], channels: [chat], owner: true}
channels: {chat: {adapter: sim}}
teams: {builders: {title: Builders}}
agents:
  builder-1: {name: Builder One, team: builders, adapter: sim}
"""
PLAIN = {
    "stop": "stopped", "kill": "", "start": "started", "isolate": "isolated", "reopen": "open",
}  # fmt: skip
DATA = {
    "quiesce": "quiesced", "unquiesce": "", "drain": "drained", "undrain": "", "fence": "fenced", "unfence": "",
    "flush": "flushed", "snapshot": "saved", "verify-snapshot": "", "stop": "stopped", "start": "started",
}  # fmt: skip
# Where the proof of an action bears another name than what is looked at.
NAMED = {"saved": "snapshot"}


def fleet() -> str:
    services = (
        _service("web", PLAIN, ("orders",), "stage: front"),
        _service("orders", PLAIN, ("db",), "stage: back"),
        _service("db", DATA, (), "stateful: true\n    stage: data"),
        _service("search", DATA, (), "stateful: true\n    stage: data"),
        _service("wiki", PLAIN, ("search",), "stage: front"),
    )
    return (
        "schema: allstop/1\nmonitor: {interval: 5s}\nlimits: {share_percent: 90}\n"
        "stages:\n  data: {title: data}\n  back: {title: back}\n  front: {title: front}\n"
        f"services:\n{''.join(services)}"
    )


def _service(name: str, actions: dict[str, str], needs: Iterable[str], more: str) -> str:
    lines = [
        f"  {name}:", f"    title: {name}", "    category: internal", "    importance: 50", f"    {more}",
        f"    depends: {{{', '.join(f'{one}: hard' for one in needs)}}}",
        f"    probes: {{{name}-deep: {{adapter: sim, options: {{service: {name}, look: healthy}}}}}}",
        "    actions:",
        *(f"      {verb}: {{adapter: sim, verb: {verb}, timeout: 2s}}" for verb in actions),
        "    verify:",
        *(
            f"      {NAMED.get(look, look)}: {{adapter: sim, timeout: 3s, options: {{service: {name}, look: {look}}}}}"
            for look in actions.values()
            if look
        ),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def write_shop(folder: Path) -> Path:
    """The project folder of the shop."""
    for name, body in (("protocol", PROTOCOL), ("roster", ROSTER), ("fleet", fleet())):
        (folder / f"{name}.yaml").write_text(body, "utf-8")
    return folder


# --- what people say ---------------------------------------------------------------------------------


def asked(stage: Stage, purpose: str, *targets: str, **more: Any) -> str:
    """A plan that somebody asks for; returns its id."""
    body = {"purpose": purpose, "targets": list(targets), **more}
    return str(stage.do("incidents/INC-1/plans", COMMANDER, **body)["plan"])


def approve(stage: Stage, plan: str) -> None:
    """Exactly as it is shown."""
    subject = {"subject": f"plan:{plan}", "binds": show(stage, plan)["hash"]}
    stage.do("incidents/INC-1/approvals", COMMANDER, **subject)


def run(stage: Stage, plan: str) -> None:
    stage.do(f"plans/{plan}/run", COMMANDER)


def agreed_and_run(stage: Stage, purpose: str, *targets: str, **more: Any) -> str:
    plan = asked(stage, purpose, *targets, **more)
    if show(stage, plan)["approve"]:
        approve(stage, plan)
    run(stage, plan)
    return plan


def show(stage: Stage, plan: str) -> dict[str, Any]:
    answer = stage.get(f"plans/{plan}")
    assert answer.ok, answer.data
    found: dict[str, Any] = answer.data
    return found


def nodes(stage: Stage, plan: str) -> dict[str, str]:
    return {one["id"]: one["state"] for one in show(stage, plan)["nodes"]}


def steps(stage: Stage, plan: str) -> dict[str, str]:
    return {one["id"]: one["state"] for one in show(stage, plan)["steps"]}


def waive(stage: Stage, plan: str, step: str, who: str) -> Answer:
    return stage.post(f"plans/{plan}/waive", who, step=step, because="its data is in the archive")


def up(stage: Stage) -> set[str]:
    """Services that really run."""
    return {one.name for one in stage.outside.services.values() if one.running}


def deeds(stage: Stage) -> list[str]:
    """What orders have really brought about, in order: `orders/kill`."""
    return [f"{one.effect.target}/{one.effect.verb}" for one in stage.outside.journal.deeds]
