"""Kubernetes manifests: workloads as services, with what Services, probes and disruption budgets say of them.

Manifests do not say who needs whom. An environment that names the Service of another workload says at least that it
is used, so that is taken as soft.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from allstop.protocol.fleet_import.draft import Draft, slug
from allstop.protocol.fleet_import.guesses import hosts_in, keeps_data
from allstop.protocol.fleet_import.kubernetes_actions import place_actions
from allstop.protocol.fleet_import.kubernetes_budgets import place_budget
from allstop.protocol.fleet_import.kubernetes_probes import place_probes
from allstop.protocol.fleet_import.kubernetes_workload import (
    NO_PLACE,
    Workload,
    about,
    at,
    labels_of,
    selects,
    texts,
    word,
)
from allstop.protocol.fleet_import.sources import may_stand
from allstop.protocol.fleet_import.yaml_tree import Part, Twig

KIND = "kubernetes"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod")
_MOST_REPLICAS = 10_000


def is_kubernetes(root: Twig) -> bool:
    """Whether a document is a manifest."""
    value = root.value
    return isinstance(value, dict) and "apiVersion" in value and "kind" in value


@dataclass(slots=True)
class _Found:
    """workloads: in the order of the files; hosts: who answers under the name of a Service."""

    draft: Draft
    workloads: list[Workload] = field(default_factory=list)
    hosts: dict[str, Workload] = field(default_factory=dict)


def read_kubernetes(roots: list[Part], draft: Draft) -> None:
    """All manifests together."""
    found = _Found(draft)
    others: dict[str, list[Part]] = {"Service": [], "PodDisruptionBudget": [], "": []}
    for root in roots:
        for part in _objects(root):
            kind = word(part, "kind")
            if kind in WORKLOADS and word(part, "metadata", "name"):
                found.workloads.append(_workload(part, draft))
            else:
                others[kind if kind in others else ""].append(part)
    for part in others["Service"]:
        _select(part, found)
    for one in found.workloads:
        _place(one, found)
    for part in others["PodDisruptionBudget"]:
        place_budget(part, found.workloads, draft)
    for one in found.workloads:
        _leave_rest(one)
    for part in others[""]:
        why = "a workload without a name" if word(part, "kind") in WORKLOADS else "not a workload"
        part.ledger.leave(part.first, part.last, about(part), why)


def _objects(root: Part) -> list[Part]:
    """The manifest, or those of a List."""
    for name in ("apiVersion", "kind"):
        part = root.get(name)
        if part is not None:
            part.frame()
    items = root.twig.value.get("items") if isinstance(root.twig.value, dict) else None
    if not word(root, "kind").endswith("List") or items is None:
        root.path = (about(root),)
        return [root]
    listed = root.get("items")
    assert listed is not None
    listed.frame()
    root.leave_rest("it is about the list")
    found = []
    for entry in listed.entries():
        if is_kubernetes(entry.twig):
            found += _objects(entry)
        else:
            entry.leave("not a manifest")
    return found


def _workload(part: Part, draft: Draft) -> Workload:
    kind, name = word(part, "kind"), word(part, "metadata", "name")
    space = word(part, "metadata", "namespace")
    named = part.at("metadata", "name")
    assert named is not None
    metadata = part.get("metadata")
    assert metadata is not None
    metadata.frame()
    service = draft.add(KIND, f"{space}/{kind}/{name}", at(named), name)
    named.use()
    texts(part.at("spec", "selector", "matchLabels"))
    pod = part.get("spec") if kind == "Pod" else part.at("spec", "template", "spec")
    if pod is not None:
        pod.frame()
        pod.path = (*part.path, "pod")
    labels = labels_of(part if kind == "Pod" else part.at("spec", "template"))
    found = pod.get("containers") if pod is not None else None
    boxes: list[Part] = []
    if found is not None:
        found.frame()
        boxes = [entry for entry in found.entries() if entry.is_mapping]
    return Workload(part, kind, name, space, pod, boxes, labels, service)


def _select(part: Part, found: _Found) -> None:
    """Give a Service to the workloads it selects."""
    name, space = word(part, "metadata", "name"), word(part, "metadata", "namespace")
    selector = texts(part.at("spec", "selector"))
    chosen = [
        one for one in found.workloads if one.namespace == space and selects(selector, one.labels)
    ]
    metadata = part.get("metadata")
    if not chosen or metadata is None or not name:
        part.ledger.leave(
            part.first, part.last, about(part), "it selects no workload in these files"
        )
        return
    metadata.frame()
    named = metadata.get("name")
    for each in (named, metadata.get("namespace")):
        if each is not None:
            each.frame()
    metadata.leave_rest(NO_PLACE)
    for one in chosen:
        one.services.append(part)
    for host in (name, f"{name}.{space}" if space else ""):
        if host:
            found.hosts.setdefault(host, chosen[0])


def _place(one: Workload, found: _Found) -> None:
    _about(one)
    one.service.put(
        ("category",), "internal", (), "nothing says what it is for; see docs/documents.md"
    )
    _data(one)
    _hosts(one, found)
    place_probes(one, found.draft)
    place_actions(one)


def _about(one: Workload) -> None:
    """Title, domain, host and zone."""
    space = one.part.at("metadata", "namespace")
    if space is not None:
        put = one.service.put(
            ("domain",), slug(one.namespace), [at(space)], "a namespace is somebody's ground"
        )
        space.use() if put else space.leave(NO_PLACE)
    replicas = one.part.at("spec", "replicas")
    if replicas is not None:
        if re.fullmatch(r"\d{1,5}", replicas.text or ""):
            one.replicas = min(int(replicas.text or "1"), _MOST_REPLICAS)
        title = f"{one.name}, {one.replicas} replicas"
        several = one.replicas != 1 and may_stand(title)
        if several and one.service.put(("title",), title, [at(replicas)]):
            replicas.use()
        else:
            replicas.leave("one replica is what every service has")
    for name, key in (("kubernetes.io/hostname", "host"), ("topology.kubernetes.io/zone", "zone")):
        part = one.pod.at("nodeSelector", name) if one.pod is not None else None
        if part is not None and part.text:
            put = one.service.put((key,), slug(part.text), [at(part)])
            part.use() if put else part.leave(NO_PLACE)


def _data(one: Workload) -> None:
    def keeps(part: Part, why: str) -> bool:
        return one.service.put(("stateful",), value=True, origins=[at(part)], assumed=why)

    claims = one.part.at("spec", "volumeClaimTemplates")
    kind = one.part.get("kind")
    if claims is not None:
        keeps(claims, "it claims volumes")
        claims.use()
    elif one.kind == "StatefulSet" and kind is not None:
        keeps(kind, "a StatefulSet keeps state")
        kind.use()
    volumes = one.pod.get("volumes") if one.pod is not None else None
    if volumes is not None:
        volumes.frame()
        for entry in volumes.entries():
            claim = entry.at("persistentVolumeClaim", "claimName")
            if claim is not None:
                keeps(claim, "it claims a volume")
                claim.use()
                entry.leave_rest(NO_PLACE)
            else:
                entry.leave("no sign of data of its own")
    for container in one.containers:
        image = container.get("image")
        if image is not None and keeps_data(image.text or ""):
            keeps(image, "programs like this one keep data")
            image.use()
        elif image is not None:
            image.leave(NO_PLACE)


def _hosts(one: Workload, found: _Found) -> None:
    """An environment that names the Service of another workload."""
    for container in one.containers:
        listed = container.get("env")
        if listed is None:
            continue
        listed.frame()
        for entry in listed.entries():
            others = [
                found.hosts[host].service.name
                for host in hosts_in(word(entry, "value"), found.hosts)
            ]
            placed = [
                name
                for name in others
                if name != one.service.name
                and one.service.put(
                    ("depends", name), "soft", [at(entry)], "soft, its environment names it"
                )
            ]
            entry.use() if placed else entry.leave(NO_PLACE)


def _leave_rest(one: Workload) -> None:
    """What nobody has asked for, from the inside out."""
    for container in one.containers:
        named = container.get("name")
        if named is not None:
            named.frame()
        container.leave_rest(NO_PLACE)
    spec = one.part.get("spec")
    template = one.part.at("spec", "template") if one.kind != "Pod" else None
    for part in (
        one.pod.get("nodeSelector") if one.pod is not None else None, one.pod,
        template.get("metadata") if template is not None else None, template, spec,
        one.part.get("metadata"), one.part,
    ):  # fmt: skip
        if part is not None:
            part.frame()
            part.leave_rest(NO_PLACE)
