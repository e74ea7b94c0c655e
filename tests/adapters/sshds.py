"""A real sshd on loopback for the tests of its adapters, and SSH servers that behave badly."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import psutil
import pytest

from allstop.adapters.ssh import hosts
from tests.adapters import loopback

# SHLVL: keeps bash from reading its start-up files, which takes longer than most commands here.
PROGRAM = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin")
SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "ssh" / "allstop-orders"
CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile {folder}/pid
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxSessions {sessions}
MaxStartups 100
PrintMotd no
SetEnv SHLVL=1
"""


def new_key(path: Path) -> str:
    """Writes a private key; its public one as a line."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(path)
    path.chmod(0o600)
    return key.export_public_key().decode().strip()


@dataclass
class Sshd:
    """A running sshd. folder: with all it has, and `orders`, `verbs` for the forced command."""

    folder: Path
    port: int
    host_key: str

    def options(self, *argv: str, **more: Any) -> dict[str, Any]:
        """Options of a verb; without a command, of a login."""
        found = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "key_file": str(self.folder / "free"),
            "host_key": self.host_key,
        }
        return {**found, **({"argv": list(argv)} if argv else {}), **more}

    def forced(self, *argv: str, **more: Any) -> dict[str, Any]:
        """Options with the key that can run the forced command alone."""
        return self.options(*argv, key_file=str(self.folder / "bound"), **more)

    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    def family(self) -> list[psutil.Process]:
        """sshd and what it has started, sessions and commands."""
        with contextlib.suppress(psutil.Error, OSError, ValueError):
            top = psutil.Process(self.pid())
            return [top, *top.children(recursive=True)]
        return []

    def commands(self) -> list[psutil.Process]:
        """What was started through this sshd and still runs, also when its session has gone."""
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if one.environ().get("SSH_CONNECTION", "").endswith(f" {self.port}"):
                    found.append(one)
        return found

    def runs(self, word: str) -> int:
        """How many commands `sleep WORD` run."""
        count = 0
        for one in self.commands():
            with contextlib.suppress(psutil.Error):
                count += one.cmdline()[-2:] == ["sleep", word] and one.name() == "sleep"
        return count

    def break_connections(self) -> None:
        """Kill what serves the connections, not sshd itself."""
        for one in psutil.Process(self.pid()).children():
            for each in (*one.children(recursive=True), one):
                if each.name().startswith("sshd"):
                    with contextlib.suppress(psutil.Error):
                        each.kill()

    def end(self) -> None:
        for one in (*self.family(), *self.commands()):
            with contextlib.suppress(psutil.Error):
                one.kill()


@contextlib.contextmanager
def running(verbs: str = "", sessions: int = 10) -> Iterator[Sshd]:
    """A real sshd as the current user; it ends with the test, with all it has started."""
    if PROGRAM is None:
        pytest.skip("sshd is not installed (make test-tools)")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # it refuses to start as root without
    folder = Path(tempfile.mkdtemp(prefix="allstop-"))
    server = Sshd(folder, loopback.closed_port(), new_key(folder / "host"))
    forced = f"ALLSTOP_STATE={folder}/orders {SCRIPT} {folder}/verbs"
    (folder / "verbs").write_text(verbs)
    (folder / "authorized").write_text(
        f'{new_key(folder / "free")}\nrestrict,command="{forced}" {new_key(folder / "bound")}\n'
    )
    text = CONFIG.format(port=server.port, folder=folder, sessions=sessions)
    (folder / "config").write_text(text)
    log = folder / "log"
    try:
        # It makes a daemon of itself: what it starts for us is no child of the test.
        subprocess.run(
            [PROGRAM, "-f", str(folder / "config"), "-E", str(log)], check=True, timeout=10
        )
        until(lambda: (folder / "pid").exists() and (folder / "pid").read_text().strip())
        yield server
    finally:
        server.end()
        shutil.rmtree(folder)


def until(met: Callable[[], object]) -> None:
    latest = time.monotonic() + 10
    while not met():
        assert time.monotonic() < latest, "it did not come so"
        time.sleep(0.005)


@contextlib.asynccontextmanager
async def connections() -> AsyncIterator[None]:
    """Ends the adapters' connections with the test."""
    try:
        yield
    finally:
        await hosts.close_all()


# --- servers that behave badly ---------------------------------------------------------------


Behave = Callable[[asyncssh.SSHServerProcess[bytes]], Any]


@dataclass
class Rogue(asyncssh.SSHServer):
    """An SSH server that lets everybody in. heard: commands and signals, in order."""

    behave: Behave | None = None
    session: Callable[[], Any] = lambda: True
    port: int = 0
    host_key: str = ""
    heard: list[str] = field(default_factory=list)
    connections: list[Any] = field(default_factory=list)

    def connection_made(self, conn: Any) -> None:
        self.connections.append(conn)

    def session_requested(self) -> Any:
        return self.session()

    def begin_auth(self, username: str) -> bool:
        return False

    async def serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self.heard.append(process.command or "")
        try:
            assert self.behave is not None
            await self.behave(process)
        except asyncssh.SignalReceived as error:
            self.heard.append(error.signal)
            process.channel.exit_with_signal(error.signal)
        except (OSError, asyncssh.BreakReceived):
            pass

    def options(self, folder: Path, *argv: str) -> dict[str, Any]:
        key = folder / "rogue-key"
        if not key.exists():
            new_key(key)
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "allstop",
            "key_file": str(key),
            "host_key": self.host_key,
            "argv": list(argv),
        }


@contextlib.asynccontextmanager
async def rogue(
    behave: Behave | None = None, session: Callable[[], Any] = lambda: True
) -> AsyncIterator[Rogue]:
    """A server whose every command does what `behave` does; or whose sessions `session` makes."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    world = Rogue(behave, session, host_key=key.export_public_key().decode().strip())
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=lambda: world, server_host_keys=[key],
        process_factory=world.serve if behave else None, encoding=None,
    )  # fmt: skip
    world.port = server.sockets[0].getsockname()[1]
    try:
        yield world
    finally:
        await hosts.close_all()
        for one in world.connections:
            one.abort()
        server.close()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def saying(said: bytes, *, then: str = "close") -> AsyncIterator[int]:
    """The port of something that is no SSH server."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(said)
            await writer.drain()
            if then == "hang":
                await asyncio.sleep(3600)
        writer.close()

    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def frozen(server: Sshd) -> None:
    """Stop everything that serves connections, without ending it."""
    for one in server.family():
        if one.name().startswith("sshd"):
            with contextlib.suppress(psutil.Error):
                one.send_signal(signal.SIGSTOP)
