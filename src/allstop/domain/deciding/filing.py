"""Forms: structured records that people file, and that the coordinator helps to fill in."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.deciding.informing import refuse_ended
from allstop.domain.deciding.telling import tell_audience
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.form_fields import filled, said
from allstop.domain.hearing import may_hear
from allstop.domain.incident import work_commands as wc
from allstop.domain.incident import work_events as we
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Form, Policy
from allstop.domain.prefill import Known
from allstop.domain.verdict import nearest


def file_form(draft: Draft, command: wc.FileForm) -> None:
    """File a form. A later filing replaces an earlier one; both stay on the record."""
    incident = draft.incident(command.incident, must_be_open=False)
    policy = draft.policy(incident)
    draft.require(may("form", draft.who, policy, incident.roles))
    refuse_ended(incident)
    form = policy.protocol.form(command.form)
    if form is None:
        known = [one.id for one in policy.protocol.forms]
        hint = nearest(command.form, known) or "the protocol has no forms"
        refuse("unknown-form", f"there is no form {command.form}", hint)
    known_now = Known(draft.world, policy, incident, draft.now.utc)
    found = filled(form.fields, command.fields, known_now, f"the form {form.title}")
    draft.require(found.verdict)
    before = incident.forms.get(form.id)
    number = before.number + 1 if before else 1
    draft.on_incident(incident.id, we.FormFiled(form.id, number, found.values))
    _tell(draft, policy, incident, form, said(form.fields, found.values))
    draft.result["form"] = form.id
    draft.result["number"] = number


def _tell(draft: Draft, policy: Policy, incident: Incident, form: Form, text: str) -> None:
    """The audiences the form names get it, whatever the severity: but none before its first notice."""
    told: set[str] = set()
    for audience in policy.protocol.audiences:
        if audience.name in form.tell and may_hear(policy, incident, audience, draft.now.utc):
            fields = {"form": form.title, "fields": text}
            told |= tell_audience(draft, incident.id, audience, "form", fields, told)


RULES: Rules = {wc.FileForm: file_form}
INTERNAL: frozenset[type] = frozenset()
