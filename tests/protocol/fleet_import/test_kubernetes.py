"""Kubernetes manifests as a draft."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.protocol.fleet_import import SourceFile
from tests.protocol.fleet_import.trees import checked, left, needs, service, source

CLUSTER = source("cluster.yaml")


def test_workloads_become_services(tmp_path: Path) -> None:
    found, fleet = checked([CLUSTER], tmp_path)
    assert [one.name for one in fleet.services] == ["web", "api", "db", "agent"]
    assert needs(fleet, "web") == {"api": "soft", "db": "soft"}, (
        "its environment names their Services"
    )
    assert [one.name for one in fleet.services if one.stateful] == ["api", "db"]
    web = service(fleet, "web")
    assert (web.domain, web.zone, web.title) == ("shop", "eu-1", "web, 3 replicas")
    assert web.takes_ms == {"stop": 45_000, "start": 60_000}
    assert web.actions["stop"].options["argv"] == [
        "kubectl",
        "-n",
        "shop",
        "scale",
        "deployment/web",
        "--replicas=0",
    ]
    assert web.actions["start"].options["argv"][-1] == "--replicas=3"
    assert "stop" not in service(fleet, "agent").actions, "a DaemonSet can only be deleted"
    told = {one.label: one.why for one in found.left}
    assert told["Secret keys"] == "not a workload"
    assert told["Deployment"] == "a workload without a name"
    assert "ZG8tbm90LXByaW50LW1l" not in found.text + repr(found.left)
    assert "do-not-print-me" not in found.text + repr(found.left)


def test_probes_lead_through_services(tmp_path: Path) -> None:
    _, fleet = checked([CLUSTER], tmp_path)
    probes = {one.name: one for each in fleet.services for one in each.probes}
    assert probes["web-health"].options == {"url": "http://web.shop.svc:80/ready"}
    assert (probes["web-health"].timeout_ms, probes["web-health"].fall) == (2000, 4)
    assert probes["api-health"].options["argv"][-3:] == ["--", "/bin/check", "--fast"]
    assert probes["db-port"].options == {"host": "db.shop.svc", "port": 5432}


def test_budgets_become_sets(tmp_path: Path) -> None:
    found, fleet = checked([CLUSTER], tmp_path)
    (group,) = fleet.sets
    assert (group.name, group.members, group.alive) == ("db", ("db",), 1)
    assert left(found)["PodDisruptionBudget nothing"] == "it selects no workload in these files"


@pytest.mark.parametrize(
    ("budget", "alive"),
    [
        ("minAvailable: 1", 1),
        ("minAvailable: 5", 2),
        ("minAvailable: 6", 3),
        ("minAvailable: 100%", 3),
        ("minAvailable: 10%", 1),
        ("maxUnavailable: 1", 2),
        ("maxUnavailable: 50%", 1),
        ("minAvailable: 0", None),
        ("maxUnavailable: 100%", None),
        ("minAvailable: many", None),
    ],
)
def test_how_many_workloads_a_budget_needs(budget: str, alive: int | None, tmp_path: Path) -> None:
    """Given workloads of 3, 2 and 1 pods, then a set counts the fewest of them whose pods are enough."""
    pods = "replicas: {n}, template: {{metadata: {{labels: {{app: x}}}}}}"
    parts = [
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: w{n}}}\nspec: {{{pods.format(n=n)}}}\n"
        for n in (1, 2, 3)
    ]
    selector = "selector: {matchLabels: {app: x}}"
    parts.append(
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\n"
        f"spec: {{{selector}, {budget}}}\n"
    )
    _, fleet = checked([SourceFile("x.yaml", "---\n".join(parts))], tmp_path)
    assert [one.alive for one in fleet.sets] == ([alive] if alive else [])


def test_one_broken_document_spoils_no_other(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\nkind: [\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n"
    found, fleet = checked([SourceFile("x.yaml", text)], tmp_path)
    assert [one.name for one in fleet.services] == ["a", "b"]
    (broken,) = (one for one in found.left if one.label == "a document")
    assert (broken.first, broken.last) == (5, 5)
    assert "no YAML" in broken.why


def test_json_is_read_too(tmp_path: Path) -> None:
    text = '{"apiVersion": "v1", "kind": "List", "items": [\n  {"apiVersion": "v1", "kind": "Pod", "metadata": {\n    "name": "a"\n  }}\n]}\n'
    _, fleet = checked([SourceFile("x.json", text)], tmp_path)
    assert [one.name for one in fleet.services] == ["a"]


def test_files_of_every_kind_together(tmp_path: Path) -> None:
    files = [
        CLUSTER,
        source("shop.compose.yaml"),
        source("supervisord.conf"),
        source("units/web.service"),
    ]
    found, fleet = checked(files, tmp_path)
    assert set(found.kinds.values()) == {"kubernetes", "compose", "supervisor", "systemd"}
    names = [one.name for one in fleet.services]
    assert {"web", "web-2", "web-3"} <= set(names)
    assert len(set(names)) == len(names)
