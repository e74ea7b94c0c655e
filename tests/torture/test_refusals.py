"""A coordinator that may not run says why and how to go on, and changes nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.living import eventually
from tests.torture.coordinator import Lives, command, environment
from tests.torture.talk import ask

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SAID = "a note that stands on the disk, long enough to be found there again"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder: pytest's own are too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="allstop-torture-") as name:
        yield Path(name)


def cli(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(home, *words), capture_output=True, text=True, check=False, timeout=60,
        stdin=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip


def project(home: Path, *settings: str) -> Path:
    """A project as `allstop init` makes it, on any free port."""
    made = subprocess.run(
        command(home, "init", str(home)),
        capture_output=True,
        check=False,
        env=environment(),
        timeout=60,
    )
    assert made.returncode == 0, made.stderr
    (home / "allstop.toml").write_text("\n".join(["port = 0", *settings]) + "\n", "utf-8")
    return home


@pytest.fixture
def home(folder: Path) -> Path:
    home = folder / "project"
    home.mkdir()
    return project(home)


@pytest.fixture
def running(home: Path) -> Iterator[Lives]:
    """A coordinator with an incident and some notes in its log."""
    lives = Lives(home, [])
    lives.start()
    try:
        eventually(lives.tend, "it is ready", 30.0)
        assert ask(home, "POST", "/api/v1/incidents", {"title": "something fails"}).status == 201
        for _ in range(40):
            assert ask(home, "POST", "/api/v1/incidents/INC-1/notes", {"text": SAID}).good
        yield lives
    finally:
        lives.kill()


def test_a_second_coordinator_on_the_same_database_refuses(running: Lives, folder: Path) -> None:
    """Given a coordinator at work, when another one of another project is started on its database,
    then that one ends with a clear error and the first goes on."""
    other = folder / "other"
    other.mkdir()
    project(other, f'database = "{running.home / ".allstop" / "allstop.db"}"')

    found = cli(other, "up")

    assert found.returncode == 5, found.stderr
    assert "another coordinator" in found.stderr
    assert str(running.process.pid if running.process else "?") in found.stderr
    assert ask(running.home, "POST", "/api/v1/incidents/INC-1/notes", {"text": "still here"}).good


def test_a_second_coordinator_beside_one_that_hangs_refuses(running: Lives) -> None:
    """Given a coordinator that does not answer, when it is started once more in the same project,
    then the second refuses: silence is no proof of death."""
    assert running.process is not None
    os.kill(running.process.pid, signal.SIGSTOP)
    try:
        found = cli(running.home, "up")
    finally:
        os.kill(running.process.pid, signal.SIGCONT)

    assert found.returncode == 5, found.stderr
    assert "another coordinator" in found.stderr
    assert ask(running.home, "POST", "/api/v1/incidents/INC-1/notes", {"text": "still here"}).good


def flip_a_note(database: Path) -> None:
    body = bytearray(database.read_bytes())
    place = body.index(SAID.encode()) + 5
    body[place] ^= 0x01
    database.write_bytes(body)


def flip_a_page_head(database: Path) -> None:
    body = bytearray(database.read_bytes())
    for place in range(4096, 4096 + 8):
        body[place] ^= 0xFF
    database.write_bytes(body)


def flip_the_header(database: Path) -> None:
    database.write_bytes(b"\xff" * 16 + database.read_bytes()[16:])


def cut_in_half(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 2)


def empty(database: Path) -> None:
    os.truncate(database, 0)


@pytest.mark.parametrize(
    "damage", [flip_a_note, flip_a_page_head, flip_the_header, cut_in_half, empty]
)
def test_a_damaged_database_is_refused_and_a_backup_brings_it_back(
    running: Lives, damage: Callable[[Path], None]
) -> None:
    """Given a database of which a copy was kept, when the file is damaged, then `up` refuses, says how
    to restore, and leaves the file as it is; and with the copy in its place it goes on."""
    database = running.home / ".allstop" / "allstop.db"
    assert running.stop()[0] == 0
    backup = database.with_name("backup.db")
    shutil.copy(database, backup)
    damage(database)
    damaged = database.read_bytes()

    refused = cli(running.home, "up")

    assert refused.returncode == 1, refused.stderr
    assert str(database) in refused.stderr or "allstop.db" in refused.stderr
    assert "backup copy" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert database.read_bytes() == damaged

    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    shutil.copy(backup, database)
    running.start()
    eventually(running.tend, "it is ready again", 30.0)
    assert "INC-1" in ask(running.home, "GET", "/api/v1/incidents").text
    assert cli(running.home, "audit", "verify").returncode == 0
