"""A file of `playbooks/` to the playbook of the policy."""

from __future__ import annotations

from allstop.domain.policy import (
    Playbook,
    PlaybookPhase,
    PlaybookStep,
    PlayedService,
    PlaySort,
)
from allstop.protocol.document_playbook import PlaybookDocument, PlaybookStepDocument


def compile_playbook(written: PlaybookDocument, chain: tuple[str, ...] = ()) -> Playbook:
    """As the core reads it. chain: what it extends, nearest first."""
    phases, before = [], 0
    for name, phase in written.phases.items():
        begins = before if phase.from_ is None else phase.from_
        steps = tuple(_step(id, step) for id, step in phase.steps.items())
        phases.append(
            PlaybookPhase(name, phase.title or name, begins, phase.within, steps, phase.recovery)
        )
        before = phase.within
    return Playbook(
        written.name,
        written.title or written.name,
        tuple(phases),
        tuple(
            PlayedService(name, one.title or name, tuple(one.targets))
            for name, one in written.services.items()
        ),
        tuple(written.for_.kinds),
        tuple(written.for_.severities),
        tuple(written.for_.domains),
        chain,
    )


def _step(id: str, written: PlaybookStepDocument) -> PlaybookStep:
    sort = PlaySort(written.sort)
    what = _what(written, sort)
    return PlaybookStep(
        id=id,
        title=written.title or _title(sort, what, written.on),
        sort=sort,
        what=what,
        on=tuple(written.on),
        after=tuple(written.after),
        early=written.early,
        role=written.role or "",
        level=written.level or "",
        percent=written.percent or 0,
        dependents=written.dependents,
        subject=written.subject,
        text=written.text,
        within=written.within,
        remind=written.remind,
        met_by=written.met_by or "",
        probes=tuple(written.gate or ()),
        on_failure=written.on_failure or "",
    )


def _what(written: PlaybookStepDocument, sort: PlaySort) -> str:
    """Which one of its sort. A gate without probes of its own and without services is on all there are."""
    if sort is PlaySort.GATE:
        return "" if written.gate or written.on else "all"
    return str(getattr(written, sort.value))


def _title(sort: PlaySort, what: str, on: list[str]) -> str:
    """`isolate entry`, `tell customers`, or the words of a task."""
    whom = ", ".join(on)
    match sort:
        case PlaySort.PLAN | PlaySort.ACTION:
            return f"{what} {whom}".strip()
        case PlaySort.LEVER:
            return f"pull {what}"
        case PlaySort.RELEASE:
            return f"take back {what}"
        case PlaySort.TELL:
            return f"tell {what}"
        case PlaySort.GATE:
            return f"gate: {whom or what or 'its probes'}"
        case _:
            return what
