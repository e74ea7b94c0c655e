"""What is looked at before anything is executed, and whether a plan may start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from allstop.domain.incident.course_events import CheckResult
from allstop.domain.incident.state import Incident
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy
from allstop.domain.policy.tables import Scalar
from allstop.domain.verdict import Reason, Verdict

# Checks a protocol may ask for, and what each looks at.
CHECKS: dict[str, str] = {
    "documents": "the configuration is valid as it stands now",
    "adapters": "every adapter that is named exists, and could do now what it is named for",
    "probes": "every probe answers, whatever it says",
    "channels": "every channel takes messages, as far as can be seen without posting one",
    "monitoring": "the monitor has looked within two intervals",
    "agents": "every registered agent can be reached",
    "team": "the roles are filled, and everybody has a channel",
    "history": "similar incidents of the last twelve months were looked up",
    "dependencies": "what the services that are hit depend on is healthy",
    "capacity": "the coordinator's own host has disk and memory to spare",
    "credentials": "every secret that is referred to is there, is for few eyes and is let in; no token has expired",
    "understood": "the people on the roster have confirmed that they know the protocol",
    "backups": "what has data has a copy of it that is fresh and was proven by a restore",
    "reachable": "for each role that must be filled somebody can be reached now",
    "drill": "when the drills of the protocol were held last; a remark, never a refusal",
}
# What to do about one that has not passed, where the check itself knows nothing better.
MENDS: dict[str, str] = {
    "documents": "allstop protocol check",
    "adapters": "allstop adapters, then mend fleet.yaml or what it leads to",
    "probes": "let it answer, or correct the probe in fleet.yaml",
    "channels": "channels in roster.yaml, or what they lead to",
    "monitoring": "allstop doctor",
    "agents": "allstop agents, then mend roster.yaml or start the agent",
    "team": "allstop assign ROLE PERSON, or roles and channels in roster.yaml",
    "dependencies": "allstop services",
    "capacity": "make room on the coordinator's host",
    "credentials": "renew the secret, or chmod 600 its file; allstop token new for a token",
    "backups": "a plan with snapshot and verify-snapshot, or a probe of them in fleet.yaml",
    "reachable": "channels of the people in roster.yaml",
}

# How a check says what it found, before the words: `ok: 200 in 12 ms`.
OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
_SAYS: dict[str, bool | None] = {OK: True, FAILED: False, UNKNOWN: None}
_AGAIN = "allstop preflight"


def lets_start(policy: Policy, incident: Incident, plan: Plan) -> Verdict:
    """Whether the preflight lets a plan start: with every check named that keeps it from that.

    What has not passed elsewhere keeps back no plan that has nothing to do with it. A plan that executes nothing
    needs no checks. An override of the preflight, or of the plan, stands above them.
    """
    rules = policy.protocol.preflight
    overridden = {"preflight", f"plan:{plan.id}"} & incident.overrides.keys()
    if not rules.required or not rules.checks or not plan.steps or overridden:
        return Verdict.yes()
    if not incident.preflights:
        return Verdict.no("preflight", "the preflight checks have not run", _AGAIN)
    newest = incident.preflights[-1]
    if newest.results is None:
        return Verdict.no("preflight", f"preflight {newest.number} is still running")
    touched = touched_by(policy, plan)
    return Verdict(
        tuple(
            Reason("preflight", f"preflight {newest.number}: {check_words(one)}", _mending(one))
            for one in newest.results
            if one.ok is not True and (not one.concerns or touched.intersection(one.concerns))
        )
    )


def touched_by(policy: Policy, plan: Plan) -> frozenset[str]:
    """What a plan has to do with: its services, those its gates watch, and what it does to each
    (`ledger/stop`)."""
    found = {node.service for node in plan.nodes}
    for step in plan.steps:
        found |= {step.service, f"{step.service}/{step.action}"}
        watched = (policy.fleet.probe(name) for name in step.probes)
        found |= {spec.service for spec in watched if spec is not None}
    return frozenset(found)


def _mending(one: CheckResult) -> str:
    mend = one.mend or "mend it"
    return mend if mend.startswith(_AGAIN) else f"{mend}, then: {_AGAIN}"


def check_words(one: CheckResult) -> str:
    """`channels chat: no folder /var/chat`."""
    about = f"{one.check} {one.subject}".strip()
    return f"{about}: {one.text}" if one.ok is not None else f"{about}: not known, {one.text}"


def read_results(checks: tuple[str, ...], facts: Mapping[str, Scalar]) -> tuple[CheckResult, ...]:
    """Results from the facts of an outcome: `probes/payments-deep` says `ok: 200 in 12 ms`.

    Further lines of it: what mends it, what it concerns, how long it took. A check that was asked for and says
    nothing was not made, and that is a result as well.
    """
    found: dict[str, list[CheckResult]] = {check: [] for check in checks}
    for name, value in facts.items():
        check, _, subject = name.partition("/")
        said, *more = str(value).split("\n")
        word, _, text = said.partition(": ")
        if check in found:
            one = CheckResult(check, subject, _SAYS.get(word), text, *_rest(more))
            found[check].append(one)
    for check, results in found.items():
        if not results:
            results.append(CheckResult(check, "", None, "it was not looked at"))
    return tuple(one for results in found.values() for one in results)


def _rest(lines: list[str]) -> tuple[str, tuple[str, ...], int]:
    mend, concerns, took = (*lines, "", "", "")[:3]
    return mend, tuple(concerns.split()), int(took) if took.isdecimal() else 0


def nothing_known(checks: tuple[str, ...], because: str) -> tuple[CheckResult, ...]:
    """The results of checks that could not be made at all."""
    return tuple(CheckResult(check, "", None, because) for check in checks)


def write_results(results: Iterable[CheckResult]) -> dict[str, Scalar]:
    """Results as facts of an outcome. The inverse of `read_results`; of several about one subject the further ones
    are numbered, because none may stand in the place of another."""
    found: dict[str, Scalar] = {}
    for one in results:
        name, number = f"{one.check}/{one.subject}", 1
        while name in found:
            number += 1
            name = f"{one.check}/{one.subject} ({number})"
        found[name] = _written(one)
    return found


def _written(one: CheckResult) -> str:
    word = next(word for word, ok in _SAYS.items() if ok is one.ok)
    lines = [f"{word}: {one.text}", one.mend, " ".join(one.concerns), str(one.took_ms or "")]
    return "\n".join(lines).rstrip("\n")
