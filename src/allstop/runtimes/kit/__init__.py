"""What agents are given to know Allstop: two skills, a plugin for each client that takes one, a text for AGENTS.md.

Convenient, and not what holds an agent: whoever may install a plugin may also take it out. Managed settings hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from allstop.errors import Invalid
from allstop.gate import gate_path
from allstop.runtimes.kit import claude, codex, gemini
from allstop.runtimes.kit.manifest import NAME, Given, rendered

SKILLS = ("allstop", "allstop-responder")
GATE = "bin/allstop-gate"
# Clients put their own variables into these words; a shell takes some of them apart.
_SPECIAL = frozenset("\"'`$\\")


@dataclass(frozen=True, slots=True)
class KitFile:
    """A file of the kit. path: below its folder; program: whether it may be started."""

    path: str
    content: bytes
    program: bool = False


def kit_files(state: Path, program: str = NAME) -> tuple[KitFile, ...]:
    """All of the kit. state: the folder a host process keeps for gates; program: what starts Allstop on that machine.

    Raises Invalid for a folder that is not absolute or cannot be written into a client's settings.
    """
    _check("--state", str(state), absolute=True)
    _check("--program", program, absolute=False)
    given = Given(str(state), program)
    return tuple(sorted(_all(given), key=lambda one: one.path))


def skill(name: str) -> str:
    """The text of one of SKILLS."""
    return _text(f"{name}/SKILL.md")


def agents_text() -> str:
    """What AGENTS.md of a repository should hold, at most eight lines."""
    return _text("AGENTS.md")


def _all(given: Given) -> Iterator[KitFile]:
    yield _file("README.md", _text("README.md"))
    yield _file("AGENTS.md", agents_text())
    yield from _skills("skills")
    for client in (claude, codex, gemini):
        for path, content in client.manifests(given).items():
            yield _file(path, rendered(content))
        yield _file(f"{client.FOLDER}/README.md", _text(f"{client.RUNTIME}.md"))
        yield KitFile(f"{client.FOLDER}/{GATE}", gate_path().read_bytes(), program=True)
        yield from _skills(f"{client.FOLDER}/skills")
    yield _file(f"{gemini.FOLDER}/{gemini.CONTEXT}", agents_text())


def _skills(folder: str) -> Iterator[KitFile]:
    return (_file(f"{folder}/{name}/SKILL.md", skill(name)) for name in SKILLS)


def _file(path: str, text: str) -> KitFile:
    return KitFile(path, text.encode())


def _text(name: str) -> str:
    return files(__name__).joinpath("texts").joinpath(name).read_text("utf-8")


def _check(option: str, given: str, *, absolute: bool) -> None:
    if absolute and not given.startswith("/"):
        raise Invalid(
            f"{option} {given!r} is no absolute folder", f"{option} /var/lib/allstop/host"
        )
    if not given or not given.isprintable() or _SPECIAL & set(given):
        text = f"{option} {given!r} holds what a client's settings cannot"
        raise Invalid(text, "letters, digits, blanks and signs without quotes, $ and backslash")
