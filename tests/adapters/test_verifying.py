"""Looking whether a channel or an agent can be reached, without telling it anything."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from allstop.adapters.agent_process import AgentProcess
from allstop.adapters.chat_file import ChatFile
from allstop.adapters.surroundings import OwnSurroundings
from allstop.adapters.webhook import Webhook
from allstop.application.ports import Verifiable
from allstop.domain.effects import Ending, Outcome
from tests.adapters import loopback
from tests.adapters.worlds import running_agent

LIMIT_MS = 2000


async def looked(adapter: Verifiable, options: dict[str, Any]) -> Outcome:
    assert isinstance(adapter, Verifiable)
    outcome = await adapter.verify(options, LIMIT_MS)
    assert outcome.because
    return outcome


async def test_a_chat_file_can_be_written_or_made(tmp_path: Path) -> None:
    """Given a folder, a file in it, no folder, and a folder in the file's place, then the first two can be
    posted to, and nothing was written."""
    chat = tmp_path / "chat.md"
    assert (await looked(ChatFile(), {"path": str(chat)})).ending is Ending.DONE
    assert list(tmp_path.iterdir()) == []
    chat.write_text("# chat\n")
    assert (await looked(ChatFile(), {"path": str(chat)})).ending is Ending.DONE
    assert chat.read_text() == "# chat\n"
    nowhere = await looked(ChatFile(), {"path": str(tmp_path / "no" / "chat.md")})
    assert (nowhere.ending, nowhere.because) == (Ending.FAILED, f"no folder {tmp_path / 'no'}")
    assert (await looked(ChatFile(), {"path": str(tmp_path)})).ending is Ending.FAILED
    assert (await looked(ChatFile(), {"file": "x"})).ending is Ending.FAILED


async def test_a_webhook_is_connected_to_and_sent_nothing(tmp_path: Path) -> None:
    """Given a receiver, then it takes connections and hears nothing; without one, or without the secret,
    it is not reached."""
    secret = tmp_path / "secret"
    secret.write_text("whsec_eHh4eHh4eHg=")
    async with loopback.serving({"/": loopback.says(200, {})}) as world:
        url = world.url("/")
        assert (await looked(Webhook(), {"url": url})).because == "takes connections; not signed"
        signed = {"url": url, "secret_file": str(secret)}
        assert "are signed" in (await looked(Webhook(), signed)).because
        secret.write_text("")
        assert (await looked(Webhook(), signed)).ending is Ending.FAILED
        assert world.requests == []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert (await looked(Webhook(), {"url": f"http://127.0.0.1:{port}/"})).ending is Ending.FAILED
    for bad in ({"url": "ftp://x"}, {"url": 3}, {}):
        assert (await looked(Webhook(), bad)).ending is Ending.FAILED


async def test_an_agent_can_be_told_and_found(tmp_path: Path) -> None:
    """Given a running agent, one without a process, and one whose pid file is missing, then the last one
    could be told and not stopped; no halt file is written."""
    with running_agent(tmp_path) as agent:
        options = agent.options()
        seen = await looked(AgentProcess(), options)
        assert (seen.ending, "alive" in seen.because) == (Ending.DONE, True)
        assert not Path(options["halt_file"]).exists()
    bare = {"halt_file": str(tmp_path / "halt")}
    assert "no process is configured" in (await looked(AgentProcess(), bare)).because
    lost = {**bare, "pid_file": str(tmp_path / "none.pid")}
    assert (await looked(AgentProcess(), lost)).ending is Ending.FAILED
    nowhere = {"halt_file": str(tmp_path / "no" / "halt")}
    assert (await looked(AgentProcess(), nowhere)).ending is Ending.FAILED


async def test_paths_that_no_system_takes_are_answered_not_raised(tmp_path: Path) -> None:
    """Given a path that is too long for any file system, and one that holds a zero, then a channel and an agent
    there cannot be reached, and the answer says so."""
    for folder in (tmp_path / ("x" * 300), tmp_path / "a\0b"):
        chat = await looked(ChatFile(), {"path": str(folder / "chat.md")})
        agent = await looked(AgentProcess(), {"halt_file": str(folder / "halt")})
        assert [chat.ending, agent.ending] == [Ending.FAILED, Ending.FAILED]


async def test_the_coordinators_own_surroundings(tmp_path: Path) -> None:
    """Given a folder, a secret, an empty one and none, then each is seen as it is."""
    own = OwnSurroundings(tmp_path, lambda: ["fleet.yaml:1 AP001"])
    assert await own.documents() == ["fleet.yaml:1 AP001"]
    room = await own.capacity()
    assert 0 < room.disk_free <= room.disk_total
    assert 0 < room.memory_available <= room.memory_total
    (tmp_path / "full").write_text("secret\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "full").chmod(0o640)
    assert await own.secret(str(tmp_path / "full")) == ""
    (tmp_path / "full").chmod(0o644)
    open_to_all = await own.secret(str(tmp_path / "full"))
    assert "everybody on this machine can read" in open_to_all
    assert "chmod 640" in open_to_all
    assert await own.secret(str(tmp_path / "empty")) == f"{tmp_path / 'empty'} is empty"
    assert "No such file" in await own.secret(str(tmp_path / "none"))
    assert await own.secret(str(tmp_path)) != ""
