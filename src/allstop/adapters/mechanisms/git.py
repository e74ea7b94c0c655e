"""Asking git, untouched by anybody's configuration and within a deadline."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.programs import Finished, StartError, run
from allstop.adapters.mechanisms.text import last_line, seconds

_LONGEST_OUTPUT = 4_000_000
_NAME = "Allstop"
_EMAIL = "allstop@localhost"
_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# What a repository's own configuration could use to run programs of its choice in our name.
_SAFE = (
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.pager", "cat"),
    ("commit.gpgSign", "false"),
    ("log.showSignature", "false"),
    ("diff.ignoreSubmodules", "all"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
    ("user.name", _NAME),
    ("user.email", _EMAIL),
)
_NO_FILTER = (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))


class GitError(Exception):
    """A git command failed; the text is what git said last."""


class GitTimeoutError(Exception):
    """Time ran out; whether the command took effect is not known."""


def is_full_id(text: str) -> bool:
    """Whether `text` is a whole object name: 40 (or 64) hexadecimal digits."""
    return bool(_FULL_ID.fullmatch(text))


def ref_part(text: str) -> str:
    """`text` as one component of a ref name; different texts may rarely meet, none is refused."""
    part = re.sub(r"[^A-Za-z0-9_.+-]+", "-", text).strip(".-")
    part = re.sub(r"\.{2,}", ".", part)[:120]
    return (part.removesuffix(".lock") or "x").rstrip(".-") or "x"


def _said(result: Finished) -> str:
    """The line that names the fault; advice often follows it."""
    for line in result.errors.splitlines():
        if line.startswith((b"fatal:", b"error:")):
            return last_line(line)
    return last_line(result.errors) or f"exit code {result.code}"


def _is_folder(folder: str) -> bool:
    return Path(folder).is_dir()


def _same_folder(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def _copied(index: Path, copy: Path) -> str:
    if index.is_file():  # a repository nobody has added anything to has none
        shutil.copyfile(index, copy)
    return str(copy)


async def _no_filters() -> tuple[tuple[str, str], ...]:
    return ()


async def together(*asked: Awaitable[Any]) -> list[Any]:
    """What each of them answers, asked at the same time. All have ended when it raises what the first of them raised."""
    found = await asyncio.gather(*asked, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return list(found)


@dataclass(frozen=True, slots=True)
class Git:
    """Git in the work tree `folder`, all commands sharing one deadline.

    settings: names and values that win over every configuration; index: file of the index, seen from the folder; use
    `opened` to fill them.
    """

    folder: str
    deadline: Deadline
    settings: tuple[tuple[str, str], ...] = ()
    index: str = ""

    @classmethod
    async def opened(cls, folder: str, deadline: Deadline, *, trusted: bool) -> Git:
        """Git in a folder that is a work tree. Raises GitError when it is none.

        trusted: content filters (such as LFS) configured in the repository run; an agent's own
        repository is not trusted, because a filter is a program of its choice.
        """
        if not _is_folder(folder):
            raise GitError(f"no folder {folder}")
        # Agents have users of their own, and git refuses other people's folders unless told.
        git = cls(folder, deadline, (*_SAFE, ("safe.directory", "*")))
        where = git.finished("rev-parse", "--show-toplevel", "--git-path", "index")
        # Asked at the same time: a snapshot waits for git eight times as it is.
        found, filters = await together(where, _no_filters() if trusted else git._filters())
        top, _, index = os.fsdecode(found.output).removesuffix("\n").rpartition("\n")
        # Inside somebody else's repository is not good enough: we would act on the wrong one.
        if found.code != 0 or not _same_folder(top, folder):
            raise GitError(f"{folder} is not the top of a work tree")
        return cls(folder, deadline, (*git.settings, *filters), index)

    async def _filters(self) -> tuple[tuple[str, str], ...]:
        """Settings that turn off every filter the repository names."""
        found = await self.finished(
            "config", "--includes", "--name-only", "-z", "--get-regexp", r"^filter\..*"
        )
        lines = found.output.decode("utf-8", "surrogateescape").split("\0")
        return tuple(
            (f"{name}.{key}", value)
            for name in sorted({line.rpartition(".")[0] for line in lines if line})
            for key, value in _NO_FILTER
        )

    def _environment(self) -> dict[str, str]:
        # Not `-c name=value`: a name that holds "=" could not be said that way.
        settings = {"GIT_CONFIG_COUNT": str(len(self.settings))}
        for place, (name, value) in enumerate(self.settings):
            settings |= {f"GIT_CONFIG_KEY_{place}": name, f"GIT_CONFIG_VALUE_{place}": value}
        return settings | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_ALLOW_PROTOCOL": "none",  # a missing object is fetched from nowhere
            "GIT_NO_LAZY_FETCH": "1",
        }

    async def finished(self, *arguments: str, env: Mapping[str, str] | None = None) -> Finished:
        """Run git; the exit code is the caller's to judge. Raises GitError, GitTimeoutError."""
        try:
            result = await run(
                ["git", "--no-optional-locks", *arguments],
                cwd=self.folder,
                env={**self._environment(), **(env or {})},
                timeout_ms=self.deadline.left_ms(),
                keep_bytes=_LONGEST_OUTPUT,
            )
        except StartError as error:
            raise GitError(str(error)) from error
        if result.code is None:
            raise GitTimeoutError(f"git {arguments[0]} did not end in time")
        return result

    async def ask(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run git and return what it printed, stripped. Raises GitError, GitTimeoutError."""
        result = await self.finished(*arguments, env=env)
        if result.code != 0:
            raise GitError(f"git {arguments[0]}: {_said(result)}")
        return result.output.decode("utf-8", "replace").strip()

    async def resolved(self, name: str, kind: str = "commit") -> str:
        """The full id of the object of that kind, or empty when there is none."""
        result = await self.finished(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{{kind}}}"
        )
        return result.output.decode("ascii", "replace").strip() if result.code == 0 else ""

    async def tree_of(self, commit: str) -> str:
        return await self.ask("rev-parse", f"{commit}^{{tree}}")

    async def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `older` is `newer` or reachable from it."""
        result = await self.finished("merge-base", "--is-ancestor", older, newer)
        return result.code == 0

    async def changes(self, *, untracked: bool) -> list[str]:
        """Paths whose content differs from HEAD; the index is left as it is."""
        which = "normal" if untracked else "no"
        said = await self.finished("status", "--porcelain", "-z", f"--untracked-files={which}")
        if said.code != 0:
            raise GitError(f"git status: {_said(said)}")
        return [entry[3:] for entry in said.output.decode("utf-8", "replace").split("\0") if entry]

    async def tree_of_everything(
        self, also: tuple[str, ...] = (), needed: tuple[str, ...] = ()
    ) -> str:
        """A tree of the work tree as it is now, untracked files included, ignored ones not.

        Built in a copy of the index, so index, HEAD and branch stay as they are. also: paths that
        are taken in even when ignored; needed: paths that must be in it as they are. What cannot be
        read is left out. Raises GitError when that is one of `needed`.
        """
        index = Path(self.folder, self.index or await self.ask("rev-parse", "--git-path", "index"))
        with tempfile.TemporaryDirectory(prefix="allstop-index-") as place:
            env = {"GIT_INDEX_FILE": _copied(index, Path(place, "index"))}
            await self._add("--all", "--", ".", env=env)
            for start in range(0, len(also), 100):
                await self._add("--force", "--", *also[start : start + 100], env=env)
            for start in range(0, len(needed), 100):
                await self._check_taken(needed[start : start + 100], env)
            return await self.ask("write-tree", env=env)

    async def _add(self, *arguments: str, env: Mapping[str, str]) -> None:
        # One file nobody may read must not keep the others from being saved: exit code 1.
        result = await self.finished("add", "--ignore-errors", *arguments, env=env)
        if result.code not in (0, 1):
            raise GitError(f"git add: {_said(result)}")

    async def _check_taken(self, paths: tuple[str, ...], env: Mapping[str, str]) -> None:
        taken = await self._listed("--cached", *paths, env=env)
        folders = {str(folder) for name in taken for folder in Path(name).parents}
        left = [one for one in paths if one not in taken | folders]
        left += await self._listed("--modified", *paths, env=env)
        if left:
            raise GitError(f"{left[0]} cannot be saved, so nothing is written over it")

    async def _listed(self, which: str, *paths: str, env: Mapping[str, str]) -> set[str]:
        said = await self.finished("ls-files", "-z", which, "--", *paths, env=env)
        if said.code != 0:
            raise GitError(f"git ls-files: {_said(said)}")
        return {name for name in os.fsdecode(said.output).split("\0") if name}

    async def check_out(self, commit: str, *, only_try: bool = False) -> None:
        """Let index and work tree become those of a commit, whatever they hold; or only find out whether that can
        be. Raises GitError, GitTimeoutError."""
        index = Path(self.folder, await self.ask("rev-parse", "--git-path", "index"))
        lock = index.with_name(f"{index.name}.lock")
        by_others = lock.exists()
        try:
            trying = ("--dry-run",) if only_try else ()
            await self.ask("read-tree", "--reset", "-u", *trying, commit)
        except (GitTimeoutError, asyncio.CancelledError):
            # It was ended while it held the lock, which would keep everybody out for ever. Where others hold it,
            # git ends at once.
            if not by_others:
                lock.unlink(missing_ok=True)
            raise

    async def commit_tree(self, tree: str, message: str, *parents: str) -> str:
        """A new commit object; no ref is moved."""
        ancestry = [word for parent in parents if parent for word in ("-p", parent)]
        return await self.ask("commit-tree", tree, *ancestry, "-m", message)

    async def point(self, ref: str, commit: str, old: str | None, why: str) -> None:
        """Move a ref, only if it still is at `old` (empty: only if it does not exist yet)."""
        known = [] if old is None else [old or "0" * len(commit)]
        await self.ask("update-ref", "-m", why, ref, commit, *known)

    async def drop(self, ref: str) -> None:
        """Take a ref away, if it is there."""
        if await self.resolved(ref):
            await self.ask("update-ref", "-d", ref)


def timed_out(timeout_ms: int) -> str:
    return f"git did not end within {seconds(timeout_ms)}"
