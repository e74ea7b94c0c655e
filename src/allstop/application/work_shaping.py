"""From the state of the work in an incident to read shapes: one function per shape."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from allstop.application.standing_shapes import ProposalLine
from allstop.application.work_shapes import (
    ActionLine,
    AftercareLine,
    ChangeLine,
    CheckLine,
    CrewLine,
    FieldLine,
    FiledForm,
    FindingLine,
    FormView,
    MissingLine,
    ModeLine,
    ObligationLine,
    PointsLine,
    PreflightLine,
    SignatureLine,
    TaskLine,
)
from allstop.domain.aftercare import (
    STATES,
    ends_at,
    looks_words,
    next_look_at,
    standing,
    watches_of,
)
from allstop.domain.approvals import waits_for
from allstop.domain.deciding.closing import missing_before_close
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.incident.parts import Change, Points, PreflightResult, Signature, Watched
from allstop.domain.incident.state import GONE, Incident
from allstop.domain.mode import mode_is_on
from allstop.domain.policy import Form, Policy, Watch
from allstop.domain.proposals import Proposal
from allstop.domain.world import World


def signature_lines(found: Iterable[Signature]) -> tuple[SignatureLine, ...]:
    return tuple(SignatureLine(one.person, one.role, one.review) for one in found)


def crew_lines(incident: Incident, policy: Policy) -> tuple[CrewLine, ...]:
    """The protocol's crews in its order, formed or not; then those it does not know."""
    rules = {rule.name: rule for rule in policy.protocol.crews}
    found = []
    for name in dict.fromkeys((*rules, *incident.crews)):
        crew, rule = incident.crews.get(name), rules.get(name)
        objective = crew.objective if crew else rule.objective if rule else ""
        title = rule.title if rule else name
        if crew is None:
            found.append(CrewLine(name, title, objective))
        else:
            found.append(
                CrewLine(name, title, objective, crew.members, crew.proposed, crew.because)
            )
    return tuple(found)


def task_lines(incident: Incident) -> tuple[TaskLine, ...]:
    return tuple(
        TaskLine(one.id, one.title, one.phase, one.owner, one.state, one.note)
        for one in incident.tasks.values()
    )


def finding_lines(incident: Incident) -> tuple[FindingLine, ...]:
    return tuple(
        FindingLine(one.id, one.kind, one.text, one.service, one.link, one.by, one.at)
        for one in incident.findings.values()
    )


def form_views(incident: Incident, policy: Policy) -> tuple[FormView, ...]:
    """Every form of the protocol, with what was filed last."""
    return tuple(_form_view(incident, form) for form in policy.protocol.forms)


def _form_view(incident: Incident, form: Form) -> FormView:
    filed = incident.forms.get(form.id)
    said = filed.fields if filed else {}
    fields = tuple(
        FieldLine(
            one.id, one.title, one.required, one.kind, one.choices, one.prefill,
            said.get(one.id, ""),
        )
        for one in form.fields
    )  # fmt: skip
    missing = tuple(one.title for one in fields if one.required and not one.value)
    return FormView(
        form.id, form.title, form.after, filed.number if filed else 0, filed.by if filed else "",
        filed.at if filed else None, fields, missing,
    )  # fmt: skip


def filed_forms(incident: Incident, policy: Policy) -> tuple[FiledForm, ...]:
    found = []
    for id, filed in incident.forms.items():
        form = policy.protocol.form(id)
        titles = {one.id: one.title for one in form.fields} if form else {}
        said = {titles.get(name, name): text for name, text in filed.fields.items()}
        title = form.title if form else id
        found.append(FiledForm(id, title, filed.number, filed.by, filed.at, said))
    return tuple(found)


def change_line(one: Change) -> ChangeLine:
    return ChangeLine(
        one.id, one.title, one.risk, one.service, one.detail, one.state, one.requested_by, one.at,
        one.by, one.people, one.reviewers, one.because, signature_lines(one.signatures),
        waits_for(one) if one.state == "proposed" else "", one.review_by,
    )  # fmt: skip


def check_lines(results: Iterable[CheckResult]) -> tuple[CheckLine, ...]:
    return tuple(
        CheckLine(
            one.check, one.subject, one.ok, one.text, one.mend, one.concerns, one.took_ms
        )
        for one in results
    )  # fmt: skip


def preflight_line(one: PreflightResult) -> PreflightLine:
    state = "running" if one.results is None else "passed" if one.passed else "failed"
    return PreflightLine(one.number, one.at, state, check_lines(one.results or ()))


def mode_line(incident: Incident) -> ModeLine | None:
    mode = incident.mode
    if mode is None:
        return None
    return ModeLine(
        incident.id, mode_is_on(incident), dict(mode.suspended), dict(mode.enabled), mode.since,
        mode.until, mode.ended,
    )  # fmt: skip


def obligation_lines(incident: Incident, now: datetime) -> tuple[ObligationLine, ...]:
    """Late: not met, and its time has passed by this clock."""
    return tuple(
        ObligationLine(
            one.id, one.title, one.owner, one.due_at, one.met, one.met_at, one.met_by,
            one.meeting_at, not one.met and one.due_at < now and incident.state not in GONE,
        )
        for one in incident.obligations.values()
    )  # fmt: skip


def aftercare_lines(incident: Incident, policy: Policy) -> tuple[AftercareLine, ...]:
    """The watches of an incident that was stood down, in the order of the protocol."""
    if incident.state not in STATES:
        return ()
    return tuple(_watch(incident, one) for one in watches_of(policy, incident))


def _watch(incident: Incident, watch: Watch) -> AftercareLine:
    known = incident.aftercare.get(watch.id, Watched())
    following = next_look_at(watch, incident) if not known.verdict else None
    return AftercareLine(
        watch.id, watch.title, standing(known), looks_words(known), known.text, known.good, known.bad,
        known.unknown, known.missed, following, ends_at(watch, incident),
    )  # fmt: skip


def action_lines(incident: Incident, now: datetime) -> tuple[ActionLine, ...]:
    """Late: open, and its time has passed by this clock."""
    return tuple(
        ActionLine(
            one.id, one.title, one.owner, one.due_at, one.priority, one.link, one.state, one.note,
            one.state == "open" and one.due_at < now and incident.state not in GONE,
        )
        for one in incident.actions.values()
    )  # fmt: skip


def points_line(one: Points, incident: str) -> PointsLine:
    return PointsLine(one.team, one.points, one.because, one.rule, one.at, one.by, incident)


def proposal_line(one: Proposal) -> ProposalLine:
    return ProposalLine(
        one.id, one.text, one.source, one.because, one.kind, one.asked, one.services, one.at,
        one.by, one.state, one.incident, one.reason,
    )  # fmt: skip


def missing_lines(world: World, policy: Policy, incident: Incident) -> tuple[MissingLine, ...]:
    """What must happen before it may be closed for good; nothing once it is over."""
    if incident.state in GONE or incident.state == "closed":
        return ()
    return tuple(
        MissingLine(one.code.partition(":")[2], one.text, one.hint)
        for one in missing_before_close(world, policy, incident).reasons
    )
