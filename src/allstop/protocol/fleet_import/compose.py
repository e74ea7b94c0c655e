"""Compose files: services with what they depend on, their health checks, ports and volumes.

Compose orders starts only. A service that waits until another one is healthy cannot work without it, so that is
hard; one that waits until it has started is taken to be the same, because a stop in the wrong order does more harm
than one in an order that was not needed. What must only have run before is `startup`; what is not required, soft.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from allstop.protocol.fleet_import.compose_probes import health_probe, port_probes
from allstop.protocol.fleet_import.draft import Draft, Service
from allstop.protocol.fleet_import.guesses import hosts_in, is_data_folder, keeps_data
from allstop.protocol.fleet_import.interpolation import interpolated
from allstop.protocol.fleet_import.sources import Origin, clean, may_stand
from allstop.protocol.fleet_import.spans import compose_ms, written
from allstop.protocol.fleet_import.yaml_tree import Part, Twig

KIND = "compose"
_NO_PLACE = "fleet.yaml does not say how a service is set up"
_ENDED = "service_completed_successfully"
_CONDITIONS = {
    "service_healthy": ("hard", ""),
    "service_started": ("hard", "compose orders starts only"),
    _ENDED: ("startup", ""),
}
# Longer than the grace by so much: the client needs time of its own.
_MARGIN_MS = 10_000


def is_compose(root: Twig) -> bool:
    """Whether a document is a compose file."""
    if not isinstance(root.value, dict) or "apiVersion" in root.value:
        return False
    services = root.value.get("services")
    return services is not None and (services.value is None or isinstance(services.value, dict))


def read_compose(roots: list[Part], draft: Draft) -> None:
    """All compose files of a folder together: a later one adds to and overrides an earlier one, as compose does
    it. Files of another folder are another project."""
    projects: dict[str, list[Part]] = {}
    for root in roots:
        projects.setdefault(root.ledger.name.rpartition("/")[0], []).append(root)
    for folder, files in projects.items():
        _read_project(f"{KIND} {folder}", files, draft)


def _read_project(kind: str, roots: list[Part], draft: Draft) -> None:
    parts: dict[str, list[Part]] = {}
    for root in roots:
        services = root.get("services")
        if services is not None:
            services.frame()
            for name, part in services.items():
                part.path = (name,)
                parts.setdefault(name, []).append(part)
        root.leave_rest("only services come into the fleet")
    # Services first, so that each can name every other one.
    for name, found in parts.items():
        draft.add(kind, name, Origin(found[0].ledger.name, found[0].first))
        found[0].ledger.use(found[0].first, found[0].first, name)
        for part in found[1:]:
            part.frame()
    project = _Project(
        kind, list(dict.fromkeys(root.ledger.name for root in roots)),
        {key: name for (one, key), name in draft.named.items() if one == kind}, _run_once(parts),
    )  # fmt: skip
    for name, found in parts.items():
        service = draft.of(kind, name)
        assert service is not None
        _Compose(draft, service, project, name, found).place()


@dataclass(frozen=True, slots=True)
class _Project:
    """kind: what the draft knows its services by; files: of it; hosts: names in the draft by those in the files;
    once: services that run once and end."""

    kind: str
    files: list[str]
    hosts: dict[str, str]
    once: set[str]


def _run_once(parts: dict[str, list[Part]]) -> set[str]:
    """Services that others wait for to have ended: nothing is wrong when they do not run."""
    found = set()
    for part in (one for each in parts.values() for one in each):
        depends = part.twig.value.get("depends_on") if isinstance(part.twig.value, dict) else None
        inner = depends.value if depends is not None else None
        for name, one in inner.items() if isinstance(inner, dict) else ():
            condition = one.value.get("condition") if isinstance(one.value, dict) else None
            if condition is not None and condition.value == _ENDED:
                found.add(name)
    return found


class _Compose:
    """One service. parts: of each file that speaks of it, the later ones count more."""

    def __init__(
        self, draft: Draft, service: Service, project: _Project, key: str, parts: list[Part]
    ) -> None:
        self._draft, self._service, self._parts = draft, service, parts
        self._project, self._key = project, key

    def place(self) -> None:
        self._title()
        self._service.put(
            ("category",), "internal", (), "nothing says what it is for; see docs/documents.md"
        )
        self._data()
        self._dependencies()
        self._environment()
        self._probes()
        self._actions(once=self._key in self._project.once)
        for part in self._parts:
            part.leave_rest(_NO_PLACE)

    def _every(self, name: str) -> Iterator[Part]:
        """What each file says under a key."""
        for part in self._parts:
            found = part.get(name)
            if found is not None and found.twig.tag != "!reset":
                yield found
            elif found is not None:
                found.leave("it is taken out here")

    def _last(self, *names: str) -> Part | None:
        """What counts: the last file that says it. What the others say is listed."""
        found = [one for part in self._parts if (one := part.at(*names)) is not None]
        for one in found[:-1]:
            one.leave(f"{found[-1].ledger.name} says it again")
        return found[-1] if found else None

    def _title(self) -> None:
        for names in (("deploy", "replicas"), ("scale",)):
            part = self._last(*names)
            text, unknown = interpolated(part.text or "") if part else ("", ())
            if part is None:
                continue
            count = int(text) if re.fullmatch(r"\d{1,6}", text) else 1
            title = f"{self._key}, {count} replicas"
            if (
                not unknown
                and count > 1
                and may_stand(title)
                and self._service.put(("title",), title, _origins(part))
            ):
                part.use()
            else:
                part.leave("all replicas of a service are one service of the fleet")
        if not self._service.has("title") and self._service.name != self._key:
            self._service.put(("title",), clean(self._key), [self._service.origin])
        for part in self._parts:
            deploy = part.get("deploy")
            if deploy is not None:
                deploy.frame()
                deploy.leave_rest(_NO_PLACE)

    # --- data ---

    def _data(self) -> None:
        for part in self._every("volumes"):
            part.frame()
            for entry in part.entries():
                kept = _keeps(entry)
                if kept:
                    self._service.put(
                        ("stateful",), value=True, origins=_origins(entry),
                        assumed="it keeps a volume",
                    )  # fmt: skip
                    entry.use()
                else:
                    entry.leave("no sign of data of its own")
            if not part.entries():
                part.leave(_NO_PLACE)
        image = self._last("image")
        if image is None:
            return
        if image.text and keeps_data(interpolated(image.text)[0]):
            self._service.put(
                ("stateful",),
                value=True,
                origins=_origins(image),
                assumed="programs like this one keep data",
            )
            image.use()
        else:
            image.leave(_NO_PLACE)

    # --- dependencies ---

    def _dependencies(self) -> None:
        for part in self._every("depends_on"):
            self._depends_on(part)
        for name, why in (
            ("links", "a link is used while it runs"), ("volumes_from", "it uses its volumes"),
        ):  # fmt: skip
            for part in self._every(name):
                part.frame()
                for entry in part.entries():
                    self._depend(entry, (entry.text or "").partition(":")[0], "hard", why)
                if not part.entries():
                    part.leave(_NO_PLACE)
        network = self._last("network_mode")
        if network is not None:
            word, _, name = (network.text or "").partition(":")
            if word == "service":
                self._depend(network, name, "hard", "it lives in its network")
            else:
                network.leave(_NO_PLACE)

    def _depends_on(self, part: Part) -> None:
        """A list of services, or a mapping with a condition for each."""
        part.frame()
        for entry in part.entries():
            self._depend(entry, entry.text or "", "hard", "compose orders starts only")
        for name, entry in part.items():
            condition, required = entry.get("condition"), entry.get("required")
            word = (condition.text if condition is not None else "") or "service_started"
            kind, why = _CONDITIONS.get(word, ("hard", "an unknown condition"))
            if required is not None and required.text == "false" and kind == "hard":
                kind, why = "soft", ""
            said = [one for one in (condition, required) if one is not None]
            self._depend(entry, name, kind, why, said)
            entry.leave_rest(_NO_PLACE)
        if not part.entries() and not part.is_mapping:
            part.leave("not a list of services")

    def _depend(self, part: Part, key: str, kind: str, why: str, said: Sequence[Part] = ()) -> None:
        """One dependency. said: further values it comes from."""
        other = self._draft.of(self._project.kind, interpolated(key)[0])
        if other is None:
            part.leave("the service it names is not in these files")
        elif other is self._service:
            part.leave("a service cannot need itself")
        elif self._service.put(
            ("depends", other.name), kind,
            [origin for one in (part, *said) for origin in _origins(one)],
            f"{kind}, {why}" if why else "",
        ):  # fmt: skip
            part.ledger.use(part.first, part.first if part.is_mapping else part.last, part.label)
            for one in said:
                one.use()
        else:
            part.leave("the dependency is there already")

    def _environment(self) -> None:
        """An environment that names another service as a host: it is used in some way."""
        for part in self._every("environment"):
            part.frame()
            for entry in [*part.entries(), *(one for _, one in part.items())]:
                text = entry.text or ""
                if isinstance(part.twig.value, list):
                    text = text.partition("=")[2]
                known = self._project.hosts
                hosts = [known[host] for host in hosts_in(interpolated(text)[0], known)]
                placed = [
                    name
                    for name in hosts
                    if name != self._service.name
                    and self._service.put(
                        ("depends", name), "soft", _origins(entry), "soft, its environment names it"
                    )
                ]
                entry.path = part.path
                entry.use() if placed else entry.leave(_NO_PLACE)
            if not part.entries() and not part.is_mapping:
                part.leave(_NO_PLACE)

    # --- probes and actions ---

    def _probes(self) -> None:
        check = self._last("healthcheck")
        if check is not None:
            check.frame()
            health_probe(self._draft, self._service, check, self._command("exec", "-T", self._key))
            check.leave_rest(_NO_PLACE)
        for part in self._every("ports"):
            part.frame()
            port_probes(self._draft, self._service, part)
            if not part.entries():
                part.leave(_NO_PLACE)

    def _seen_running(self, running: list[str]) -> None:
        """Where nothing else says whether it is well: whether it runs at all."""
        if not self._service.has("probes"):
            name = self._draft.probe_name(self._service, "running")
            why = "docker compose is here"
            self._service.put(
                ("probes", name), something_printed(running), [self._service.origin], why
            )

    def _command(self, *words: str) -> list[str]:
        files = [word for file in self._project.files for word in ("-f", file)]
        return ["docker", "compose", *files, *words]

    def _actions(self, *, once: bool) -> None:
        grace = self._last("stop_grace_period")
        spent = compose_ms(interpolated(grace.text or "")[0]) if grace is not None else None
        timeouts = {
            "stop": (spent or 10_000) + _MARGIN_MS,
            "start": 60_000,
            "kill": 20_000,
            "restart": 60_000,
        }
        origin = self._service.origin
        for action, words in (
            ("stop", ("stop",)), ("kill", ("kill",)), ("start", ("up", "-d", "--no-deps")),
            *((("restart", ("restart", "--no-deps")),) if not once else ()),
        ):  # fmt: skip
            origins = [origin, *(_origins(grace) if grace and spent and action == "stop" else ())]
            value = {
                "adapter": "command", "verb": "ensure", "timeout": written(timeouts[action]),
                "options": {"argv": self._command(*words, self._key)},
            }  # fmt: skip
            self._service.put(("actions", action), value, origins, "docker compose is here")
        if grace is not None:
            if (
                spent
                and self._service.put(
                    ("takes", "stop"), written(spent), _origins(grace), "it takes all of its grace"
                )
            ) or spent:
                grace.use()
            else:
                grace.leave("not a time that can be used")
        running = self._command("ps", "-q", "--status", "running", self._key)
        if not once:
            self._seen_running(running)
        self._service.put(
            ("verify", "stopped"), nothing_printed(running), [origin], "docker compose is here"
        )
        self._service.put(
            ("verify", "started"), something_printed(running), [origin], "docker compose is here"
        )


def nothing_printed(argv: list[str]) -> dict[str, object]:
    """A probe that is good when a program succeeds and prints nothing; its failure proves nothing."""
    shell = ["sh", "-c", 'out=$("$@") && test -z "$out"', "sh", *argv]
    return {"adapter": "command", "timeout": "20s", "options": {"argv": shell}}


def something_printed(argv: list[str]) -> dict[str, object]:
    """A probe that is good when a program succeeds and prints anything."""
    shell = ["sh", "-c", 'out=$("$@") && test -n "$out"', "sh", *argv]
    return {"adapter": "command", "timeout": "20s", "options": {"argv": shell}}


def _origins(part: Part) -> list[Origin]:
    return [Origin(part.ledger.name, part.first)]


def _keeps(entry: Part) -> bool:
    """Whether a volume holds data of the service: a named volume, or a folder in which programs keep data."""
    if entry.is_mapping:
        kind, target = entry.get("type"), entry.get("target")
        read_only = entry.get("read_only")
        if read_only is not None and read_only.text == "true":
            return False
        word = (kind.text if kind else "") or "volume"
        return word == "volume" or (
            word == "bind" and is_data_folder((target.text if target else "") or "")
        )
    parts = interpolated(entry.text or "")[0].split(":")
    if len(parts) < 2 or parts[-1].split(",")[0] == "ro":
        return False
    source, folder = parts[0], parts[1]
    named = bool(source) and source[0] not in "./~$" and "/" not in source
    return named or is_data_folder(folder)
