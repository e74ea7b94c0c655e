"""The people of the demo: they react to the log through the public API, as anybody could."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from allstop.sandbox.demo_screen import Screen
from allstop.sandbox.layout import SandboxError

CAUSES = {
    "bad-release": (
        "Rolled back; purchases go through again and every probe is good.",
        "A release of payments read whole currency units where it got minor units, and turned every charge away.",
        "A synthetic charge in the release pipeline, before traffic reaches a new release.",
    ),
    "killed-process": (
        "Restarted; purchases go through again and every probe is good.",
        "The orders process was killed from outside; nothing restarted it.",
        "A supervisor that restarts orders, with a limit, and an alert on its exit.",
    ),
    "hung-dependency": (
        "Restarted; prices come from the catalogue again and every probe is good.",
        "The catalogue's process stood still: it took connections and answered none.",
        "A time limit for prices that is shorter than customers' patience, and the lever pulled by itself.",
    ),
}


class Api:
    """The coordinator's HTTP API, as one person."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=15.0
        )

    def get(self, path: str) -> Any:
        """The answer's JSON. Raises httpx.HTTPStatusError for an error."""
        answer = self._client.get(path)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """The raw answer: a refusal is something the demo shows."""
        return self._client.post(path, json=dict(body or {}))

    def close(self) -> None:
        self._client.close()


@dataclass(slots=True)
class Cast:
    """Ada commands, Cleo informs. ask: a human at the keyboard decides in Ada's place."""

    people: Mapping[str, Api]
    screen: Screen
    scenario: str
    ask: bool = False
    incident: str = ""
    early: list[str] = field(default_factory=list)
    waiting: str = ""
    settled: bool = False
    finished: bool = False
    declined: bool = False

    def react(self, entry: Mapping[str, Any]) -> None:
        """What the people do when they read this entry."""
        kind, stream = str(entry["kind"]), str(entry["stream"])
        if kind == "incident.declared" and not self.incident:
            self.incident = stream.partition("/")[2]
        elif kind == "role.assigned" and "commander" in str(entry["text"]):
            self._do("ada", "acknowledge", {}, "Ada (commander) acknowledges")
        elif kind == "update.requested":
            self._update()
        elif kind == "plan.made" and "waits for" in str(entry["text"]):
            self.waiting = stream.partition("/")[2]
            self._approve_when_safe()
        elif kind == "halt.settled":
            self.settled = True
            self._approve_when_safe()
        elif kind == "phase.entered" and "verify" in str(entry["text"]):
            self._too_early()
        elif kind == "milestone.reached" and "resolved" in str(entry["text"]):
            self._stand_down()

    def checks(self) -> list[tuple[str, bool]]:
        """What these people have seen for themselves: a line each, and whether it is good."""
        return []

    def close(self) -> None:
        """Nobody looks any more."""

    def _update(self) -> None:
        view = self.people["cleo"].get(f"/incidents/{self.incident}")
        phase = view["line"]["phase"]
        status = {"assess": "investigating", "contain": "containing", "restore": "fixing"}.get(
            phase, "fixing"
        )
        waits = view["line"]["waits_for"]
        impact = str(view["line"]["impact"])
        text = f"{impact[:1].upper()}{impact[1:]}. "
        text += f"Waiting for: {waits[0]}." if waits else "Nothing is awaited."
        self._do(
            "cleo",
            "updates",
            {"status": status, "text": text},
            "Cleo (communications) posts the update",
        )

    def _approve_when_safe(self) -> None:
        """Ada changes nothing while an agent might still be at work; the damage is contained meanwhile."""
        if not self.waiting:
            return
        if not self.settled:
            self.screen.say(
                f"Ada (commander) holds {self.waiting} until every agent is accounted for"
            )
            return
        self._approve_plan(self.waiting)
        self.waiting = ""

    def _approve_plan(self, plan: str) -> None:
        view = self.people["ada"].get(f"/plans/{plan}")
        if self.ask and not self._asked(
            f"Approve {plan}: {view['title']}?", [step["title"] for step in view["steps"]]
        ):
            self.declined = True
            return
        body = {"subject": f"plan:{plan}", "binds": view["hash"], "note": "read and agreed"}
        self._do(
            "ada", "approvals", body, f"Ada (commander) approves {plan}, hash {view['hash'][:12]}"
        )

    def _too_early(self) -> None:
        answer = self.people["ada"].post(
            f"/incidents/{self.incident}/stand-down", {"reason": "It looks fine to me."}
        )
        problem = answer.json()
        self.early = [reason["text"] for reason in problem.get("reasons", [])]
        self.screen.say(
            f"Ada tries to stand down at once: {answer.status_code}, refused because",
            "bad",
            stage=8,
        )
        for text in self.early:
            self.screen.say(f"  {text}")

    def _stand_down(self) -> None:
        done, cause, prevention = CAUSES[self.scenario]
        for subject, text in (
            ("resolved", done),
            ("root-cause", cause),
            ("prevention", prevention),
        ):
            self._do("ada", "statements", {"subject": subject, "text": text}, "")
        if self.ask and not self._asked("Approve standing down?", [done, cause, prevention]):
            self.declined = True
            return
        self._do(
            "ada",
            "approvals",
            {"subject": "stand-down", "note": ""},
            "Ada (commander) approves standing down",
        )
        self._do("ada", "stand-down", {"reason": done}, "Ada (commander) stands down")
        self.finished = True

    def _do(self, person: str, verb: str, body: Mapping[str, Any], line: str) -> None:
        answer = self.people[person].post(f"/incidents/{self.incident}/{verb}", body)
        if answer.is_error:
            problem = answer.json()
            self.screen.say(
                f"{person}: {verb} was refused: {problem.get('detail', answer.status_code)}", "bad"
            )
        elif line:
            self.screen.say(line, "notice")

    def _asked(self, question: str, details: list[str]) -> bool:
        return asked(self.screen, question, details)


def asked(screen: Screen, question: str, details: list[str]) -> bool:
    """Ask the human at the keyboard; anything but yes is no."""
    screen.close()
    for text in details:
        screen.say(f"  {text}")
    sys.stdout.write(f"\n{question} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def wait_until_well(out: Screen, api: Api) -> None:
    """Let the shop sell until its releases are known good; there must be something to go back to.

    Raises SandboxError if it does not become healthy.
    """
    until = time.monotonic() + 30
    while time.monotonic() < until:
        view = api.get("/overview")
        out.state(None, view["services"])
        if all(one["state"] == "up" and one["known_good"] for one in view["services"]):
            out.say("the shop sells, every probe is good, every release is known good", "good")
            return
        time.sleep(0.3)
    raise SandboxError("the shop did not become healthy within 30 s")
