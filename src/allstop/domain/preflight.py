"""What is looked at before anything is executed, and whether a plan may start."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.incident.course_events import CheckResult
from allstop.domain.incident.state import Incident
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy
from allstop.domain.policy.tables import Scalar
from allstop.domain.verdict import Reason, Verdict

# Checks a protocol may ask for, and what each looks at.
CHECKS: dict[str, str] = {
    "documents": "the configuration is valid as it stands now",
    "adapters": "every adapter that is named exists and can do what it is named for",
    "probes": "every probe answers, whatever it says",
    "channels": "every channel takes messages, as far as can be seen without posting one",
    "monitoring": "the monitor has looked within two intervals",
    "agents": "every registered agent can be reached",
    "team": "the roles are filled, and everybody has a channel",
    "history": "similar incidents of the last twelve months were looked up",
    "dependencies": "what the services that are hit depend on is healthy",
    "capacity": "the coordinator's own host has disk and memory to spare",
    "credentials": "every secret that is referred to is there, and no token has expired",
    "understood": "the people on the roster have confirmed that they know the protocol",
}

# How a check says what it found, before the words: `ok: 200 in 12 ms`.
OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
_SAYS: dict[str, bool | None] = {OK: True, FAILED: False, UNKNOWN: None}
_AGAIN = "mend it, then: allstop preflight"


def lets_start(policy: Policy, incident: Incident, plan: Plan) -> Verdict:
    """Whether the preflight lets a plan start: with every check named that keeps it from that.

    A plan that executes nothing needs no checks. An override of the preflight, or of the plan, stands
    above them.
    """
    rules = policy.protocol.preflight
    overridden = {"preflight", f"plan:{plan.id}"} & incident.overrides.keys()
    if not rules.required or not rules.checks or not plan.steps or overridden:
        return Verdict.yes()
    if not incident.preflights:
        return Verdict.no("preflight", "the preflight checks have not run", "allstop preflight")
    newest = incident.preflights[-1]
    if newest.results is None:
        return Verdict.no("preflight", f"preflight {newest.number} is still running")
    return Verdict(
        tuple(
            Reason("preflight", f"preflight {newest.number}: {check_words(one)}", _AGAIN)
            for one in newest.results
            if one.ok is not True
        )
    )


def check_words(one: CheckResult) -> str:
    """`channels chat: no folder /var/chat`."""
    about = f"{one.check} {one.subject}".strip()
    return f"{about}: {one.text}" if one.ok is not None else f"{about}: not known, {one.text}"


def read_results(checks: tuple[str, ...], facts: Mapping[str, Scalar]) -> tuple[CheckResult, ...]:
    """Results from the facts of an outcome: `probes/payments-deep` says `ok: 200 in 12 ms`.

    A check that was asked for and says nothing was not made, and that is a result as well.
    """
    found: dict[str, list[CheckResult]] = {check: [] for check in checks}
    for name, value in facts.items():
        check, _, subject = name.partition("/")
        word, _, text = str(value).partition(": ")
        if check in found:
            found[check].append(CheckResult(check, subject, _SAYS.get(word), text))
    for check, results in found.items():
        if not results:
            results.append(CheckResult(check, "", None, "it was not looked at"))
    return tuple(one for results in found.values() for one in results)


def nothing_known(checks: tuple[str, ...], because: str) -> tuple[CheckResult, ...]:
    """The results of checks that could not be made at all."""
    return tuple(CheckResult(check, "", None, because) for check in checks)


def write_results(results: tuple[CheckResult, ...]) -> dict[str, Scalar]:
    """Results as facts of an outcome. The inverse of `read_results`."""
    says = {ok: word for word, ok in _SAYS.items()}
    return {
        f"{one.check}/{one.subject}".removesuffix("/"): f"{says[one.ok]}: {one.text}"
        for one in results
    }
