"""`allstop`: hands the command line its doors to the rest of the program, each opened when used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allstop.faces.cli.entry import run
from allstop.faces.cli.launch import AgentAsked, AgentPlaced, Launch, MachineSettings, PublicKey

if TYPE_CHECKING:
    from allstop.domain.policy import Fleet, Policy


def main() -> int:
    """Run one command; returns the exit code."""
    launch = Launch(
        settings=_settings,
        run_coordinator=_run_coordinator,
        check_documents=_check_documents,
        check_fleet=_check_fleet,
        read_policy=_read_policy,
        verify_offline=_verify_offline,
        run_agent=_run_agent,
        name_agent=_name_agent,
        host=_Host(),
        keys=_Keys(),
        mcp=_Mcp(),
        now=_now,
        new_key=_new_key,
        pause=_pause,
    )
    return run(launch, {"demo": "allstop.sandbox.demo:demo"})


# What the command line does not need for `--help` is imported by the door that needs it.


def _settings(home: str, url: str = "") -> MachineSettings:
    found: MachineSettings = import_module("allstop.settings").read_settings(home or None, url=url)
    return found


def _run_coordinator(home: Path, ready: Callable[[int], None]) -> int:
    code: int = import_module("allstop.bootstrap").run_coordinator(home, ready)
    return code


def _check_documents(home: Path) -> tuple[Sequence[object], bool]:
    problems, starts = import_module("allstop.bootstrap").check_documents(home)
    return problems, starts


def _check_fleet(path: Path) -> tuple[Fleet | None, Sequence[object]]:
    fleet, problems = import_module("allstop.bootstrap").check_fleet(path)
    return fleet, problems


def _read_policy(home: Path) -> Policy:
    found: Policy = import_module("allstop.bootstrap").read_policy(home)
    return found


def _verify_offline(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = import_module("allstop.bootstrap").verify_offline(home)
    return found


def _run_agent(
    asked: AgentAsked, register: Callable[[AgentPlaced], bool], said: Callable[[str], None]
) -> int:
    running = import_module("allstop.host.running")
    door = asked.host / "host.sock"
    # What it checks inside of itself (`allstop.check`) reads the same state as the gate of this machine.
    state = {"ALLSTOP_STATE": str(asked.host)} if door.exists() else {}
    run = running.AgentRun(
        asked.agent, asked.team, asked.command, asked.folder, asked.worktree, {**environ, **state}
    )

    def put(pid: int) -> Any:
        if door.exists():
            return running.put_by_host(run, pid, door)
        return running.put_here(run, pid)

    def told(place: Any) -> bool:
        return register(AgentPlaced(place.options, place.because, place.host))

    code: int = running.run_agent(run, put, told, said)
    return code


def _name_agent(command: Sequence[str], folder: Path) -> str:
    name: str = import_module("allstop.host.running").default_agent(command, folder)
    return name


class _Host:
    """See HostDoors."""

    def folder(self) -> Path:
        found: Path = import_module("allstop.host.settings").default_folder()
        return found

    def name(self) -> str:
        found: str = import_module("allstop.host.settings").default_name()
        return found

    def run(self, folder: Path) -> int:
        code: int = import_module("allstop.host.__main__").run_host(folder)
        return code

    def join(
        self, folder: Path, coordinator: str, name: str, token: str, fingerprint: str, release_keys: Sequence[Path]
    ) -> dict[str, Any]:  # fmt: skip
        settings, keys = import_module("allstop.host.joining").join(
            folder, coordinator, name, token, fingerprint, release_keys
        )
        pinned = [{"kind": one.kind, "key": one.id, "owner": one.owner} for one in keys.pinned]
        return {"host": settings.name, "folder": str(settings.folder), "keys": pinned}

    def call(self, folder: Path, request: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = import_module("allstop.host.door").call(
            folder / "host.sock", request
        )
        return found


class _Keys:
    """See KeyDoors."""

    def new(self, path: Path, owner: str) -> PublicKey:
        made: PublicKey = self._files().new(path, owner)
        return made

    def sign(self, path: Path, text: str) -> tuple[str, str]:
        found: tuple[str, str] = self._files().sign(path, text)
        return found

    def public(self, path: Path) -> Sequence[PublicKey]:
        found: Sequence[PublicKey] = self._files().public(path)
        return found

    def pin(self, path: Path, keys: Sequence[Any]) -> Sequence[PublicKey]:
        added: Sequence[PublicKey] = self._files().pin(path, keys)
        return added

    def _files(self) -> Any:
        return import_module("allstop.adapters.signing").ReleaseKeyFiles()


class _Mcp:
    """See McpDoors."""

    def stdio(self, socket: str, url: str, token: str, agent: str) -> int:
        serving, asking = self._loaded()
        way, caller = asking.Way(socket, url), asking.Caller(token, agent)
        code: int = serving.serve_stdio(way, caller, _new_key)
        return code

    def http(
        self, socket: str, url: str, bind: str, port: int, hosts: tuple[str, ...],
        ready: Callable[[str], None],
    ) -> int:  # fmt: skip
        serving, asking = self._loaded()
        way = asking.Way(socket, url)
        code: int = serving.serve_http(way, bind, port, hosts, _new_key, ready)
        return code

    def _loaded(self) -> tuple[Any, Any]:
        if find_spec("mcp") is None:
            raise import_module("allstop.errors").Missing(
                "the extra `mcp` is not installed", "pip install 'allstop[mcp]'"
            )
        return import_module("allstop.faces.mcp.serving"), import_module("allstop.faces.mcp.asking")


def _now() -> datetime:
    found: datetime = import_module("allstop.adapters.clock").SystemClock().now().utc
    return found


def _new_key() -> str:
    key: str = import_module("allstop.adapters.randomness").new_secret()
    return key


def _pause(seconds: float) -> None:
    import_module("time").sleep(seconds)


if __name__ == "__main__":
    sys.exit(main())
