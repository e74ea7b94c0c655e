"""Proposals: a message or an alert that looks like an emergency, for somebody to confirm."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.domain.authority import may, may_declare, people_called, people_meant
from allstop.domain.deciding.declaring import NAME_LIMIT, open_incident, source_of
from allstop.domain.deciding.informing import TITLE_LIMIT, checked
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.moment import between
from allstop.domain.policy import Policy
from allstop.domain.principal import Kind, Principal
from allstop.domain.proposals import (
    ActivationConfirmed,
    ActivationDismissed,
    ActivationProposed,
    ConfirmActivation,
    DismissActivation,
    Proposal,
    ProposeActivation,
    proposal_stream,
)
from allstop.domain.recognition import alert_rule, hit_domains, phrase_in
from allstop.domain.verdict import nearest

LABELS_LIMIT = 64
SERVICES_LIMIT = 64
LABEL_LIMIT = 500
# An open proposal answers for its like so long. Then people are asked again: nobody has answered, and
# a new emergency must not hide behind an old message.
SAME_FOR_MS = 30 * 60_000


@dataclass(frozen=True, slots=True)
class Trigger:
    """What was recognised. key: of the incident an alert leads to, at most one of which is open."""

    because: str
    kind: str
    declares: bool
    source: str
    services: tuple[str, ...]
    key: str


def propose(draft: Draft, command: ProposeActivation) -> None:
    """A message or an alert came in: whoever may confirm it is asked, or it declares at once."""
    policy = draft.book.latest
    draft.require(may("propose", draft.who, policy, {}))
    text = checked(command.text, "a proposal")
    _check_size(command)
    found = _recognise(draft, policy, command)
    if found is None:
        hint = 'an emergency is declared with: allstop declare "what fails"'
        refuse("no-trigger", "no phrase or alert rule of the protocol recognises this", hint)
    lost = [name for name in command.services if name not in found.services]
    if lost:
        text = f"{text} (not in fleet.yaml: {', '.join(dict.fromkeys(lost))})"
    if _known_already(draft, found, text):
        return
    if found.declares:
        open_incident(draft, _declaration(found, text))
        return
    _ask(draft, policy, found, text, dict(command.labels))


def _recognise(draft: Draft, policy: Policy, command: ProposeActivation) -> Trigger | None:
    """The first alert rule whose labels fit, or else the longest phrase in the text."""
    activation = policy.protocol.activation
    source = command.source or source_of(draft.who)
    services = _of_fleet(policy, command.services)
    rule = alert_rule(activation.alerts, command.labels) if command.labels else None
    if rule is not None:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(rule.labels.items()))
        because = f"an alert with {labels}"
        key = _key(source, because, services)
        return Trigger(because, rule.kind, rule.act == "declare", source, services, key)
    phrase = phrase_in(command.text, activation.phrases)
    if not phrase:
        return None
    because = f'the words "{phrase}"'
    return Trigger(because, "", declares=False, source=source, services=services, key="")


def _of_fleet(policy: Policy, services: tuple[str, ...]) -> tuple[str, ...]:
    """An alert names services in words of its own: one the fleet does not have must not cost the alert."""
    known = policy.fleet.services
    return tuple(
        name for name in dict.fromkeys(services) if not known or policy.fleet.service(name)
    )


def _key(source: str, because: str, services: tuple[str, ...]) -> str:
    """Alerts repeat themselves; what they lead to is one incident, and the same one when they return."""
    return f"{source}: {because}: {','.join(sorted(services))}"


def _known_already(draft: Draft, found: Trigger, text: str) -> bool:
    """Whether its like is open: then nobody is asked twice, and an open incident gets it as a note."""
    alike = [one for one in draft.world.proposals.values() if _same(one, found)]
    became = (_goes_on(draft, one.incident) for one in reversed(alike))
    incident = draft.world.open_for(found.key) or next((one for one in became if one), None)
    if incident is not None:
        note = f"{found.source} again, {found.because}: {text}"
        draft.on_incident(incident.id, e.NoteAdded(note))
        draft.result["incident"] = incident.id
        return True
    for proposal in alike:
        fresh = between(proposal.at, draft.now.utc) < SAME_FOR_MS
        if proposal.state == "open" and fresh:
            draft.result["proposal"] = proposal.id
            return True
    return False


def _goes_on(draft: Draft, id: str) -> Incident | None:
    """The incident a proposal became, or the one it was merged into, while that is open."""
    found = draft.world.incidents.get(id)
    while found is not None and found.state == "merged":
        found = draft.world.incidents.get(found.merged_into)
    return found if found is not None and found.is_open else None


def _same(proposal: Proposal, found: Trigger) -> bool:
    known = (proposal.because, proposal.kind, proposal.source)
    same = known == (found.because, found.kind, found.source)
    return same and set(proposal.services) == set(found.services)


def _ask(draft: Draft, policy: Policy, found: Trigger, text: str, labels: dict[str, str]) -> None:
    id = f"PROP-{len(draft.world.proposals) + 1}"
    asked = _who_confirms(policy, found)
    stream = proposal_stream(id)
    event = ActivationProposed(
        id, text, found.source, found.because, found.kind, asked, draft.book.current, labels,
        found.services,
    )  # fmt: skip
    draft.emit(stream, event)
    subject = f"{id}: is this an emergency? {_shortened(text)}"[:TITLE_LIMIT]
    body = f"{found.source}, {found.because}: {text}\nConfirm: allstop confirm {id}. Dismiss: allstop dismiss {id}"
    number = 0
    for person in asked:
        entry = policy.roster.person(person)
        for channel in entry.channels if entry else ():
            number += 1
            told = e.NotificationRequested(f"N{number}", f"person:{person}", channel, subject, body)
            draft.emit(stream, told)
    draft.result["proposal"] = id


def _who_confirms(policy: Policy, found: Trigger) -> tuple[str, ...]:
    """Whoever the protocol asks; where that is nobody, everybody who may declare this."""
    named = people_called(policy, {}, policy.protocol.activation.confirm)
    if named:
        return named
    ground = hit_domains(policy, found.services, "")
    able = [
        one
        for one in policy.roster.people
        if may_declare(policy, Principal(one.id, Kind.PERSON), found.kind, ground).allowed
    ]
    return tuple(one.id for one in able if not one.away) or tuple(one.id for one in able)


def _declaration(found: Trigger, text: str) -> c.DeclareIncident:
    return c.DeclareIncident(
        _shortened(text), found.services, "alert", dedup=found.key, kind=found.kind,
        source=found.source, evidence=text,
    )  # fmt: skip


def confirm(draft: Draft, command: ConfirmActivation) -> None:
    """Somebody who may answer, and declare, says that it is one: declared in their name."""
    proposal = _open(draft, command.proposal)
    policy = draft.book.latest
    _answers(draft, policy, proposal)
    # The documents may have changed since it was proposed; that must not stand in the way.
    services = _of_fleet(policy, proposal.services)
    kind = proposal.kind if policy.protocol.activation.kind(proposal.kind) else ""
    is_alert = bool(proposal.labels)
    key = _key(proposal.source, proposal.because, proposal.services) if is_alert else ""
    open_incident(
        draft,
        c.DeclareIncident(
            command.title.strip() or _shortened(proposal.text), services,
            "alert" if is_alert else "message", severity=command.severity, dedup=key,
            kind=command.kind or kind, source=proposal.source, evidence=proposal.text,
        ),
        proposal.id,
    )  # fmt: skip
    incident = str(draft.result["incident"])
    draft.emit(proposal_stream(proposal.id), ActivationConfirmed(incident))
    draft.result["proposal"] = proposal.id


def dismiss(draft: Draft, command: DismissActivation) -> None:
    """A person who may answer says that it is none."""
    proposal = _open(draft, command.proposal)
    policy = draft.book.latest
    draft.only_people("may dismiss a proposal")
    if not _answers(draft, policy, proposal):
        ground = hit_domains(policy, proposal.services, "")
        draft.require(may_declare(policy, draft.who, proposal.kind, ground))
    reason = checked(command.reason, "dismissing a proposal")
    draft.emit(proposal_stream(proposal.id), ActivationDismissed(reason))
    draft.result["proposal"] = proposal.id


def _answers(draft: Draft, policy: Policy, proposal: Proposal) -> bool:
    """Whether they are among those who are asked by name. Refuses others where the protocol names who
    confirms; where it names nobody that there is, whoever may declare answers."""
    entries = policy.protocol.activation.confirm
    named = {one for entry in entries for one in people_meant(policy, {}, entry)}
    if draft.who.kind is Kind.PERSON and draft.who.id in {*named, *proposal.asked}:
        return True
    if named:
        asked = ", ".join(dict.fromkeys((*proposal.asked, *sorted(named))))
        text = f"{draft.who} was not asked: {proposal.id} waits for {asked}"
        refuse(
            "no-authority", text, 'whoever may declare does so themselves: allstop declare "..."'
        )
    return False


def _open(draft: Draft, id: str) -> Proposal:
    proposal = draft.world.proposals.get(id)
    if proposal is None:
        hint = nearest(id, draft.world.proposals) or "nothing was proposed yet"
        refuse("unknown-proposal", f"there is no proposal {id}", hint)
    if proposal.state != "open":
        became = f", it is {proposal.incident}" if proposal.incident else ""
        refuse("ended", f"{id} was {proposal.state} already{became}")
    return proposal


def _check_size(command: ProposeActivation) -> None:
    """What a stranger's alert may carry at most."""
    if len(command.labels) > LABELS_LIMIT or any(
        not name or len(name) > NAME_LIMIT or len(value) > LABEL_LIMIT
        for name, value in command.labels.items()
    ):
        text = f"an alert has at most {LABELS_LIMIT} labels, of {NAME_LIMIT} and {LABEL_LIMIT} characters"
        refuse("bad-labels", text)
    if len(command.services) > SERVICES_LIMIT or any(
        not name.strip() or len(name) > NAME_LIMIT for name in command.services
    ):
        refuse("bad-service", f"the name of a service has 1 to {NAME_LIMIT} characters")
    if len(command.source) > NAME_LIMIT:
        refuse("bad-source", f"the name of a source has at most {NAME_LIMIT} characters")


def _shortened(text: str) -> str:
    """A title made of a message: one line, and no longer than a title may be."""
    line = " ".join(text.split())
    return line if len(line) <= TITLE_LIMIT else f"{line[: TITLE_LIMIT - 1]}…"


RULES: Rules = {ProposeActivation: propose, ConfirmActivation: confirm, DismissActivation: dismiss}
INTERNAL: frozenset[type] = frozenset()
