"""How a workload shows that it is well: its readiness check through a Service, else what the cluster says."""

from __future__ import annotations

import re
from typing import Any

from allstop.protocol.fleet_import.draft import Draft
from allstop.protocol.fleet_import.kubernetes_workload import NO_PLACE, Workload, at, texts, word
from allstop.protocol.fleet_import.sources import Origin, may_stand
from allstop.protocol.fleet_import.spans import seconds_ms, written
from allstop.protocol.fleet_import.yaml_tree import Part

_IN_CLUSTER = "the coordinator can reach Services of the cluster"
_ROLLED_OUT = {
    "Deployment": "successfully rolled out",
    "DaemonSet": "successfully rolled out",
    "StatefulSet": "complete",
}


def place_probes(one: Workload, draft: Draft) -> None:
    """Readiness first; the ports of Services where there is none; and always what the cluster says."""
    placed = False
    for container in one.containers:
        check = container.get("readinessProbe")
        if check is not None:
            check.frame()
            placed |= _readiness(one, container, check, draft)
            check.leave_rest(NO_PLACE)
    for part in one.services:
        _ports(one, part, draft, wanted=not placed)
    ready = _ROLLED_OUT.get(one.kind)
    if ready:
        argv = one.kubectl("rollout", "status", one.called, "--watch=false")
        value = {
            "adapter": "command",
            "timeout": "10s",
            "options": {"argv": argv, "expect_output": ready},
        }
        why = "kubectl is here"
        one.service.put(
            ("probes", draft.probe_name(one.service, "ready")), value, [one.service.origin], why
        )
    _starting(one)


def _readiness(one: Workload, container: Part, check: Part, draft: Draft) -> bool:
    """The check of one container; False when nothing here can do it."""
    value: dict[str, Any] = {}
    origins: list[Origin] = []
    for name, make in (("httpGet", _http), ("tcpSocket", _tcp), ("exec", _exec)):
        part = check.get(name)
        if part is None:
            continue
        found = make(one, container, part)
        if found is None:
            part.leave(
                "no Service of these files leads there" if name != "exec" else "not a program"
            )
            return False
        value, origins = found, [at(part)]
        part.use()
    if not value:
        return False
    options = value.pop("options")
    for name, key in (
        ("timeoutSeconds", "timeout"),
        ("failureThreshold", "fall"),
        ("successThreshold", "rise"),
    ):
        part = check.get(name)
        if part is None:
            continue
        said = _setting(key, part.text or "")
        if said is None:
            part.leave("not a value that can be used")
            continue
        value[key] = said
        origins.append(at(part))
        part.use()
    value["options"] = options
    why = "kubectl is here" if value["adapter"] == "command" else _IN_CLUSTER
    return one.service.put(("probes", draft.probe_name(one.service, "health")), value, origins, why)


def _setting(key: str, text: str) -> str | int | None:
    if key == "timeout":
        spent = seconds_ms(text)
        return written(spent) if spent and spent <= 600_000 else None
    return int(text) if re.fullmatch(r"\d{1,3}", text) and 1 <= int(text) <= 100 else None


def _http(one: Workload, container: Part, part: Part) -> dict[str, Any] | None:
    port = _reached(one, container, word(part, "port"))
    path = word(part, "path") or "/"
    scheme = "https" if word(part, "scheme").upper() == "HTTPS" else "http"
    if port is None or not may_stand(path) or not re.fullmatch(r"[!-~]{1,500}", path):
        return None
    host, number = port
    url = f"{scheme}://{host}:{number}/{path.lstrip('/')}"
    return {"adapter": "http", "options": {"url": url}}


def _tcp(one: Workload, container: Part, part: Part) -> dict[str, Any] | None:
    port = _reached(one, container, word(part, "port"))
    return {"adapter": "tcp", "options": {"host": port[0], "port": port[1]}} if port else None


def _exec(one: Workload, container: Part, part: Part) -> dict[str, Any] | None:
    command = part.twig.value.get("command") if isinstance(part.twig.value, dict) else None
    found = command.value if command is not None else None
    words = (
        [each.value for each in found if isinstance(each.value, str)]
        if isinstance(found, list)
        else []
    )
    if not words or not all(may_stand(each) for each in words):
        return None
    inside = ["-c", word(container, "name")] if word(container, "name") else []
    return {
        "adapter": "command",
        "options": {"argv": one.kubectl("exec", one.called, *inside, "--", *words)},
    }


def _reached(one: Workload, container: Part, port: str) -> tuple[str, int] | None:
    """The host and port of a Service that leads to a port of a container, given by number or name."""
    listed = container.twig.value.get("ports") if isinstance(container.twig.value, dict) else None
    names = {port}
    for each in listed.value if listed is not None and isinstance(listed.value, list) else ():
        named, number = _text(each, "name"), _text(each, "containerPort")
        if port in (named, number):
            names |= {named, number} - {""}
    for part in one.services:
        host = word(part, "metadata", "name")
        for each in _service_ports(part):
            outside = _text(each, "port")
            target = _text(each, "targetPort") or outside
            if (
                target in names
                and re.fullmatch(r"\d{1,5}", outside)
                and 1 <= int(outside) <= 65_535
            ):
                return (f"{host}.{one.namespace}.svc" if one.namespace else host), int(outside)
    return None


def _service_ports(part: Part) -> list[Any]:
    spec = part.twig.value.get("spec") if isinstance(part.twig.value, dict) else None
    ports = spec.value.get("ports") if spec is not None and isinstance(spec.value, dict) else None
    return list(ports.value) if ports is not None and isinstance(ports.value, list) else []


def _text(twig: Any, name: str) -> str:
    found = twig.value.get(name) if isinstance(twig.value, dict) else None
    return found.value if found is not None and isinstance(found.value, str) else ""


def _ports(one: Workload, part: Part, draft: Draft, *, wanted: bool) -> None:
    """The first TCP port of a Service as a probe, where nothing better is there."""
    spec = part.get("spec")
    ports = spec.get("ports") if spec is not None else None
    host = word(part, "metadata", "name")
    if spec is None:
        return
    spec.frame()
    texts(spec.get("selector"))
    placed = not wanted
    if ports is not None:
        ports.frame()
        for entry in ports.entries():
            number = _text(entry.twig, "port")
            tcp = (_text(entry.twig, "protocol") or "TCP") == "TCP"
            if (
                placed
                or not tcp
                or not re.fullmatch(r"\d{1,5}", number)
                or not 1 <= int(number) <= 65_535
            ):
                entry.leave("another probe says whether it is well" if placed else "not a TCP port")
                continue
            where = f"{host}.{one.namespace}.svc" if one.namespace else host
            value = {"adapter": "tcp", "options": {"host": where, "port": int(number)}}
            placed = one.service.put(
                ("probes", draft.probe_name(one.service, "port")), value, [at(entry)], _IN_CLUSTER
            )
            entry.use()
    spec.leave_rest(NO_PLACE)
    part.leave_rest(NO_PLACE)


def _starting(one: Workload) -> None:
    """How long it may take to start, by its startup check."""
    for container in one.containers:
        check = container.get("startupProbe")
        if check is None:
            continue
        check.frame()
        period, failures = check.get("periodSeconds"), check.get("failureThreshold")
        texts_ = [
            (part.text if part is not None else None) or usual
            for part, usual in ((period, "10"), (failures, "3"))
        ]
        spent = [seconds_ms(text) for text in texts_]
        whole = spent[0] * (spent[1] // 1000) if spent[0] and spent[1] else 0
        parts = [part for part in (period, failures) if part is not None]
        fits = 0 < whole <= 86_400_000 and parts
        if fits and one.service.put(
            ("takes", "start"),
            written(whole),
            [at(part) for part in parts],
            "it takes all of its time",
        ):
            for part in parts:
                part.use()
        else:
            for part in parts:
                part.leave("not a time that can be used")
        check.leave_rest(NO_PLACE)
