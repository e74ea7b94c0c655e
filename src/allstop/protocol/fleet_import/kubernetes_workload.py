"""One workload of Kubernetes, and how manifests are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from allstop.protocol.fleet_import.draft import Service
from allstop.protocol.fleet_import.sources import Origin
from allstop.protocol.fleet_import.yaml_tree import Part

NO_PLACE = "fleet.yaml does not say how a service is set up"
# Those whose number of replicas can be set, so that they can be stopped and started.
SCALED = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")


@dataclass(slots=True)
class Workload:
    """part: its manifest; pod: what its pods are; labels: of its pods; services: the manifests of Services that
    select it."""

    part: Part
    kind: str
    name: str
    namespace: str
    pod: Part | None
    containers: list[Part]
    labels: dict[str, str]
    service: Service
    replicas: int = 1
    services: list[Part] = field(default_factory=list)

    def kubectl(self, *words: str) -> list[str]:
        """A call of kubectl in its namespace."""
        return ["kubectl", *(["-n", self.namespace] if self.namespace else []), *words]

    @property
    def called(self) -> str:
        """What kubectl calls it."""
        return f"{self.kind.lower()}/{self.name}"


def word(part: Part, *names: str) -> str:
    """A text further down, without a mark that it was read."""
    here: Any = part.twig
    for name in names:
        here = here.value.get(name) if here is not None and isinstance(here.value, dict) else None
    return here.value if here is not None and isinstance(here.value, str) else ""


def about(part: Part) -> str:
    """`Deployment web`."""
    return f"{word(part, 'kind') or 'object'} {word(part, 'metadata', 'name')}".strip()


def at(part: Part) -> Origin:
    return Origin(part.ledger.name, part.first)


def labels_of(part: Part | None) -> dict[str, str]:
    """The labels of pods: they hold workloads, Services and budgets together."""
    return texts(part.at("metadata", "labels") if part is not None else None)


def texts(part: Part | None) -> dict[str, str]:
    """The texts of a mapping that holds others together."""
    if part is None:
        return {}
    part.frame()
    found = {}
    for name, one in part.items():
        if one.text is not None:
            found[name] = one.text
            one.ledger.frame(one.first, one.last)
        else:
            one.leave(NO_PLACE)
    return found


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Whether a selector means pods with these labels. An empty one means nothing."""
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())
