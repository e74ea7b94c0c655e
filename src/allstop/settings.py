"""Settings of this machine: allstop.toml, then the environment, read once. Rules of response are not here.

A project is found the way git finds its own: upwards from the working directory, unless `--home`
or ALLSTOP_HOME names it. The table `SETTINGS` is the only list of names; checks, environment
variables and docs/cli.md are made from it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from allstop.domain.verdict import nearest
from allstop.errors import Invalid, Missing, Unavailable

FILE = "allstop.toml"
STATE = ".allstop"
PREFIX = "ALLSTOP_"
LARGEST_FILE = 1_000_000
# A socket address holds 108 bytes on Linux, 104 on macOS, with the ending zero.
LONGEST_SOCKET = 100


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. parse: from what TOML or the environment holds; raises ValueError with a sentence.

    secret: never in the file, never shown; client: only the command line reads it.
    """

    name: str
    kind: str
    default: str
    help: str
    parse: Callable[[Any], Any]
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that overrules the file."""
        return PREFIX + self.name.upper()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text in quotes")  # noqa: TRY004 - one error for all that is wrong
    if any(ord(letter) < 32 for letter in value):
        raise ValueError("holds a control character")
    return value.strip()


def _port(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        raise ValueError("must be a whole number from 0 (any free port) to 65535")
    return value


def _bind(value: Any) -> str:
    host = _text(value)
    if host == "localhost":
        return "127.0.0.1"
    try:
        near = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise ValueError("must be an address such as 127.0.0.1 or ::1") from None
    if not near:
        raise ValueError(
            "is not a loopback address: pages and API speak plain HTTP, so anybody on the network could read "
            "tokens and stop services; keep 127.0.0.1, put a proxy with TLS (or ssh -L) in front and name it in `hosts`"
        )
    return host


def _level(value: Any) -> str:
    levels = ("debug", "info", "warning", "error")
    if _text(value) not in levels:
        raise ValueError(f"must be one of {', '.join(levels)}")
    return _text(value)


def _names(value: Any) -> tuple[str, ...]:
    found = value.split(",") if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError("must be a list of texts")
    return tuple(name for each in found if (name := _text(each).lower()))


def _url(value: Any) -> str:
    url = _text(value).rstrip("/")
    if url and not re.match(r"https?://[^/\s?#@]+$", url):
        raise ValueError("must look like https://allstop.example.org, without a path")
    return url


SETTINGS: tuple[Setting, ...] = (
    Setting("bind", "address", "127.0.0.1", "loopback address of the web pages and the API", _bind),
    Setting("port", "number", "7411", "their port; 0 takes any free one", _port),
    Setting("hosts", "list", "", "further host names that requests may bear, such as that of a proxy", _names),
    Setting("socket", "path", ".allstop/allstop.sock", "where the command line speaks to the coordinator", _text),
    Setting("database", "path", ".allstop/allstop.db", "the log and everything beside it", _text),
    Setting("log_level", "word", "info", "debug, info, warning or error", _level),
    Setting("url", "address", "", "speak to this coordinator over HTTP, not over the socket", _url),
    Setting("token_file", "path", "", "file with the token for `url`, readable by its owner only", _text),
    Setting("token", "text", "", "the token itself; only as an environment variable", _text, secret=True),
)  # fmt: skip
_BY_NAME = {setting.name: setting for setting in SETTINGS}

# Names that once worked or that people try first, with what to write instead.
REMOVED = {
    "token": "secrets are not written into files that people share: use ALLSTOP_TOKEN or token_file",
    "host": "it is called bind",
    "listen": "it is called bind, and port",
    "home": "the folder that holds this file is the home; elsewhere say --home or ALLSTOP_HOME",
    "db": "it is called database",
    "server": "there are no sections: write port = 7411",
    "store": 'there are no sections: write database = ".allstop/allstop.db"',
    "log": 'there are no sections: write log_level = "info"',
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds on this machine. Paths are absolute.

    has_project: False only when there is no project here and `url` leads to a coordinator elsewhere.
    """

    home: Path
    has_project: bool
    bind: str
    port: int
    hosts: tuple[str, ...]
    socket: Path
    database: Path
    log_level: str
    url: str
    token_file: str
    token: str = field(repr=False)

    @property
    def state(self) -> Path:
        """The folder of what the coordinator keeps; nobody else may read it."""
        return self.home / STATE

    @property
    def log_file(self) -> Path:
        return self.state / "coordinator.log"

    @property
    def run_file(self) -> Path:
        """JSON about the running coordinator: pid, create_time, port, socket, version, started_at."""
        return self.state / "coordinator.json"


def read_settings(
    home: Path | str | None = None,
    environ: Mapping[str, str] | None = None,
    start: Path | None = None,
    url: str = "",
) -> Settings:
    """The settings of the project at `home`, or of the one around `start` (the working directory).

    url: overrules the setting of that name; with one, no project is needed here.
    Raises Missing when there is no project, Invalid with every mistake in file and environment.
    """
    environ = dict(os.environ if environ is None else environ)
    if url:
        environ["ALLSTOP_URL"] = url
    start = start or Path.cwd()
    named = str(home or environ.get("ALLSTOP_HOME", ""))
    folder = Path(named).expanduser().absolute() if named else find_home(start)
    has_project = folder is not None and (folder / FILE).is_file()
    if not has_project and (named or not environ.get("ALLSTOP_URL")):
        where = f"in {named}" if named else "here or in any folder above"
        raise Missing(f"there is no Allstop project {where}", f"allstop init {named}".rstrip())
    # One name for one project, whatever links lead to it: the socket lies at a place made from it.
    folder = (folder or start).resolve()
    values, problems = _from_file(folder / FILE) if has_project else ({}, [])
    for name, value in _from_environment(environ, problems).items():
        values[name] = value
    found = {each.name: _value(each, values.get(each.name), problems) for each in SETTINGS}
    if problems:
        raise Invalid(
            "\n".join(problems), f"mend {FILE} or the environment; docs/cli.md lists all settings"
        )
    return Settings(home=folder, has_project=has_project, **_completed(folder, found))


def find_home(start: Path) -> Path | None:
    """The nearest folder at or above `start` that holds allstop.toml."""
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / FILE).is_file():
            return folder
    return None


def prepare_state(settings: Settings) -> None:
    """Make the coordinator's folders, for its user alone. Raises Unavailable when they are somebody else's."""
    for folder in {settings.state, settings.socket.parent}:
        own = folder == settings.state or _is_short(settings, folder)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if own:
            _guard(folder)
    settings.database.parent.mkdir(parents=True, exist_ok=True)
    # The signing key lies here: a project kept in git must not take it along.
    (settings.state / ".gitignore").write_text("*\n", "utf-8")


def _is_short(settings: Settings, folder: Path) -> bool:
    return folder == _short_folder(settings.home)


def _guard(folder: Path) -> None:
    """A folder for our eyes only: in a shared temp dir somebody may have made it before us."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Unavailable(
            f"{folder} does not belong to this user",
            f"look who made it, then remove it: ls -ld {folder}",
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def _from_file(file: Path) -> tuple[dict[str, tuple[Any, str]], list[str]]:
    """Raw values, each with where it stands, and what is wrong with the names."""
    try:
        body = file.read_bytes()[: LARGEST_FILE + 1].decode("utf-8")
        raw = tomllib.loads(body)
    except (OSError, ValueError) as error:
        raise Invalid(f"{file}: {error}", "it must be a file in TOML, in UTF-8") from None
    values: dict[str, tuple[Any, str]] = {}
    problems = []
    for name, value in raw.items():
        place = f"{file}:{_line(body, name)}"
        if name in REMOVED:
            problems.append(f"{place}: {name}: {REMOVED[name]}")
        elif name not in _BY_NAME:
            known = [each.name for each in SETTINGS if not each.secret]
            problems.append(f"{place}: there is no setting {name} ({nearest(name, known)})")
        else:
            values[name] = (value, f"{place}: {name}")
    return values, problems


def _line(body: str, name: str) -> int:
    """Where a key stands; the first line when it is written in an unusual way."""
    pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(name)}[\"']?\s*[=.\]]")
    for number, line in enumerate(body.splitlines(), 1):
        if pattern.match(line):
            return number
    return 1


def _from_environment(
    environ: Mapping[str, str], problems: list[str]
) -> dict[str, tuple[Any, str]]:
    """Values of ALLSTOP_*; a variable that is nearly a setting is a mistake, others are not ours."""
    variables = {each.variable: each.name for each in SETTINGS}
    values = {}
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        if variable in variables:
            if environ[variable]:
                values[variables[variable]] = (environ[variable], variable)
        elif variable != "ALLSTOP_HOME" and (
            close := get_close_matches(variable, [*variables, "ALLSTOP_HOME"], n=1, cutoff=0.85)
        ):
            problems.append(f"{variable} is no setting (did you mean {close[0]}?)")
    return values


def _value(setting: Setting, given: tuple[Any, str] | None, problems: list[str]) -> Any:
    raw, where = given or (setting.default, setting.name)
    try:
        return setting.parse(raw)
    except ValueError as error:
        problems.append(f"{where} {error}")
        return setting.parse(setting.default)


def _completed(home: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Paths made absolute, the token read from its file."""
    socket = _beneath(home, values["socket"])
    if len(os.fsencode(socket)) > LONGEST_SOCKET:
        socket = _short_folder(home) / "allstop.sock"
    token = values["token"]
    if not token and values["token_file"]:
        token = _read_secret(_beneath(home, values["token_file"]))
    return values | {
        "socket": socket,
        "database": _beneath(home, values["database"]),
        "token": token,
    }


def _beneath(home: Path, name: str) -> Path:
    return home / Path(name).expanduser()


def _short_folder(home: Path) -> Path:
    """A folder with a short path that belongs to this home alone."""
    parent = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if len(os.fsencode(parent)) > LONGEST_SOCKET // 2:
        parent = Path("/tmp")  # noqa: S108 - guarded by _guard: a folder of ours, for us alone
    return parent / f"allstop-{hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]}"


def _read_secret(file: Path) -> str:
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise Invalid(f"others can read the token in {file}", f"chmod 600 {file}")
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            f"token_file {file}: {error}", "allstop token new person:NAME makes a token"
        ) from None
