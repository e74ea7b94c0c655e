"""Finding the adapters that are installed: ours and other people's, in the same way.

Each entry of the group `allstop.adapters` names a class that is constructed without arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel

from allstop.application.ports import Actuator, AdapterInfo, Probe, VerbInfo
from allstop.domain.react import COORDINATOR
from allstop.protocol.catalogue import AdapterEntry, Catalogue, OptionsCheck, VerbEntry, by_model

GROUP = "allstop.adapters"

# The same table stands in pyproject.toml; this one serves a source tree that is not installed.
BUILT_IN: dict[str, str] = {
    "http-probe": "allstop.adapters.http_probe:HttpProbe",
    "tcp-probe": "allstop.adapters.tcp_probe:TcpProbe",
    "command-probe": "allstop.adapters.command_probe:CommandProbe",
    "http": "allstop.adapters.http:Http",
    "command": "allstop.adapters.command:Command",
    "git-release": "allstop.adapters.git_release:GitRelease",
    "chat-file": "allstop.adapters.chat_file:ChatFile",
    "webhook": "allstop.adapters.webhook:Webhook",
    "agent-process": "allstop.adapters.agent_process:AgentProcess",
    "haproxy": "allstop.adapters.haproxy.actuator:HAProxy",
    "haproxy-probe": "allstop.adapters.haproxy.probe:HAProxyProbe",
    "redis": "allstop.adapters.redis_server.actuator:Redis",
    "redis-probe": "allstop.adapters.redis_server.probe:RedisProbe",
    "flag-file": "allstop.adapters.flags.actuator:FlagFile",
    "flag-probe": "allstop.adapters.flags.probe:FlagProbe",
    "process": "allstop.adapters.process.actuator:Process",
    "process-probe": "allstop.adapters.process.probe:ProcessProbe",
    "supervisor": "allstop.adapters.supervisor.actuator:Supervisor",
    "supervisor-probe": "allstop.adapters.supervisor.probe:SupervisorProbe",
    "disk-probe": "allstop.adapters.disk_probe:DiskProbe",
    "memory-probe": "allstop.adapters.memory_probe:MemoryProbe",
    "cpu-probe": "allstop.adapters.cpu_probe:CpuProbe",
    "file-probe": "allstop.adapters.file_probe:FileProbe",
    "log-probe": "allstop.adapters.log.probe:LogProbe",
    "prometheus-probe": "allstop.adapters.prometheus_probe:PrometheusProbe",
    "postgres": "allstop.adapters.postgresql.actuator:Postgres",
    "postgres-probe": "allstop.adapters.postgresql.probe:PostgresProbe",
    "pgbouncer": "allstop.adapters.postgresql.bouncer:PgBouncer",
    "ssh": "allstop.adapters.ssh.actuator:Ssh",
    "ssh-probe": "allstop.adapters.ssh.probe:SshProbe",
    "container": "allstop.adapters.container.actuator:Container",
    "container-probe": "allstop.adapters.container.probe:ContainerProbe",
    "model-key": "allstop.adapters.model_key.actuator:ModelKey",
    "model-key-probe": "allstop.adapters.model_key.probe:ModelKeyProbe",
}


class InstalledAdapters:
    """All adapters by name. One name may stand for a probe and an actuator of the same world."""

    def __init__(self, entries: Iterable[EntryPoint] | None = None) -> None:
        """entries: what to load instead of what is installed, for tests of plug-ins."""
        self._probes: dict[str, Probe] = {}
        self._actuators: dict[str, Actuator] = {}
        self._infos: dict[str, AdapterInfo] = {}
        self._unavailable: dict[str, str] = {}
        for entry in _installed() if entries is None else entries:
            self._load(entry)

    def probe(self, name: str) -> Probe | None:
        return self._probes.get(name)

    def actuator(self, name: str) -> Actuator | None:
        return self._actuators.get(name)

    def infos(self) -> tuple[AdapterInfo, ...]:
        """One per name, sorted; a probe and an actuator of one name are shown as one."""
        return tuple(self._infos[name] for name in sorted(self._infos))

    def unavailable(self) -> dict[str, str]:
        """Entries that could not be loaded, each with the reason."""
        return dict(self._unavailable)

    def _load(self, entry: EntryPoint) -> None:
        try:
            adapter = entry.load()()
            self._add(adapter, _checked(adapter))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - other people's code, at import
            self._unavailable[entry.name] = f"{type(error).__name__}: {error}"

    def _add(self, adapter: Any, info: AdapterInfo) -> None:
        if info.name == COORDINATOR:
            raise ValueError(f"{COORDINATOR} is the coordinator's own name")
        measures, acts = "probe" in info.ports, bool(info.verbs)
        # Built-ins come first, so nobody replaces one of them by installing a package.
        if (measures and info.name in self._probes) or (acts and info.name in self._actuators):
            raise ValueError(f"the name {info.name} is taken")
        if measures:
            self._probes[info.name] = adapter
        if acts:
            self._actuators[info.name] = adapter
        known = self._infos.get(info.name)
        self._infos[info.name] = _merged(known, info) if known else info


def _installed() -> list[EntryPoint]:
    """Built-ins first, then what other distributions bring, by name."""
    ours = [EntryPoint(name, value, GROUP) for name, value in BUILT_IN.items()]
    known = set(BUILT_IN.values())
    found = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))
    return ours + [entry for entry in found if entry.value not in known]


def _merged(one: AdapterInfo, other: AdapterInfo) -> AdapterInfo:
    return replace(
        one,
        summary=f"{one.summary} {other.summary}",
        ports=tuple(dict.fromkeys((*one.ports, *other.ports))),
        verbs=(*one.verbs, *other.verbs),
        probe_options=one.probe_options or other.probe_options,
    )


def _checked(adapter: object) -> AdapterInfo:
    """The adapter's info. Raises TypeError or ValueError for one that cannot be worked with."""
    info = getattr(adapter, "info", None)
    if not isinstance(info, AdapterInfo):
        raise TypeError("it has no `info` of class AdapterInfo")
    if not info.name or not info.ports:
        raise ValueError("its info has no name or no ports")
    if "probe" in info.ports:
        if info.probe_options is None:
            raise ValueError("a probe needs probe_options")
        _has(adapter, "measure")
    elif not info.verbs:
        raise ValueError("it is no probe and has no verbs")
    if info.verbs:
        _has(adapter, "act")
        _has(adapter, "observe")
    _check_verbs(info.verbs)
    return info


def _has(adapter: object, method: str) -> None:
    if not callable(getattr(adapter, method, None)):
        raise TypeError(f"it has no method {method}")


def _check_verbs(verbs: tuple[VerbInfo, ...]) -> None:
    names = [verb.name for verb in verbs]
    if len(set(names)) != len(names):
        raise ValueError("a verb is declared twice")
    for verb in verbs:
        if verb.inverse and verb.inverse not in names:
            raise ValueError(f"the inverse of {verb.name}, {verb.inverse}, is not declared")


# The verb whose options a document writes for a port: a channel is posted to, an agent is told.
_VERB_OF_PORT = {"notifier": "post", "agent": "tell"}


def catalogue_of(adapters: InstalledAdapters) -> Catalogue:
    """What the checker of documents needs to know about the installed adapters."""
    return Catalogue(tuple(_entry(info) for info in adapters.infos()), adapters.unavailable())


def _entry(info: AdapterInfo) -> AdapterEntry:
    options: dict[str, OptionsCheck] = {}
    if info.probe_options is not None:
        options["probe"] = by_model(info.probe_options)
    for port, name in _VERB_OF_PORT.items():
        verb = info.verb(name)
        if port in info.ports and verb is not None:
            options[port] = by_model(verb.options)
    verbs = tuple(
        VerbEntry(verb.name, by_model(verb.options), verb.read_only, _grace(verb.options))
        for verb in info.verbs
    )
    return AdapterEntry(info.name, info.ports, verbs, options, info.proofs)


def _grace(options: type[BaseModel]) -> int | None:
    """The milliseconds that an option `grace` has where nobody writes it; None without such an option."""
    field = options.model_fields.get("grace")
    return field.default if field is not None and isinstance(field.default, int) else None
