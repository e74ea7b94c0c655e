"""Checks of playbooks: each by itself, and against the protocol and the fleet they are played with."""

from __future__ import annotations

import re
from dataclasses import dataclass

from allstop.domain.span_words import span_words
from allstop.domain.templates import COMMON
from allstop.domain.verdict import nearest
from allstop.protocol.check_playbook_targets import check_offers, check_targets
from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.document_playbook import (
    SORTS,
    PlaybookDocument,
    PlaybookStepDocument,
)
from allstop.protocol.entries import Names, check_entry
from allstop.protocol.findings import Findings
from allstop.protocol.marks import check_mark
from allstop.protocol.problems import Place, Problem
from allstop.protocol.read_playbooks import BUILT_IN, Playbooks, whole
from allstop.protocol.shape import Document
from allstop.protocol.times import longer

# Plans are held under these names, so no step may bear them.
TAKEN = ("stalled", "failures")
_BRACES = re.compile(r"\{([^{}\n]{1,60})\}")

# Plans that are about all of the fleet where nothing is named.
_WHOLE_FLEET = ("degrade", "recover")
# What belongs to which sorts. `on` and `after` and `early` belong to all that wait or act.
_BELONGS: dict[str, tuple[str, ...]] = {
    "on": ("plan", "action", "lever", "release", "gate"),
    "role": ("task", "owe", "plan", "action", "lever", "release", "gate"),
    "level": ("plan",),
    "percent": ("action",),
    "dependents": ("plan",),
    "subject": ("tell",),
    "text": ("tell", "task"),
    "within": ("owe",),
    "remind": ("owe",),
    "met_by": ("owe",),
}
assert all(set(sorts) <= set(SORTS) for sorts in _BELONGS.values())


@dataclass(frozen=True, slots=True)
class _Where:
    """A step in its document."""

    document: Document[PlaybookDocument]
    phase: str
    id: str

    @property
    def path(self) -> tuple[str, ...]:
        return ("phases", self.phase, "steps", self.id)


# What happens all the same, by the code of what a built-in playbook names and the protocol does not have.
_COPES = {
    "AP040": "it does not fit such an incident by itself",
    "AP111": "it does not fit such an incident by itself",
    "AP042": "nobody is told by this step",
    "AP112": "a person says that it was met",
    "AP113": "a person says that it was met",
}


def check_playbooks(
    playbooks: Playbooks, names: Names | None, fleet: FleetDocument | None, found: Findings
) -> None:
    """All of them. names: of the protocol, with the roster where it is known; None where it is not."""
    seen: dict[str, str] = {}
    for document, model in whole(playbooks):
        place = document.at("name")
        if model.name in seen:
            text = f"{seen[model.name]} is called {model.name} as well"
            found.add("AP187", place, text, "give one of them a name of its own")
        seen.setdefault(model.name, document.file)
        _times(document, model, found)
        _steps(document, model, found)
        if names is not None:
            named = Findings()
            _protocol(document, model, names, named)
            for one in named.problems:
                _add(one, model.name, found)
        if fleet is not None:
            check_targets(document, model, fleet, found)
            check_offers(document, model, fleet, found)


def _add(one: Problem, name: str, found: Findings) -> None:
    """What stands in a built-in playbook was not written by who adopts it, and every step copes with it: a kind
    never fits, an audience is not told, the owner is asked, what is owed is met by hand."""
    if not one.is_error or not one.file.startswith(BUILT_IN):
        found.problems.append(one)
        return
    hint = f"{_COPES.get(one.code, 'the owner is asked')}, or say in playbooks/{name}.yaml what yours is called"
    found.add("AP190", Place(one.file, one.line, one.column), one.text, hint)


def _times(document: Document[PlaybookDocument], model: PlaybookDocument, found: Findings) -> None:
    """Each phase ends after it begins, and none begins before the one before it."""
    begun = ended = 0
    for name, phase in model.phases.items():
        begins = ended if phase.from_ is None else phase.from_
        if begins < begun:
            text = f"{name} begins before the phase above it does"
            found.add(
                "AP182", document.at("phases", name, "from"), text, "write phases in their order"
            )
        if phase.within <= begins:
            text = f"{name} is to have ended no later than it begins"
            hint = "both times count from the start of the plan"
            found.add("AP182", document.at("phases", name, "within"), text, hint)
        elif phase.within < ended:
            text = f"{name} is to have ended before the phase above it"
            found.add(
                "AP182", document.at("phases", name, "within"), text, "write phases in their order"
            )
        if not phase.steps:
            text = f"{name} has no step, so it ends where it begins"
            found.add("AP189", document.at("phases", name), text, "add steps, or leave it out")
        begun, ended = begins, max(ended, phase.within)


def _steps(document: Document[PlaybookDocument], model: PlaybookDocument, found: Findings) -> None:
    above: list[str] = []
    for phase_name, phase in model.phases.items():
        for id, step in phase.steps.items():
            where = _Where(document, phase_name, id)
            place = document.at(*where.path)
            if id in TAKEN:
                found.add("AP183", place, f"no step can be called {id}", "call it something else")
            if id in above:
                text = f"there is a step {id} above already"
                found.add("AP183", place, text, f"call it {phase_name}-{id}, for example")
            for at, one in enumerate(step.after):
                if one not in above:
                    text = f"{id} waits for {one}, which is no step above it"
                    found.add(
                        "AP184",
                        document.at(*where.path, "after", at),
                        text,
                        nearest(one, dict.fromkeys(above)),
                    )
            _belonging(where, step, found)
            _placeholders(where, step, found)
            above.append(id)


def _belonging(where: _Where, step: PlaybookStepDocument, found: Findings) -> None:
    """What a sort needs, and what it does not know."""
    sort, at = step.sort, where.document.at
    for key, sorts in _BELONGS.items():
        if key in step.model_fields_set and sort not in sorts:
            text = f"`{key}` does not belong to a step with `{sort}`"
            found.add("AP181", at(*where.path, key), text, f"it belongs to {', '.join(sorts)}")
    degrading = step.plan == "degrade"
    needs = {
        "on": sort == "action" or (sort == "plan" and step.plan not in _WHOLE_FLEET),
        "text": sort == "tell",
        "within": sort == "owe",
        "percent": step.action == "scale",
    }
    for key, needed in needs.items():
        if needed and not getattr(step, key):
            named = (
                f"`{sort}: {getattr(step, sort)}`" if sort in ("plan", "action") else f"`{sort}`"
            )
            found.add("AP181", at(*where.path), f"a step with {named} needs `{key}`")
    for key, fits in (
        ("level", degrading or sort != "plan"),
        ("dependents", step.plan == "stop" or sort != "plan"),
        ("percent", step.action == "scale" or sort != "action"),
    ):
        if key in step.model_fields_set and not fits:
            text = f"`{key}` does not belong to `{sort}: {getattr(step, sort)}`"
            found.add("AP181", at(*where.path, key), text)


def _placeholders(where: _Where, step: PlaybookStepDocument, found: Findings) -> None:
    if step.sort != "tell":
        return
    known = (*COMMON, "now")
    for key, text in (("subject", step.subject), ("text", step.text)):
        for name in dict.fromkeys(_BRACES.findall(text)):
            if name not in known:
                wrong = f"what a playbook tells has no placeholder {{{name}}}"
                place = where.document.at(*where.path, key)
                found.add("AP115", place, wrong, nearest(name, known))


def _protocol(
    document: Document[PlaybookDocument], model: PlaybookDocument, names: Names, found: Findings
) -> None:
    """Names of the protocol: kinds, severities, audiences, roles, marks."""
    at, protocol = document.at, names.model
    for place, kind in enumerate(model.for_.kinds):
        where = at("for", "kinds", place)
        found.known("AP111", kind, protocol.activation.kinds, where, "kind of emergency")
    for place, severity in enumerate(model.for_.severities):
        found.known(
            "AP040", severity, protocol.severities, at("for", "severities", place), "severity"
        )
    for phase_name, phase in model.phases.items():
        for id, step in phase.steps.items():
            where_ = _Where(document, phase_name, id)
            _names_of(where_, step, names, found)


def _names_of(where: _Where, step: PlaybookStepDocument, names: Names, found: Findings) -> None:
    at, protocol = where.document.at, names.model
    if step.tell is not None:
        found.known("AP042", step.tell, protocol.audiences, at(*where.path, "tell"), "audience")
    if step.role is not None:
        check_entry(step.role, "people", names, at(*where.path, "role"), found)
    if step.met_by is not None:
        check_mark(step.met_by, protocol, at(*where.path, "met_by"), found)
    early, within = step.remind, step.within
    if early is not None and within is not None and (early == within or longer(early, within)):
        text = f"the reminder comes {span_words(early)} before {where.id} is due, and it is owed for {span_words(within)}"
        found.add("AP124", at(*where.path, "remind"), text, "make it shorter")
