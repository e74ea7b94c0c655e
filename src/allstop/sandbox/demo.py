"""`allstop demo`: a whole emergency in front of the reader, on real processes; ends by itself."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import httpx

from allstop.sandbox import reaping
from allstop.sandbox.demo_cast import Api, Cast, wait_until_well
from allstop.sandbox.demo_fleet_stop import STAGES_OF_A_STOP, fleet_stop
from allstop.sandbox.demo_hung import HungCast, Pile
from allstop.sandbox.demo_screen import STAGES, Screen, screen
from allstop.sandbox.demo_stage import PEOPLE, Stage, cli_json, stage
from allstop.sandbox.documents import Pace
from allstop.sandbox.layout import AGENTS, SandboxError
from allstop.sandbox.order_book import check_order_book

HUNG_DEPENDENCY = "hung-dependency"
FAULTS = {
    "bad-release": "a bad release of payments is committed and deployed",
    "killed-process": "the orders process is killed in mid-traffic",
    HUNG_DEPENDENCY: "the catalogue stands still: it takes connections and answers none",
}
FLEET_STOP = "fleet-stop"
PATIENCE_SECONDS = 180.0


@click.command()
@click.option(
    "--scenario",
    type=click.Choice(sorted((*FAULTS, FLEET_STOP))),
    default="bad-release",
    show_default=True,
    help="What breaks, or what is done.",
)
@click.option(
    "--window",
    default="12s",
    show_default=True,
    help="Stability window, such as 12s or the real 15m.",
)
@click.option("--ask", is_flag=True, help="You are the commander: the demo asks you to approve.")
@click.option("--keep", is_flag=True, help="Keep the demo's folder and say where it is.")
@click.option("--json", "as_json", is_flag=True, help="Stream the log as JSON lines.")
@click.option(
    "--rate",
    type=click.IntRange(1, 100),
    default=8,
    show_default=True,
    help="Purchases per second.",
)
def demo(scenario: str, window: str, ask: bool, keep: bool, as_json: bool, rate: int) -> None:
    """Run a whole emergency on real processes: a shop breaks, agents stop, the shop is brought back.

    Nothing is faked: six services, four agents in git worktrees, a coordinator, each a process tree
    of its own. It takes about a minute and ends by itself.

    \b
    Examples:
      allstop demo
      allstop demo --scenario killed-process
      allstop demo --scenario hung-dependency   the cause is not the loudest
      allstop demo --scenario fleet-stop        everything stops in order, and comes back
      allstop demo --ask                  be the commander yourself
      allstop demo --window 15m           the real stability window
    """
    if _seconds(window) is None:
        raise click.BadParameter(
            "a duration is a number with s or m, such as 12s or 15m", param_hint="--window"
        )
    stages = STAGES_OF_A_STOP if scenario == FLEET_STOP else STAGES
    out = screen(as_json=as_json, stages=stages)
    try:
        for reaped in reaping.reap_stale():
            out.say(
                f"cleared away what a killed demo left in {reaped.folder} ({len(reaped.ended)} processes)"
            )
        if scenario == FLEET_STOP:
            ended_well = fleet_stop(out, window=window, ask=ask, keep=keep, rate=rate)
        else:
            pace = _pace(scenario, window)
            ended_well = _run(out, scenario, pace, ask=ask, keep=keep, rate=rate)
    except (SandboxError, httpx.HTTPError) as error:
        out.say(f"the demo could not go on: {error}", "bad")
        ended_well = False
    except KeyboardInterrupt:
        out.close()
        out.say("interrupted; everything the demo started was ended", "notice")
        raise SystemExit(130) from None
    finally:
        out.close()
    if not ended_well:
        raise SystemExit(1)


@dataclass(slots=True)
class Ending:
    """How the demo ended. times: from the fault, in seconds."""

    finished: bool
    seconds: float


def _run(out: Screen, scenario: str, pace: Pace, *, ask: bool, keep: bool, rate: int) -> bool:
    out.say("starting a small shop of six services, a coordinator and four agents")
    with stage(pace, keep=keep, rate=rate) as scene:
        people = {name: Api(scene.url, scene.tokens[name]) for name in (*PEOPLE, "dana")}
        cast = _cast(people, out, scenario, scene, ask=ask)
        out.say(f"console: {scene.console}", "notice")
        out.say(
            f"the demo extends the standard pack and shortens it: stability {pace.window} (15m), "
            f"updates every {pace.cadence} (15m), roll call {pace.roll_call} (5m), gates {pace.gate} (15s)"
        )
        wait_until_well(out, people["dana"])
        out.stage(1)
        fault = scene.control.inject(scenario)
        began = time.time()
        out.say(f"{FAULTS[scenario]}: {_told(fault)}", "bad")
        ending = _follow(out, scene, cast, began, _seconds(pace.window) or 0.0)
        good = _close(out, scene, cast, ending, people["dana"], keep=keep)
        cast.close()
        for api in people.values():
            api.close()
        return good


def _pace(scenario: str, window: str) -> Pace:
    """Where traffic returns by shares, each share has a gate of its own, so they are shorter."""
    if scenario == HUNG_DEPENDENCY:
        return Pace(window=window, interval="500ms", gate="1s")
    return Pace(window=window)


def _cast(
    people: Mapping[str, Api], out: Screen, scenario: str, scene: Stage, *, ask: bool
) -> Cast:
    if scenario == HUNG_DEPENDENCY:
        return HungCast(people, out, scenario, ask, scene=scene, pile=Pile(scene.urls["gateway"]))
    return Cast(people, out, scenario, ask)


def _follow(out: Screen, scene: Stage, cast: Cast, began: float, window: float) -> Ending:
    """Read the log as it grows, let the people react, until everything is over."""
    until = time.monotonic() + PATIENCE_SECONDS + 4 * window
    resumed = 0
    owner = cast.people["dana"]
    for entry in _events(scene):
        out.entry(entry, _after(entry, began))
        cast.react(entry)
        if entry["kind"] == "samples.recorded" and cast.incident:
            out.state(owner.get(f"/incidents/{cast.incident}"), owner.get("/services"))
        if entry["kind"] in ("agent.resumed", "agent.stuck"):
            resumed += 1
        over = cast.finished and resumed >= len(AGENTS) and _all_released(owner)
        if over or cast.declined or time.monotonic() > until:
            break
    return Ending(cast.finished, time.time() - began)


def _events(scene: Stage) -> Iterator[Mapping[str, Any]]:
    """The log from now on, over server-sent events; resumes where it was when the line drops."""
    last = ""
    headers = {"Authorization": f"Bearer {scene.tokens['dana']}", "Accept": "text/event-stream"}
    while True:
        more = {"Last-Event-ID": last} if last else {}
        try:
            with httpx.stream(
                "GET", f"{scene.url}/api/v1/events", headers=headers | more, timeout=20.0
            ) as stream:
                stream.raise_for_status()
                for line in stream.iter_lines():
                    if line.startswith("id:"):
                        last = line[3:].strip()
                    elif line.startswith("data:"):
                        yield json.loads(line[5:])
        except httpx.TransportError:
            time.sleep(0.3)


def _all_released(api: Api) -> bool:
    return all(agent["state"] == "running" for agent in api.get("/agents"))


def _close(out: Screen, scene: Stage, cast: Cast, ending: Ending, api: Api, *, keep: bool) -> bool:
    """The report, the audit, the order book and the measured times."""
    if not ending.finished:
        text = (
            "you declined, so the incident stays open"
            if cast.declined
            else "the emergency did not end in time"
        )
        out.say(text, "bad")
        return cast.declined
    report = api.post(f"/incidents/{cast.incident}/report").json()
    view = api.get(f"/incidents/{cast.incident}")
    audit = cli_json(scene.home, "audit", "verify")
    time.sleep(1.0)
    book = check_order_book(scene.folder)
    checks = [
        (f"audit: {_audit_text(audit)}", bool(audit["ok"])),
        (
            (
                f"order book: {book.acknowledged} acknowledged orders, {book.found} found, {book.paid} paid, "
                f"{len(book.missing)} missing"
            ),
            not book.missing and book.acknowledged > 0,
        ),
        (f"stand-down was refused once, with {len(cast.early)} reasons", len(cast.early) > 0),
        *cast.checks(),
        (f"from the fault to the end: {ending.seconds:.1f} s", True),
    ]
    kept = Path(tempfile.gettempdir()) / f"allstop-demo-report-{os.getpid()}.md"
    kept.write_text(report["text"], encoding="utf-8")
    where = [f"the incident report: {kept}"]
    if keep:
        where.append(
            f"kept: {scene.folder} (allstop --home {scene.home} up, show, timeline, audit verify)"
        )
    out.summary(
        {
            "measures": view["measures"],
            "checks": checks,
            "where": where,
            "incident": cast.incident,
            "report": report["text"],
            "early_refusal": cast.early,
        }
    )
    return all(good for _, good in checks)


def _audit_text(audit: Mapping[str, Any]) -> str:
    return f"{audit.get('entries', '?')} entries, chain and checkpoints {'verified' if audit['ok'] else 'BROKEN'}"


def _told(fault: Mapping[str, Any]) -> str:
    if "commit" in fault:
        return f"{fault['service']} commit {str(fault['commit'])[:12]}"
    return f"{fault['service']} pid {fault.get('pid')}"


def _after(entry: Mapping[str, Any], began: float) -> float:
    return datetime.fromisoformat(str(entry["at"])).timestamp() - began


def _seconds(duration: str) -> float | None:
    number, unit = duration[:-1], duration[-1:]
    if not number.isdigit() or unit not in ("s", "m"):
        return None
    return int(number) * {"s": 1.0, "m": 60.0}[unit]
