"""The runtime `agent-process`: an agent's claims against what is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.agent_process import AgentProcess
from allstop.domain.effects import Ending, Outcome
from tests.adapters.worlds import Agent, Blobs, Repo, effect, running_agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with running_agent(tmp_path) as agent:
        yield agent


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.make(tmp_path / "work")
    repo.commit("start", {"notes": "1"})
    return repo


async def act(verb: str, options: dict[str, Any]) -> Outcome:
    return await AgentProcess().act(effect(verb, options), Blobs())


async def confirm(repo: Repo, tmp_path: Path, **claim: Any) -> Outcome:
    options = {"halt_file": str(tmp_path / "halt"), "worktree": str(repo.folder), **claim}
    return await act("confirm", options)


async def test_a_true_claim_is_confirmed_with_what_was_seen(
    agent: Agent, repo: Repo, tmp_path: Path
) -> None:
    """Given a saved commit and a clean work tree, the evidence names commit, tree and process."""
    head = repo.head()
    outcome = await confirm(
        repo, tmp_path, checkpoint=head[:10], branch="main", pid_file=str(agent.pid_file)
    )
    assert outcome.ending is Ending.DONE
    assert outcome.because == (
        f"commit {head[:12]} is HEAD; work tree clean; process {agent.root.pid} is alive"
    )
    repo.commit("more", {"notes": "2"})
    assert "is reachable from HEAD" in (await confirm(repo, tmp_path, checkpoint=head)).because


@pytest.mark.parametrize(
    ("claim", "because"),
    [
        ("0" * 40, "does not exist"),
        ("all saved, trust me", "is no commit id"),
        ("--exec=x", "is no commit id"),
        ("OTHER", "is not on the work tree's history"),
        ("TREE", "does not exist"),
    ],
)
async def test_a_lie_about_the_commit_is_found(
    repo: Repo, tmp_path: Path, claim: str, because: str
) -> None:
    """Given a checkpoint that is none, or lies elsewhere, it fails and says what disagrees."""
    repo.git("checkout", "--quiet", "-b", "other")
    names = {"OTHER": repo.commit("other", {"notes": "9"})}
    repo.git("checkout", "--quiet", "main")
    names["TREE"] = repo.tree()
    outcome = await confirm(repo, tmp_path, checkpoint=names.get(claim, claim))
    assert outcome.ending is Ending.FAILED
    assert because in outcome.because


@pytest.mark.parametrize("name", ["notes", "new"])
async def test_unsaved_work_contradicts_the_claim(repo: Repo, tmp_path: Path, name: str) -> None:
    """Given changed or new files, "saved" is not true."""
    repo.write(name, "unsaved")
    outcome = await confirm(repo, tmp_path, checkpoint=repo.head())
    assert (outcome.ending, outcome.because) == (
        Ending.FAILED,
        f"the work tree is not clean: {name}",
    )


async def test_the_wrong_branch_contradicts_the_claim(repo: Repo, tmp_path: Path) -> None:
    """Given another branch than the agent said, it fails."""
    assert (await confirm(repo, tmp_path, branch="feature")).because == "on main, not feature"


async def test_a_claim_that_cannot_be_checked_is_not_confirmed(tmp_path: Path) -> None:
    """Given no work tree to look at, an answer is not taken on trust."""
    options = {"halt_file": str(tmp_path / "halt"), "checkpoint": "a" * 40}
    assert (await act("confirm", options)).ending is Ending.FAILED
    assert (await act("confirm", {"halt_file": str(tmp_path / "halt")})).ending is Ending.FAILED
