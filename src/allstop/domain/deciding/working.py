"""Tasks, evidence added by hand, and facts a person states."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.authority import may
from allstop.domain.deciding.diagnosing import disputed, note_disputes
from allstop.domain.deciding.informing import LINK_LIMIT, TITLE_LIMIT, checked, refuse_ended
from allstop.domain.deciding.naming import known_service, responder
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import work_commands as wc
from allstop.domain.incident import work_events as we
from allstop.domain.incident.parts import Task
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Phase, Policy
from allstop.domain.policy.tables import Scalar
from allstop.domain.remedy import STATED_FACTS
from allstop.domain.verdict import Reason, Verdict, nearest

# Kinds of evidence somebody adds; a hypothesis is a candidate for the cause.
FINDING_KINDS = ("observation", "change", "log", "metric", "scope", "hypothesis")
ENDINGS = ("done", "dropped")


def add_phase_tasks(draft: Draft, incident: str, phase: Phase) -> None:
    """What the protocol wants done in a phase, as tasks. Entered again, only what is not still open."""
    for title in phase.actions:
        tasks = draft.incident(incident).tasks
        known = any(
            (one.title, one.phase, one.state) == (title, phase.name, "open")
            for one in tasks.values()
        )
        if not known:
            draft.on_incident(incident, we.TaskAdded(_next_task(tasks), title, phase.name))


def add_task(draft: Draft, command: wc.AddTask) -> None:
    incident, policy = _at_work(draft, command.incident)
    title = checked(command.title, "a task", TITLE_LIMIT)
    owner = _responder(draft, policy, command.owner)
    if owner not in ("", str(draft.who)):
        draft.only_people("gives work to somebody else")
    id = _next_task(incident.tasks)
    draft.on_incident(incident.id, we.TaskAdded(id, title, "", owner))
    _tell_owner(draft, incident, owner, id, title)
    draft.result["task"] = id


def assign_task(draft: Draft, command: wc.AssignTask) -> None:
    """Give a task to a responder, or back to nobody."""
    incident, policy = _at_work(draft, command.incident)
    task = _open_task(incident, command.task)
    # An agent that could take a task could then end it, and so open a gate that waits for it.
    draft.only_people("gives a task to somebody")
    owner = _responder(draft, policy, command.owner)
    if owner == task.owner:
        refuse("already-assigned", f"{task.id} is {owner or 'nobody'}'s already")
    draft.on_incident(incident.id, we.TaskAssigned(task.id, owner))
    _tell_owner(draft, incident, owner, task.id, task.title)


def end_task(draft: Draft, command: wc.EndTask) -> None:
    """A task is done, or dropped with a reason. An agent ends what it was given, and nothing else."""
    incident, _ = _at_work(draft, command.incident)
    task = _open_task(incident, command.task)
    if command.state not in ENDINGS:
        refuse("unknown-state", f"a task is not {command.state}", nearest(command.state, ENDINGS))
    if task.owner != str(draft.who):
        draft.only_people("ends the task of somebody else")
    if command.state == "dropped":
        draft.only_people("drops a task")
    note = command.note.strip()
    if note or command.state == "dropped":
        note = checked(note, "a task that is dropped")
    draft.on_incident(incident.id, we.TaskEnded(task.id, command.state, note))


def add_evidence(draft: Draft, command: wc.AddEvidence) -> None:
    """What somebody saw. It is theirs: who and when stand beside it."""
    incident = draft.incident(command.incident, must_be_open=False)
    policy = draft.policy(incident)
    draft.require(may("evidence", draft.who, policy, incident.roles))
    refuse_ended(incident)
    if command.kind not in FINDING_KINDS:
        hint = nearest(command.kind, FINDING_KINDS)
        refuse("unknown-kind", f"there is no evidence of the kind {command.kind}", hint)
    text = checked(command.text, "evidence")
    known_service(policy, command.service)
    link = " ".join(command.link.split())
    if len(link) > LINK_LIMIT:
        refuse("too-long", f"a link has at most {LINK_LIMIT} characters")
    id = f"F{len(incident.findings) + 1}"
    event = we.EvidenceAdded(id, command.kind, text, command.service, link)
    draft.on_incident(incident.id, event)
    draft.result["evidence"] = id


def record_facts(draft: Draft, command: wc.RecordFacts) -> None:
    """A person states what the decision table asks for and no machine has seen; null takes one back."""
    incident = draft.incident(command.incident)
    draft.only_people("states facts for the decision table")
    draft.require(may("facts", draft.who, draft.policy(incident), incident.roles))
    if not command.facts:
        refuse("no-facts", "no fact was named", f"known: {', '.join(sorted(STATED_FACTS))}")
    wrong = (_wrong(name, value) for name, value in command.facts.items())
    draft.require(Verdict(tuple(reason for reason in wrong if reason is not None)))
    because = checked(command.because, "a statement of facts")
    before = disputed(draft, incident.id)
    draft.on_incident(incident.id, we.FactsRecorded(dict(command.facts), because))
    if said := note_disputes(draft, incident.id, before):
        draft.result["warning"] = said


def _wrong(name: str, value: Scalar) -> Reason | None:
    """What stands against a stated fact."""
    sort = STATED_FACTS.get(name)
    if sort is None:
        return Reason("unknown-fact", f"nobody can state {name}", nearest(name, STATED_FACTS))
    if value is None:
        return None
    if sort == "yes/no":
        return None if isinstance(value, bool) else Reason("bad-fact", f"{name} is yes or no")
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return None if is_number else Reason("bad-fact", f"{name} is a whole number, 0 or more")


def _at_work(draft: Draft, id: str) -> tuple[Incident, Policy]:
    incident = draft.incident(id)
    policy = draft.policy(incident)
    draft.require(may("task", draft.who, policy, incident.roles))
    return incident, policy


def _open_task(incident: Incident, id: str) -> Task:
    task = incident.tasks.get(id)
    if task is None:
        hint = nearest(id, incident.tasks) or "none was added yet"
        refuse("unknown-task", f"{incident.id} has no task {id}", hint)
    if task.state != "open":
        refuse("already-ended", f"{task.id} is {task.state}")
    return task


def _next_task(tasks: Mapping[str, Task]) -> str:
    return f"T{len(tasks) + 1}"


def _responder(draft: Draft, policy: Policy, name: str) -> str:
    """`person:ada` or `agent:builder-1`, however it was named; empty for nobody."""
    return responder(draft, policy, name, "unknown-responder") if name else ""


def _tell_owner(draft: Draft, incident: Incident, owner: str, id: str, title: str) -> None:
    kind, _, name = owner.partition(":")
    if kind == "person" and owner != str(draft.who):
        tell_person(draft, incident.id, name, f"{incident.id}: task {id} is yours", title)


RULES: Rules = {
    wc.AddTask: add_task,
    wc.AssignTask: assign_task,
    wc.EndTask: end_task,
    wc.AddEvidence: add_evidence,
    wc.RecordFacts: record_facts,
}
INTERNAL: frozenset[type] = frozenset()
