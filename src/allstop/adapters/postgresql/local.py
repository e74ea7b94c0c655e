"""PostgreSQL's own programs and data directories on this machine."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import psutil
from pydantic import AfterValidator, Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import Options
from allstop.adapters.mechanisms.process_tree import is_gone
from allstop.adapters.mechanisms.programs import (
    Finished,
    StartError,
    minimal_environment,
    run,
)
from allstop.adapters.mechanisms.text import last_line
from allstop.adapters.postgresql.server import Refused, Unsettled

# pg_ctl hands paths to a shell, some in double quotes: what a shell would read otherwise is refused.
_PLAIN = re.compile(r"/[^\x00-\x1f\"'`$\\;&|<>*?(){}!]*")
_LINE = re.compile(r"^([A-Za-z_][^:]*):\s+(.*)$", re.MULTILINE)
CLEAN = ("shut down", "shut down in recovery")


def _plain_path(value: str) -> str:
    if value and not _PLAIN.fullmatch(value):
        raise ValueError("write an absolute path without quotes or signs of a shell")
    return value.rstrip("/") or value


PlainPath = Annotated[str, AfterValidator(_plain_path)]


class ProgramOptions(Options):
    """PostgreSQL's programs, and as whom they run."""

    bin_dir: PlainPath = Field(
        min_length=1,
        title="Programs",
        description="Folder of pg_ctl, pg_basebackup, pg_verifybackup and the others, of the cluster's version.",
    )
    run_as: str = Field(
        default="",
        pattern=r"^[a-zA-Z0-9_.-]*$",
        title="Run as",
        description="User of this machine that owns the data; needed when the coordinator is root, which PostgreSQL refuses to be.",
    )


def prefix(options: ProgramOptions) -> list[str]:
    """What makes a program run as the user. Raises Refused when it cannot."""
    own = os.geteuid()
    if not options.run_as:
        if own == 0:
            raise Refused("PostgreSQL's programs refuse to be root: name a user in run_as")
        return []
    try:
        wanted = pwd.getpwnam(options.run_as)
    except KeyError:
        raise Refused(f"no user {options.run_as} on this machine") from None
    if wanted.pw_uid == own:
        return []
    change = shutil.which("setpriv")
    if own != 0 or change is None:
        raise Refused(f"only root, with setpriv, can run programs as {options.run_as}")
    return [change, f"--reuid={wanted.pw_uid}", f"--regid={wanted.pw_gid}", "--init-groups", "--"]


def home(options: ProgramOptions) -> str:
    """The home folder of whoever the programs run as."""
    name = options.run_as or pwd.getpwuid(os.geteuid()).pw_name
    return pwd.getpwnam(name).pw_dir


def program(options: ProgramOptions, name: str) -> str:
    """The full path of one of PostgreSQL's programs. Raises Refused when it is not there."""
    path = Path(options.bin_dir) / name
    if not os.access(path, os.X_OK) or not path.is_file():
        raise Refused(f"no program {path}")
    return str(path)


async def call(
    options: ProgramOptions,
    argv: list[str],
    deadline: Deadline,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run a program as the user, until the deadline. Raises Refused when it cannot be started."""
    argv = [*prefix(options), *argv]
    words = {"HOME": home(options), "PGPASSFILE": f"{os.devnull}/none"}
    try:
        return await run(
            argv,
            timeout_ms=deadline.left_ms(),
            cwd="/",  # a folder the user can surely be in
            env={**words, **(env or {})},
        )
    except StartError as error:
        raise Refused(str(error)) from error


async def succeed(
    options: ProgramOptions,
    argv: list[str],
    deadline: Deadline,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """The same, and it must end well. Raises Refused with its last line, TimeoutError."""
    ended = await call(options, argv, deadline, env)
    if ended.code is None:
        raise TimeoutError
    if ended.code != 0:
        said = last_line(ended.errors) or last_line(ended.output) or f"exit code {ended.code}"
        raise Refused(f"{Path(argv[0]).name}: {said}")
    return ended


async def launch(options: ProgramOptions, argv: list[str], deadline: Deadline) -> None:
    """Run a program that leaves a server behind. Raises Refused when it says that it could not, TimeoutError.

    Unlike the others, nothing is killed here but the program itself: the server is to live, also one
    that is still recovering when the attempt is over.
    """
    with tempfile.TemporaryFile() as said:  # a pipe would only end when the server lets go of it
        try:
            process = await asyncio.create_subprocess_exec(
                *prefix(options),
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=said,
                cwd="/",
                env={**minimal_environment(), "HOME": home(options)},
                start_new_session=True,
            )
        except OSError as error:
            raise Refused(f"cannot start {argv[0]}: {error.strerror}") from error
        try:
            async with asyncio.timeout(deadline.left_ms() / 1000):
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code:
            said.seek(0)
            raise Refused(f"{Path(argv[0]).name}: {last_line(said.read(4096)) or code}")


@dataclass(frozen=True, slots=True)
class Control:
    """What pg_controldata says about a data directory."""

    fields: Mapping[str, str]

    @property
    def state(self) -> str:
        return self.fields["Database cluster state"]

    @property
    def clean(self) -> bool:
        """Whether it was shut down, and nothing has to be recovered."""
        return self.state in CLEAN

    @property
    def cluster(self) -> str:
        return self.fields["Database system identifier"]

    @property
    def timeline(self) -> int:
        return int(self.fields["Latest checkpoint's TimeLineID"])

    def setting(self, name: str) -> str:
        """A server setting that recovery needs at least as large as it was."""
        return self.fields.get(f"{name} setting", "")


async def control(options: ProgramOptions, data: Path, deadline: Deadline) -> Control:
    """Read the control file of a data directory. Raises Refused when it is none, TimeoutError."""
    ended = await succeed(options, [program(options, "pg_controldata"), "-D", str(data)], deadline)
    fields = dict(_LINE.findall(ended.output.decode("utf-8", "replace")))
    if not {"Database cluster state", "Database system identifier"} <= fields.keys():
        raise Refused(f"{data} is no data directory")
    return Control(fields)


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server that runs on a data directory. status: as it says itself (ready, standby, ...)."""

    process: psutil.Process
    status: str


def postmaster(data: Path) -> Postmaster | None:
    """The server that runs on `data`, or None. Blocking. Raises Unsettled when that cannot be seen.

    The number in postmaster.pid may have gone to a stranger; a postmaster's working folder is its
    data directory, and a stranger's is not.
    """
    try:
        lines = (data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unsettled(f"cannot see whether a server runs on {data}: {error.strerror}") from None
    number = lines[0].strip().lstrip("-") if lines else ""
    if not number.isdigit():
        return None
    try:
        process = psutil.Process(int(number))
        if is_gone(process.pid) or Path(process.cwd()) != data.resolve():
            return None
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        raise Unsettled(
            f"process {number} may be a server on {data}; it cannot be looked at"
        ) from None
    return Postmaster(process, lines[7].strip() if len(lines) > 7 else "")


def occupants(data: Path) -> list[int]:
    """Processes of any server on `data`, left over ones without a postmaster included. Blocking."""
    place, found = data.resolve(), []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == place and process.name().startswith("postgres"):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue  # gone, or another user's: then it is not this data directory's owner
    return [pid for pid in found if not is_gone(pid)]


async def check_version(options: ProgramOptions, data: Path, deadline: Deadline) -> None:
    """That the programs are of the version that made the data directory. Raises Refused."""
    version = major(data)
    ended = await succeed(options, [program(options, "postgres"), "--version"], deadline)
    said = re.search(r"\) (\d+)", ended.output.decode("utf-8", "replace"))
    if said is None or said[1] != version:
        of = said[1] if said else "no version"
        raise Refused(f"{data} is of version {version}, the programs are of {of}")


def major(data: Path) -> str:
    """The version a data directory was made by. Raises Refused when it is none."""
    try:
        return (data / "PG_VERSION").read_text("utf-8").strip()
    except (OSError, ValueError):
        raise Refused(f"{data} is no data directory") from None
