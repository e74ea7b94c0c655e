"""Stopping and starting a workload: its number of replicas, set to none and back."""

from __future__ import annotations

from allstop.protocol.fleet_import.kubernetes_workload import SCALED, Workload, at
from allstop.protocol.fleet_import.spans import seconds_ms, written

_WHY = "kubectl is here"
_MARGIN_MS = 30_000
_USUAL_GRACE_MS = 30_000


def place_actions(one: Workload) -> None:
    """What kubectl can do to it. A DaemonSet and a bare Pod can only be deleted: they get no stop."""
    grace = one.pod.get("terminationGracePeriodSeconds") if one.pod is not None else None
    spent = seconds_ms(grace.text or "") if grace is not None else None
    if grace is not None and (not spent or one.kind not in SCALED):
        grace.leave("not a time that can be used")
    service, origin = one.service, one.service.origin
    if one.kind in ("Deployment", "StatefulSet", "DaemonSet"):
        argv = one.kubectl("rollout", "restart", one.called)
        value = {
            "adapter": "command",
            "verb": "ensure",
            "timeout": "60s",
            "options": {"argv": argv},
        }
        service.put(("actions", "restart"), value, [origin], _WHY)
    if one.kind not in SCALED:
        return
    origins = [origin, *([at(grace)] if grace is not None and spent else [])]
    for action, count, limit in (
        ("stop", 0, (spent or _USUAL_GRACE_MS) + _MARGIN_MS), ("start", max(1, one.replicas), 120_000),
    ):  # fmt: skip
        argv = one.kubectl("scale", one.called, f"--replicas={count}")
        value = {
            "adapter": "command",
            "verb": "ensure",
            "timeout": written(limit),
            "options": {"argv": argv},
        }
        service.put(("actions", action), value, origins if action == "stop" else [origin], _WHY)
    if grace is not None and spent:
        service.put(("takes", "stop"), written(spent), [at(grace)], "it takes all of its grace")
        grace.use()
    labels = ",".join(f"{name}={value}" for name, value in one.labels.items())
    if labels:
        shell = [
            "sh",
            "-c",
            'out=$("$@") && test -z "$out"',
            "sh",
            *one.kubectl("get", "pods", "-l", labels, "-o", "name"),
        ]
        proof = {"adapter": "command", "timeout": "20s", "options": {"argv": shell}}
        service.put(("verify", "stopped"), proof, [origin], _WHY)
