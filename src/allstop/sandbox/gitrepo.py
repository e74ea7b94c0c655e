"""Running git in the sandbox's repositories, untouched by the user's own git configuration."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


class GitError(RuntimeError):
    """A git command failed; the message holds the command and what git said."""


@dataclass(frozen=True)
class Author:
    """Who a commit is by."""

    name: str
    email: str


def environment() -> dict[str, str]:
    """This process's environment without anything that would steer git elsewhere.

    A demo may be started from a git hook, where GIT_DIR points at the hook's repository.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }


@dataclass(frozen=True)
class Repository:
    """A git repository with a working tree at `folder`."""

    folder: Path

    @classmethod
    def create(cls, folder: Path, owner: Author) -> Repository:
        """Make an empty repository on branch `main` in which plain `git commit` works.

        The identity and the settings are local to the repository, so whoever deploys or rolls
        back in it needs no git configuration of their own.
        """
        folder.mkdir(parents=True, exist_ok=True)
        repository = cls(folder)
        repository.run("init", "--quiet", "--template=", "--initial-branch=main")
        for key, value in (
            ("user.name", owner.name),
            ("user.email", owner.email),
            ("commit.gpgsign", "false"),
            ("core.hooksPath", os.devnull),
            ("gc.auto", "0"),
            ("advice.detachedHead", "false"),
        ):
            repository.run("config", key, value)
        return repository

    def run(self, *arguments: str, extra: Mapping[str, str] | None = None) -> str:
        """Run git and return what it printed, stripped. Raises GitError if it fails."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=environment() | dict(extra or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise GitError(f"git {' '.join(arguments)} in {self.folder}: {said}")
        return done.stdout.strip()

    def commit(
        self,
        message: str,
        author: Author | None = None,
        when: datetime | None = None,
        allow_empty: bool = False,
    ) -> str:
        """Commit everything in the working tree; returns the commit's 40 hex digits."""
        self.run("add", "--all")
        empty = ("--allow-empty",) if allow_empty else ()
        self.run("commit", "--quiet", *empty, "-m", message, extra=_signature(author, when))
        return self.head()

    def merge(self, branch: str, message: str, author: Author, when: datetime) -> str:
        """Merge `branch` with a merge commit; returns the commit."""
        self.run(
            "merge", "--quiet", "--no-ff", "-m", message, branch, extra=_signature(author, when)
        )
        return self.head()

    def head(self) -> str:
        """The current commit, 40 hex digits."""
        return self.run("rev-parse", "HEAD")

    def tree(self, commit: str = "HEAD") -> str:
        """The tree of a commit, 40 hex digits: what a release is, whatever led to it."""
        return self.run("rev-parse", f"{commit}^{{tree}}")

    def branch(self) -> str:
        """The branch checked out here."""
        return self.run("branch", "--show-current")


def _signature(author: Author | None, when: datetime | None) -> dict[str, str]:
    """The environment that makes git sign a commit with this name and this time."""
    variables: dict[str, str] = {}
    if author:
        variables |= {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_COMMITTER_NAME": author.name,
            "GIT_COMMITTER_EMAIL": author.email,
        }
    if when:
        stamp = when.isoformat(timespec="seconds")
        variables |= {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
    return variables
