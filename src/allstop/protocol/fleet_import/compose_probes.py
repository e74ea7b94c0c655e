"""Health checks and ports of a compose service as probes."""

from __future__ import annotations

import re
from typing import Any

from allstop.protocol.fleet_import.draft import Draft, Service
from allstop.protocol.fleet_import.interpolation import interpolated
from allstop.protocol.fleet_import.sources import Origin, may_stand
from allstop.protocol.fleet_import.spans import compose_ms, written
from allstop.protocol.fleet_import.yaml_tree import Part

_PORT = re.compile(
    r"(?:(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]{1,100}):)?(?P<out>\d{1,5})(?:-\d{1,5})?:"
    r"\d{1,5}(?:-\d{1,5})?(?:/(?P<kind>\w{1,10}))?"
)
# What a port is bound to that is reached under every address of the host.
_ANYWHERE = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 (nothing is bound here)
# More ports of one service say nothing more about whether it is well.
MOST_PORTS = 4


def health_probe(draft: Draft, service: Service, check: Part, inside: list[str]) -> None:
    """The health check as a program run inside the container. inside: what runs a program there."""
    disabled, test = check.get("disable"), check.get("test")
    if test is None or (disabled is not None and disabled.text == "true"):
        for one in (disabled, test):
            if one is not None:
                one.leave("it has no health check")
        return
    argv = _argv(test)
    if not argv or not all(may_stand(word) for word in argv):
        test.leave("not a program that can be run")
        return
    value: dict[str, Any] = {"adapter": "command", "timeout": "10s"}
    origins = [_at(test), *_settings(check, value)]
    value["options"] = {"argv": [*inside, *argv]}
    name = draft.probe_name(service, "health")
    service.put(("probes", name), value, origins, "docker compose is here")
    test.use()
    start = check.get("start_period")
    if start is not None:
        spent = compose_ms(interpolated(start.text or "")[0])
        if spent and service.put(("takes", "start"), written(spent), [_at(start)]):
            start.use()
        else:
            start.leave("not a time that can be used")


def _settings(check: Part, value: dict[str, Any]) -> list[Origin]:
    """Time-out and retries of a health check, put into the probe; where they come from."""
    origins = []
    for name, key in (("timeout", "timeout"), ("retries", "fall")):
        part = check.get(name)
        if part is None:
            continue
        said = _setting(key, interpolated(part.text or "")[0])
        if said is None:
            part.leave("not a value that can be used")
            continue
        value[key] = said
        origins.append(_at(part))
        part.use()
    return origins


def _setting(key: str, text: str) -> str | int | None:
    if key == "timeout":
        spent = compose_ms(text)
        return written(min(spent, 600_000)) if spent else None
    return int(text) if re.fullmatch(r"\d{1,3}", text) and 1 <= int(text) <= 100 else None


def _at(part: Part) -> Origin:
    return Origin(part.ledger.name, part.first)


def _argv(test: Part) -> list[str]:
    """`["CMD", "curl", ...]`, `["CMD-SHELL", "..."]`, or a text for a shell."""
    if test.text is not None:
        text = interpolated(test.text)[0]
        return ["sh", "-c", text] if text.strip() else []
    words = [interpolated(entry.text)[0] for entry in test.entries() if entry.text is not None]
    if len(words) != len(test.entries()) or len(words) < 2:
        return []
    if words[0] == "CMD-SHELL":
        return ["sh", "-c", " ".join(words[1:])]
    return words[1:] if words[0] == "CMD" and words[1].strip() else []


def port_probes(draft: Draft, service: Service, ports: Part) -> None:
    """Published TCP ports as probes that connect to them."""
    count = 0
    for entry in ports.entries():
        found, why = _mapped(entry) if entry.is_mapping else _written(entry.text or "")
        if found is None or count >= MOST_PORTS:
            entry.leave(why or "more ports say nothing more")
            continue
        host, port = found
        assumed = "it is reached from where the coordinator runs" if host == "127.0.0.1" else ""
        value = {"adapter": "tcp", "options": {"host": host, "port": port}}
        origin = Origin(entry.ledger.name, entry.first)
        service.put(("probes", draft.probe_name(service, "port")), value, [origin], assumed)
        entry.use()
        count += 1


def _written(text: str) -> tuple[tuple[str, int] | None, str]:
    """Host and port of `8080:80`, or why there is none to connect to."""
    text, unknown = interpolated(text.strip())
    if unknown:
        return None, f"nobody knows {', '.join(unknown)} here"
    match = _PORT.fullmatch(text)
    if not match:
        return None, "no port of the host that stays the same"
    if (match["kind"] or "tcp") != "tcp":
        return None, "only TCP ports can be connected to"
    return _address(match["host"] or "", match["out"])


def _mapped(entry: Part) -> tuple[tuple[str, int] | None, str]:
    texts = {name: interpolated(part.text or "")[0] for name, part in entry.items()}
    if texts.get("protocol", "tcp") != "tcp":
        return None, "only TCP ports can be connected to"
    published = texts.get("published", "").partition("-")[0]
    if not re.fullmatch(r"\d{1,5}", published):
        return None, "no port of the host that stays the same"
    host = texts.get("host_ip", "")
    if not re.fullmatch(r"[A-Za-z0-9_.:\[\]-]{0,100}", host):
        return None, "not an address"
    return _address(host, published)


def _address(host: str, port: str) -> tuple[tuple[str, int] | None, str]:
    number = int(port)
    if not 1 <= number <= 65_535:
        return None, "not a port"
    return ("127.0.0.1" if host in _ANYWHERE else host.strip("[]"), number), ""
