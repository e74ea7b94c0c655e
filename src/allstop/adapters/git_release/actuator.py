"""Actuator `git-release`: what is deployed is a branch of a repository; what changes it is a new commit."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from allstop.adapters.git_release.fixing import (
    DeployOptions,
    FixOptions,
    TestOptions,
    branch,
    branch_seen,
    deploy,
    deploy_seen,
    test,
)
from allstop.adapters.git_release.history import history
from allstop.adapters.git_release.pushing import PushOptions, known, push, push_seen
from allstop.adapters.git_release.release import HistoryOptions, Release
from allstop.adapters.git_release.rolling_back import RollbackOptions, rollback, rollback_seen
from allstop.adapters.mechanisms.git import GitError, GitTimeoutError, timed_out
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown

_ACTS: dict[str, Callable[[Any, Effect], Awaitable[Outcome]]] = {
    "rollback": rollback,
    "push": push,
    "branch": branch,
    "deploy": deploy,
}
_LOOKS: dict[str, Callable[[Any, Effect], Awaitable[Outcome]]] = {
    "rollback": rollback_seen,
    "push": push_seen,
    "branch": branch_seen,
    "deploy": deploy_seen,
}
# Their output is evidence, and nothing is left of them but which commit has passed its tests.
_KEEPS: dict[str, Callable[[Any, Effect, BlobSink], Awaitable[Outcome]]] = {
    "history": history,
    "test": test,
}


class GitRelease:
    """See `info`."""

    info = AdapterInfo(
        name="git-release",
        summary="Reads, rolls back, pushes and fixes releases that are commits on a branch.",
        version="2",
        ports=("actuator",),
        verbs=(
            VerbInfo(
                "history",
                "Reads the recent commits.",
                Repeat.REPEATABLE,
                HistoryOptions,
                read_only=True,
            ),
            VerbInfo(
                "rollback",
                "Makes one new commit with exactly the tree of an older one, and checks it out.",
                Repeat.PROBE,
                RollbackOptions,
            ),
            VerbInfo(
                "push",
                "Pushes the branch to a remote, never by force, and reads back that it is there.",
                Repeat.REPEATABLE,
                PushOptions,
            ),
            VerbInfo(
                "branch",
                "Makes a branch for a fix where the deployed one is.",
                Repeat.REPEATABLE,
                FixOptions,
            ),
            VerbInfo(
                "test",
                "Runs a program in a copy of the branch of a fix; its output is kept as evidence.",
                Repeat.REPEATABLE,
                TestOptions,
            ),
            VerbInfo(
                "deploy",
                "Puts a fix on the deployed branch in one new commit, and checks it out.",
                Repeat.PROBE,
                DeployOptions,
            ),
        ),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Do it. A bad target fails before anything has changed."""
        options = self._options(effect.verb, effect.options)
        if isinstance(options, str):
            return failed(options)
        try:
            if effect.verb in _KEEPS:
                return await _KEEPS[effect.verb](options, effect, keep)
            return await _ACTS[effect.verb](options, effect)
        except GitError as error:
            text = one_line(str(error))
            # Somebody else is at work in this repository right now.
            return retry(text) if ".lock" in text or "cannot lock" in text else failed(text)
        except GitTimeoutError:
            text = timed_out(effect.timeout_ms)
            return retry(text) if effect.verb in _KEEPS else unknown(text)
        except OSError as error:
            return failed(one_line(str(error)))

    async def observe(self, effect: Effect) -> Outcome:
        """Look for what it would have left, changing nothing."""
        if effect.verb in _KEEPS:
            return failed("it changes nothing")
        options = self._options(effect.verb, effect.options)
        if isinstance(options, str):
            return failed(options)
        try:
            return await _LOOKS[effect.verb](options, effect)
        except (GitError, GitTimeoutError, OSError) as error:
            return unknown(one_line(str(error)))

    async def ready(self, verb: str, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether the branch is checked out in the work tree, its history can be read, and a remote that is named
        is configured. Changes nothing."""
        chosen = self._options(verb, options)
        if isinstance(chosen, str):
            return failed(chosen)
        try:
            release = await Release.opened(chosen, timeout_ms)
            if verb != "history" and not os.access(release.git.folder, os.W_OK):
                return failed(one_line(f"{release.git.folder} cannot be written"))
            if remote := getattr(chosen, "remote", ""):
                await known(release.git, remote)
        except GitTimeoutError:
            return unknown(timed_out(timeout_ms))
        except (GitError, OSError, ValueError) as error:
            return failed(one_line(str(error)))
        return done(f"{release.branch} is checked out, at {release.head[:12]}")

    def _options(self, verb: str, options: dict[str, Any]) -> HistoryOptions | str:
        found = self.info.verb(verb)
        if found is None or not issubclass(found.options, HistoryOptions):
            return f"no verb {one_line(verb, 40)}"
        return read_options(found.options, options)
