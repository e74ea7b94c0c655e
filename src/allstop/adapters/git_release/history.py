"""The recent commits of the deployed branch: what a rollback is chosen from."""

from __future__ import annotations

import time

from allstop.adapters.git_release.release import HistoryOptions, Release
from allstop.adapters.mechanisms.git import GitError
from allstop.adapters.mechanisms.text import one_line
from allstop.application.ports import BlobSink
from allstop.domain.effects import Effect, Outcome, done
from allstop.domain.policy.tables import Scalar

_DAY_SECONDS = 86_400
_SHOWN = 200


async def history(options: HistoryOptions, effect: Effect, keep: BlobSink) -> Outcome:
    """Read them, the newest first; the list is kept as evidence, with the full ids a rollback takes."""
    release = await Release.opened(options, effect.timeout_ms)
    said = await release.git.ask(
        "log",
        "--first-parent",
        f"--max-count={_SHOWN}",
        "--format=%H%x1f%T%x1f%ct%x1f%cI%x1f%an%x1f%s",
        release.head,
    )
    rows = [line.split("\x1f", 5) for line in said.splitlines()]
    rows = [row for row in rows if len(row) == 6]
    if not rows:
        raise GitError("the history cannot be read")
    text = "".join(
        f"{at} {commit} tree {tree} {one_line(who, 60)}: {one_line(subject, 200)}\n"
        for commit, tree, _, at, who, subject in rows
    )
    facts = _facts(rows)
    because = f"{facts['deploys_last_day']} commits in the last day, newest {rows[0][0][:12]}"
    return done(because, facts, keep(text.encode("utf-8")))


def _facts(rows: list[list[str]]) -> dict[str, Scalar]:
    """Facts of a history, newest first; ages by committer time, in whole seconds."""
    now = int(time.time())
    head, head_tree, at, _, _, subject = rows[0]
    facts: dict[str, Scalar] = {
        "head": head,
        "head_tree": head_tree,
        "head_age_seconds": max(0, now - int(at)),
        "subject": one_line(subject),
        "deploys_last_day": sum(1 for row in rows if now - int(row[2]) <= _DAY_SECONDS),
    }
    previous = next((row[1] for row in rows if row[1] != head_tree), None)
    if previous is not None:
        facts["previous_tree"] = previous
    return facts
