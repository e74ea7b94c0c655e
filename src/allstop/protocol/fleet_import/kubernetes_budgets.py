"""Disruption budgets as sets of which some must stay up."""

from __future__ import annotations

import math
import re

from allstop.protocol.fleet_import.draft import Draft, Names, Value, slug
from allstop.protocol.fleet_import.kubernetes_workload import (
    NO_PLACE,
    Workload,
    about,
    at,
    selects,
    texts,
    word,
)
from allstop.protocol.fleet_import.yaml_tree import Part


def place_budget(part: Part, workloads: list[Workload], draft: Draft) -> None:
    """The workloads a budget selects as a set; alive: how many of them the wanted pods need at least.

    A budget counts pods and a set counts services, so it is the fewest workloads whose pods can be enough.
    """
    space, spec = word(part, "metadata", "namespace"), part.get("spec")
    selector = texts(part.at("spec", "selector", "matchLabels"))
    chosen = [one for one in workloads if one.namespace == space and selects(selector, one.labels)]
    metadata = part.get("metadata")
    if not chosen or spec is None or metadata is None:
        part.ledger.leave(
            part.first, part.last, about(part), "it selects no workload in these files"
        )
        return
    spec.frame()
    metadata.frame()
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    said = least if least is not None else most
    pods = (
        _pods(said.text or "", sum(one.replicas for one in chosen), least=least is not None)
        if said is not None
        else None
    )
    if said is None or not pods:
        part.ledger.leave(part.first, part.last, about(part), "no pod has to stay up")
        return
    alive, left = 0, pods
    for count in sorted((one.replicas for one in chosen), reverse=True):
        if left > 0:
            alive, left = alive + 1, left - count
    name = Names(set(draft.sets)).fresh(slug(word(part, "metadata", "name") or "budget"))
    named = metadata.get("name")
    origins = (at(named if named is not None else metadata),)
    draft.sets[name] = {
        "members": Value([one.service.name for one in chosen], origins),
        "alive": Value(alive, (at(said),), "a set counts services, and not pods"),
    }
    if named is not None:
        named.use()
    said.use()
    for one in (metadata, spec.get("selector"), spec):
        if one is not None:
            one.frame()
            one.leave_rest(NO_PLACE)


def _pods(text: str, replicas: int, *, least: bool) -> int | None:
    """How many pods must stay up, of so many; None where that cannot be read."""
    match = re.fullmatch(r"(\d{1,6})(%?)", text.strip())
    if not match:
        return None
    count = int(match[1])
    if match[2]:
        # Kubernetes rounds up both what must stay and what may go.
        count = math.ceil(replicas * min(count, 100) / 100)
    return min(count, replicas) if least else max(0, replicas - count)
