"""The fleet on twenty hosts: twenty sshd on loopback addresses, ten services behind each.

Allstop goes there by its ssh adapter, a session for each stop and one for each proof. Ansible gets a play for each
level of the graph, as somebody would write it who knows it well: as many forks as hosts, pipelining, connections that
are kept, no facts, and one task that stops all services which a host has in that level at once, so that there is
nothing a free strategy could set free; an error ends it, as the order demands. It proves nothing. Both run the same
command on the host: TERM, and wait for the end.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from allstop.adapters.ssh.hosts import close_all
from allstop.domain.policy import ActionSpec, ProbeSpec
from benchmarks.ordered_stop import peers
from benchmarks.ordered_stop.contenders import by_allstop
from benchmarks.ordered_stop.ground import Fleet

HOSTS = 20
ALLSTOP = "allstop, over ssh to 20 hosts"
MODULE = "ansible, over ssh to 20 hosts, a play a level, command"
RAW = "ansible, over ssh to 20 hosts, a play a level, raw"
# Takes the place of `systemctl stop NAME...`, and of `systemctl is-active NAME`.
STOP = """#!/bin/sh
cd "${0%/*}" || exit 1
for name; do read -r pid < "$name.pid"; kill -TERM "$pid"; pids="$pids $pid"; done
for pid in $pids; do while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done; done
"""
GONE = """#!/bin/sh
cd "${0%/*}" || exit 1
read -r pid < "$1.pid"
! kill -0 "$pid" 2>/dev/null
"""
SSHD = """
ListenAddress {address}
Port {port}
HostKey {folder}/host
PidFile {folder}/{address}.pid
AuthorizedKeysFile {folder}/login.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
PrintMotd no
SetEnv SHLVL=1
"""


@dataclass(frozen=True)
class Hosts:
    """addresses: of the hosts; home: which of them a service is on; key: its public line."""

    folder: Path
    addresses: tuple[str, ...]
    port: int
    home: dict[str, str]
    key: str

    def options(self, name: str, *argv: str) -> dict[str, object]:
        return {
            "host": self.home[name], "port": self.port, "user": getpass.getuser(),
            "key_file": str(self.folder / "login"), "host_key": self.key, "argv": list(argv),
        }  # fmt: skip


def missing() -> str:
    """Why it cannot be tried here; empty when it can."""
    if _sshd() is None or shutil.which("ssh-keygen") is None:
        return "sshd is not installed (make test-tools)"
    return ""


def missing_ansible() -> str:
    """The same for Ansible."""
    if peers.program("ansible-playbook") is None:
        return "ansible-playbook is not installed (make bench does that)"
    return "ssh is not installed" if shutil.which("ssh") is None else missing()


def allstop(fleet: Fleet) -> int:
    """Eight sessions at once on one connection for each host; every end is proven by a session of its own."""
    with _hosts(fleet) as hosts:
        stop, gone = str(hosts.folder / "stop"), str(hosts.folder / "gone")

        def way(name: str) -> tuple[ActionSpec, ProbeSpec]:
            proof = ProbeSpec(f"{name}-gone", name, "ssh", hosts.options(name, gone, name), 5_000, 1, 1)  # fmt: skip
            return ActionSpec("ssh", "ensure", hosts.options(name, stop, name), 20_000), proof

        async def run() -> int:
            try:
                return await by_allstop(fleet, way)
            finally:
                await close_all()

        return asyncio.run(run())


def ansible(module: str) -> Callable[[Fleet], int]:
    """module: `command`, as most people write it, or `raw`, which needs no Python on the host and is the fastest."""

    def run(fleet: Fleet) -> int:
        with _hosts(fleet) as hosts:
            (hosts.folder / "stop.yml").write_text(json.dumps(_plays(fleet, hosts, module)))
            (hosts.folder / "ansible.cfg").write_text(_config(hosts))
            (hosts.folder / "inventory").write_text("".join(f"{one}\n" for one in hosts.addresses))
            environment = {
                **os.environ, "ANSIBLE_CONFIG": str(hosts.folder / "ansible.cfg"),
                "ANSIBLE_HOME": str(hosts.folder), "LC_ALL": "C.UTF-8",
            }  # fmt: skip
            began = time.monotonic_ns()
            found = subprocess.run(
                [str(peers.program("ansible-playbook")), "stop.yml"], cwd=hosts.folder, env=environment, text=True,
                capture_output=True, check=False,
            )  # fmt: skip
            if found.returncode:
                raise RuntimeError(f"ansible-playbook failed: {found.stdout[-2000:]}{found.stderr}")
            return began

    return run


def _plays(fleet: Fleet, hosts: Hosts, module: str) -> list[dict[str, object]]:
    plays: list[dict[str, object]] = []
    for level in fleet.case.levels():
        there: dict[str, list[str]] = {}
        for name in level:
            there.setdefault(hosts.home[name], []).append(name)
        text = f"{hosts.folder}/stop {{{{ names[inventory_hostname] | join(' ') }}}}"
        plays.append(
            {
                "hosts": ",".join(there), "gather_facts": False, "any_errors_fatal": True,
                "vars": {"names": there},
                "tasks": [{f"ansible.builtin.{module}": text}],
            }
        )  # fmt: skip
    return plays


def _config(hosts: Hosts) -> str:
    known = hosts.folder / "known_hosts"
    known.write_text("".join(f"[{one}]:{hosts.port} {hosts.key}\n" for one in hosts.addresses))
    return (
        f"[defaults]\ninventory = inventory\nforks = {HOSTS}\nremote_port = {hosts.port}\n"
        f"remote_user = {getpass.getuser()}\nprivate_key_file = {hosts.folder}/login\n"
        f"interpreter_python = {sys.executable}\n"
        f"[ssh_connection]\npipelining = True\ncontrol_path_dir = {hosts.folder}/cp\n"
        f"ssh_args = -F none -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={known}\n"
    )


def _sshd() -> str | None:
    return shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin")


@contextmanager
def _hosts(fleet: Fleet) -> Iterator[Hosts]:
    """Twenty sshd, each on an address of its own, with two scripts; they end with the trial."""
    program = _sshd()
    assert program is not None
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # it refuses to start as root without
    folder = fleet.folder
    for name in ("host", "login"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)  # fmt: skip
    for name, text in (("stop", STOP), ("gone", GONE)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    addresses = tuple(f"127.0.1.{number}" for number in range(1, HOSTS + 1))
    home = {name: addresses[at % HOSTS] for at, name in enumerate(fleet.case.needs)}
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    hosts = Hosts(folder, addresses, _free_port(), home, key)
    running = [_begun(program, hosts, address) for address in addresses]
    try:
        for address in addresses:
            _until_listening(address, hosts.port)
        yield hosts
    finally:
        # What Ansible keeps open would outlive its host.
        for kept in (folder / "cp").glob("*"):
            subprocess.run(["ssh", "-F", "none", "-S", str(kept), "-O", "exit", "host"], capture_output=True, check=False)  # fmt: skip
        for one in running:
            one.terminate()
        for one in running:
            one.wait()


def _begun(program: str, hosts: Hosts, address: str) -> subprocess.Popen[bytes]:
    config = hosts.folder / f"{address}.conf"
    config.write_text(SSHD.format(address=address, port=hosts.port, folder=hosts.folder))
    return subprocess.Popen(
        [program, "-D", "-f", str(config), "-E", str(hosts.folder / "sshd.log")]
    )


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("0.0.0.0", 0))  # noqa: S104  (nothing listens; only a number that is free on every address)
        port: int = one.getsockname()[1]
        return port


def _until_listening(address: str, port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"sshd on {address} does not listen")
