"""Every built-in actuator under the contract, in real worlds."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.agent_process import AgentProcess
from allstop.adapters.chat_file import ChatFile
from allstop.adapters.command import Command
from allstop.adapters.git_release import GitRelease
from allstop.adapters.http import Http
from allstop.adapters.webhook import Webhook
from allstop.testing.contracts.actuator import EPOCH, ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.fitness import MARK
from tests.adapters import loopback
from tests.adapters.worlds import Agent, Repo, running_agent

STUBBORN = (
    "import signal, subprocess, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    "time.sleep(600)\n"
)


class TestCommand(ActuatorContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ActuatorCase:
        mark = uuid.uuid4().hex
        flag, ledger, note = tmp_path / "flag", tmp_path / "ledger", tmp_path / "note"
        note.write_text("as it was")
        more: dict[str, Any] = {"env": {MARK: mark}}

        def text(path: Path) -> str | None:
            return path.read_text() if path.exists() else None

        stubborn = {"argv": [sys.executable, "-c", STUBBORN], **more}
        return ActuatorCase(
            Command(),
            (
                VerbCase("ensure", {"argv": ["touch", str(flag)], **more}, flag.exists, True),
                VerbCase(
                    "once",
                    {"argv": ["sh", "-c", 'echo x >> "$1"', "sh", str(ledger)], **more},
                    lambda: text(ledger),
                    "x\n",
                ),
                VerbCase(
                    "read", {"argv": ["cat", str(note)], **more}, lambda: text(note), "as it was"
                ),
            ),
            trouble=(
                ("ensure", stubborn),
                ("once", stubborn),
                ("read", stubborn),
                ("ensure", {"argv": ["false"]}),
                ("once", {"argv": ["sh", "-c", "exit 75"]}),
                ("read", {"argv": [str(tmp_path / "no-such-program")]}),
                ("ensure", {"argv": ["sh", "-c", "head -c 3000000 /dev/urandom; exit 1"]}),
            ),
            mark=mark,
        )


class TestHttp(ActuatorContract):
    @pytest.fixture
    async def case(self) -> AsyncIterator[ActuatorCase]:
        state: dict[str, Any] = {}
        switched: dict[str, Any] = {"mode": "open", "epoch": 0}

        async def switch(request: loopback.Received, writer: asyncio.StreamWriter) -> None:
            if request.method == "POST":
                if request.json()["epoch"] < switched["epoch"]:
                    writer.write(loopback.raw(409, b"{}"))
                    return
                switched.update(request.json())
            await loopback.says(200, switched)(request, writer)

        async def put(request: loopback.Received, writer: asyncio.StreamWriter) -> None:
            if request.method == "PUT":
                if request.json()["epoch"] < state.get("epoch", 0):
                    writer.write(loopback.raw(409, b"{}"))
                    return
                state.update(request.json())
            writer.write(loopback.raw(200, b'{"mode": "open"}'))

        routes = {
            "/state": put,
            "/switch": switch,
            "/page": loopback.says(200, {"rows": 3}),
            "/hang": loopback.hangs,
            "/noise": loopback.no_http,
            "/busy": loopback.says(503, {}, {"retry-after": "2"}),
            "/away": loopback.says(302, b"", {"location": "/page"}),
        }
        body = {"mode": "closed", "epoch": "{epoch}"}
        closed = {"mode": "closed", "epoch": EPOCH}
        absent = f"http://127.0.0.1:{loopback.closed_port()}/"
        async with loopback.serving(routes) as world:
            shown = {"read_url": world.url("/switch"), "read_json": {"mode": "closed"}}
            yield ActuatorCase(
                Http(),
                (
                    VerbCase(
                        "switch",
                        {
                            "url": world.url("/switch"),
                            "json": body,
                            "read_url": world.url("/switch"),
                            "read_json": {"mode": "closed", "epoch": "{epoch}"},
                        },
                        lambda: dict(switched),
                        closed,
                        fenced=True,
                    ),
                    VerbCase(
                        "put",
                        {"url": world.url("/state"), "json": body},
                        lambda: dict(state),
                        {"mode": "closed", "epoch": 5},
                        fenced=True,
                    ),
                    VerbCase(
                        "read",
                        {"url": world.url("/page")},
                        lambda: dict(state),
                        {"mode": "closed", "epoch": 5},
                    ),
                ),
                trouble=tuple(
                    (verb, {"url": url, **(shown if verb == "switch" else {})})
                    for verb in ("put", "read", "switch")
                    for url in (
                        *(
                            world.url(path)
                            for path in ("/hang", "/noise", "/busy", "/away", "/none")
                        ),
                        absent,
                        "ftp://127.0.0.1/",
                    )
                ),
            )


class TestGitRelease(ActuatorContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ActuatorCase:
        read, back = Repo.make(tmp_path / "read"), Repo.make(tmp_path / "back")
        for repo in (read, back):
            repo.commit("good", {"app": "1"})
            repo.commit("bad", {"app": "2"})
        good = back.git("rev-parse", "HEAD^")
        mended, remote = Repo.make(tmp_path / "mended"), Repo.bare(tmp_path / "remote")
        mended.commit("bad", {"app": "2"})
        mended.git("checkout", "--quiet", "-b", "fix")
        mended.commit("fixed", {"app": "3"})
        mended.git("checkout", "--quiet", "main")
        mended.git("remote", "add", "origin", str(remote.folder))
        at, fix = {"repo": str(mended.folder)}, mended.git("rev-parse", "fix")
        shipped, begun, tried = (mended.copy(tmp_path / name) for name in ("c", "d", "e"))

        def look(repo: Repo) -> object:
            return repo.tree(), repo.count(), repo.status(), (repo.folder / "app").read_text()

        def branches(repo: Repo) -> list[str]:
            # Which commit was tested is noted beside the branches.
            return [line for line in repo.refs().splitlines() if "refs/allstop/tested/" not in line]

        place = {"repo": str(back.folder)}
        return ActuatorCase(
            GitRelease(),
            (
                VerbCase("history", {"repo": str(read.folder)}, lambda: look(read), look(read)),
                VerbCase(
                    "rollback",
                    {**place, "commit": good},
                    lambda: look(back),
                    (back.tree(good), 3, "", "1"),
                ),
                VerbCase("push", at, remote.refs, f"{mended.head()} commit\trefs/heads/main"),
                VerbCase(
                    "branch", {"repo": str(begun.folder), "name": "new"},
                    lambda: "new" in begun.git("branch", "--format=%(refname:short)"), True,
                ),
                VerbCase(
                    "test", {"repo": str(tried.folder), "name": "fix", "argv": ["grep", "-q", "3", "app"]},
                    lambda: branches(tried), branches(tried),
                ),
                VerbCase(
                    "deploy", {"repo": str(shipped.folder), "name": "fix"},
                    lambda: look(shipped), (mended.tree(fix), 3, "", "3"),
                ),
            ),
            trouble=(
                ("history", {"repo": str(tmp_path / "none")}),
                ("history", {"repo": str(tmp_path)}),
                ("rollback", {**place, "commit": "0" * 40}),
                ("rollback", {**place, "tree": "f" * 40}),
                ("rollback", {**place, "commit": "HEAD^"}),
                ("rollback", {**place, "branch": "other", "commit": good}),
                ("push", {**place, "remote": "nowhere"}),
                ("branch", {**at, "name": "a..b"}),
                ("branch", {**at, "name": "main"}),
                ("test", {**at, "name": "fix", "argv": ["sleep", "60"]}),
                ("test", {**at, "name": "fix", "argv": ["false"]}),
                ("test", {**at, "name": "none", "argv": ["true"]}),
                ("deploy", {**at, "name": "main"}),
            ),
        )  # fmt: skip


class TestChatFile(ActuatorContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ActuatorCase:
        chat, payloads = tmp_path / "chat.md", tmp_path / "payloads"

        def look() -> object:
            count = chat.read_text().count("## All stop") if chat.exists() else 0
            return count, {file.name: file.read_text() for file in payloads.glob("*")}

        options = {
            "path": str(chat), "to": "ops", "subject": "All stop", "text": "Stop.",
            "payloads": str(payloads), "attachment": "{}", "attachment_name": "INC-1.json",
        }  # fmt: skip
        return ActuatorCase(
            ChatFile(),
            (VerbCase("post", options, look, (1, {"INC-1.json": "{}"})),),
            trouble=(
                ("post", {**options, "path": str(tmp_path / "none" / "chat.md")}),
                ("post", {**options, "path": str(tmp_path)}),
                ("post", {**options, "path": "/dev/full"}),
                ("post", {**options, "payloads": str(tmp_path / "none" / "payloads")}),
            ),
        )


class TestWebhook(ActuatorContract):
    @pytest.fixture
    async def case(self) -> AsyncIterator[ActuatorCase]:
        seen: set[str] = set()

        async def take(request: loopback.Received, writer: asyncio.StreamWriter) -> None:
            seen.add(request.headers["webhook-id"])
            writer.write(loopback.raw(204, b""))

        routes = {
            "/hook": take,
            "/hang": loopback.hangs,
            "/noise": loopback.no_http,
            "/busy": loopback.says(429, b"", {"retry-after": "7"}),
            "/hangs-up": loopback.hangs_up,
        }
        async with loopback.serving(routes) as world:
            yield ActuatorCase(
                Webhook(),
                (VerbCase("post", {"url": world.url("/hook")}, lambda: len(seen), 1),),
                trouble=tuple(
                    ("post", {"url": world.url(path)})
                    for path in ("/hang", "/noise", "/busy", "/hangs-up", "/none")
                ),
            )


class TestAgentProcess(ActuatorContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[ActuatorCase]:
        with ExitStack() as stack:
            agents = {
                name: stack.enter_context(running_agent(tmp_path, name))
                for name in ("told", "asked", "frozen", "killed", "resumed")
            }
            yield self.world(tmp_path, agents)

    def world(self, tmp_path: Path, agents: dict[str, Agent]) -> ActuatorCase:
        repo = Repo.make(tmp_path / "work")
        commit = repo.commit("checkpoint", {"notes": "saved"})

        def order(agent: Agent) -> str:
            text = agent.halt_file.read_text() if agent.halt_file.exists() else "mode run"
            return "halt" if "mode halt" in text else "run"

        def options(name: str, **more: Any) -> dict[str, Any]:
            return agents[name].options(halt="H-1", reason="because", **more)

        claim = options("asked", worktree=str(repo.folder), checkpoint=commit)
        lie = {**claim, "checkpoint": "1" * 40}
        return ActuatorCase(
            AgentProcess(),
            (
                VerbCase(
                    "tell", options("told"), lambda: order(agents["told"]), "halt", fenced=True
                ),
                VerbCase(
                    "confirm",
                    claim,
                    lambda: (repo.head(), repo.refs(), repo.status(), agents["asked"].state()),
                    (commit, repo.refs(), "", "running"),
                ),
                VerbCase("freeze", options("frozen"), agents["frozen"].state, "stopped"),
                VerbCase("kill", options("killed"), agents["killed"].state, "gone"),
                VerbCase(
                    "resume",
                    options("resumed"),
                    lambda: (order(agents["resumed"]), agents["resumed"].state()),
                    ("run", "running"),
                    fenced=True,
                ),
            ),
            trouble=(
                ("tell", {**options("told"), "halt_file": str(tmp_path / "none" / "halt")}),
                ("confirm", lie),
                ("freeze", {"halt_file": str(tmp_path / "halt"), "pid_file": str(tmp_path / "no")}),
                ("freeze", {"halt_file": str(tmp_path / "halt")}),
            ),
        )
