"""Recipes that follow from fleet.yaml: there where they can be carried out, and only with options that fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from allstop.application.ports import AdapterInfo
from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol.compile_recipes import recipes_of
from allstop.protocol.document_fleet import ServiceDocument
from allstop.protocol.standalone_fleet import load_fleet

ROLLBACK = {
    "adapter": "git-release",
    "verb": "rollback",
    "options": {"repo": "/srv/shop", "branch": "live", "tree": "{release}"},
}
STOP = {"adapter": "process", "verb": "stop", "options": {"pid_file": "/run/shop.pid"}}
SUPERVISED = {
    "adapter": "supervisor",
    "verb": "stop",
    "options": {"url": "unix:///run/s.sock", "process": "shop"},
}
FAR = {**SUPERVISED, "options": {"url": "http://shop-1:9001", "process": "shop"}}
REMOTE = {
    "adapter": "ssh",
    "verb": "ensure",
    "options": {"host": "shop-1", "user": "allstop", "argv": ["stop"]},
}
HOST = {"host-cpu", "host-memory", "host-disk"}


def service(**actions: Any) -> ServiceDocument:
    return ServiceDocument.model_validate({"actions": actions})


@pytest.mark.parametrize(("actions", "names"), [
    ({}, set()),
    ({"rollback": ROLLBACK}, {"recent-changes", *HOST}),
    ({"stop": STOP}, HOST),
    ({"stop": SUPERVISED}, HOST),
    ({"stop": FAR}, set()),
    ({"stop": REMOTE}, set()),
    ({"rollback": ROLLBACK, "stop": REMOTE}, {"recent-changes"}),
])  # fmt: skip
def test_where_a_service_runs_here_the_host_is_looked_at(
    actions: dict[str, Any], names: set[str]
) -> None:
    """Given actions that reach this host or another one, then only for a service that runs here is this host
    evidence; deployments are looked at wherever a rollback names their repository."""
    assert set(recipes_of(service(**actions))) == names


def test_the_history_is_that_of_the_branch_a_rollback_would_change() -> None:
    found = recipes_of(service(rollback=ROLLBACK))
    assert found["recent-changes"].options == {"repo": "/srv/shop", "branch": "live"}
    assert found["host-disk"].options["path"] == "/srv/shop"


def test_every_recipe_takes_the_options_it_is_given() -> None:
    """Given all recipes there are, then the adapter of each is installed, and its options are ones it takes."""
    infos: dict[str, AdapterInfo] = {one.name: one for one in InstalledAdapters().infos()}
    probes = InstalledAdapters()
    for name, spec in recipes_of(service(rollback=ROLLBACK, stop=STOP)).items():
        if spec.verb == "measure":
            probe = probes.probe(spec.adapter)
            assert probe is not None, name
            model = probe.info.probe_options
        else:
            verb = infos[spec.adapter].verb(spec.verb)
            assert verb is not None, name
            assert verb.read_only, name
            model = verb.options
        assert model is not None, name
        model.model_validate(spec.options)


def test_they_are_part_of_the_compiled_fleet(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(
        "schema: allstop/1\nservices:\n  shop:\n    actions:\n"
        "      rollback: {adapter: git-release, verb: rollback, options: {repo: /srv/shop, tree: '{release}'}}\n"
    )
    fleet, problems = load_fleet(path, catalogue_of(InstalledAdapters()))
    assert fleet is not None, problems
    assert "recent-changes" in fleet.services[0].recipes
