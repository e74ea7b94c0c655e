"""Recipes of diagnosis that follow from what `fleet.yaml` says of a service, for services that name none."""

from __future__ import annotations

from typing import Any

from allstop.domain.policy import ActionSpec
from allstop.protocol.document_fleet import ServiceDocument

GIT, CPU, MEMORY, DISK = "git-release", "cpu", "memory", "disk"
# Adapters that act on the coordinator's own host, so that what it measures there is about the service as well.
AT_HOME = frozenset({"process", "flag-file", GIT})
SOCKETS = frozenset({"supervisor", "container"})
ELSEWHERE = frozenset({"ssh"})
# What of a rollback's options says whose history is meant.
BRANCH = ("repo", "branch")
LOOK_MS, HISTORY_MS = 5_000, 10_000


def recipes_of(service: ServiceDocument) -> dict[str, ActionSpec]:
    """By name: the deployments where a rollback names a repository, the host where the service runs on ours."""
    found: dict[str, ActionSpec] = {}
    rollback = service.actions.get("rollback")
    if rollback is not None and rollback.adapter == GIT:
        given: dict[str, Any] = dict(rollback.options)
        known = {name: given[name] for name in BRANCH if name in given}
        found["recent-changes"] = ActionSpec(GIT, "history", known, HISTORY_MS)
    if _runs_here(service):
        # Limits so low that they say how it is rather than whether it is bad: evidence is no alarm.
        found["host-cpu"] = _look(CPU, {"busy_percent_at_most": 95})
        found["host-memory"] = _look(MEMORY, {"available_percent": 5})
        found["host-disk"] = _look(DISK, {"path": _path(service), "free_percent": 5})
    return found


def _look(adapter: str, options: dict[str, Any]) -> ActionSpec:
    return ActionSpec(adapter, "measure", options, LOOK_MS)


def _runs_here(service: ServiceDocument) -> bool:
    """Whether what acts on it acts on this host, and nothing goes elsewhere for it."""
    used = [(one.adapter, dict(one.options)) for one in service.actions.values()]
    used += [(one.adapter, dict(one.options)) for one in service.diagnose.values()]
    used += [(one.adapter, dict(one.options)) for one in service.verify.values()]
    used += [(one.adapter, dict(one.options)) for one in service.probes.values()]
    if any(adapter in ELSEWHERE for adapter, _ in used):
        return False
    return any(
        adapter in AT_HOME or (adapter in SOCKETS and _is_local(options))
        for adapter, options in used
    )


def _is_local(options: dict[str, Any]) -> bool:
    """A socket in the file system; a container engine is reached by one unless it is told otherwise."""
    return str(options.get("url", "unix://")).startswith("unix://")


def _path(service: ServiceDocument) -> str:
    """A folder of the service, else the root."""
    for one in service.actions.values():
        for name in ("repo", "cwd", "data_dir"):
            value = one.options.get(name)
            if isinstance(value, str) and value.startswith("/"):
                return value
    return "/"
