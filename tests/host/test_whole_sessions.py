"""What a machine knows of its agents' sessions without asking a model: real gate, real host process, real agent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allstop.gate import gate_path
from tests.host.whole import CALL, Whole, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    """A machine whose client, found on PATH, lists what stands in the file `listed`."""
    with tempfile.TemporaryDirectory(prefix="allstop-host-") as name:
        client = Path(name) / "bin" / "claude"
        client.parent.mkdir()
        client.write_text(f'#!/bin/sh\ntest "$*" = "agents --json" && cat "{name}/listed"\n')
        client.chmod(0o755)
        (Path(name) / "listed").write_text("[]")
        monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
        whole = Whole(Path(name))
        try:
            whole.begin()
            whole.host_up()
            yield whole
        finally:
            whole.end()


def hook(whole: Whole, *words: str, **said: Any) -> None:
    """A client starts the gate."""
    line = ["/bin/sh", str(gate_path()), "--runtime", "claude", "--state", str(whole.place), *words]
    subprocess.run(
        line, input=json.dumps(CALL | said).encode(), capture_output=True, check=True, timeout=20
    )


def sessions(whole: Whole) -> dict[str, dict[str, Any]]:
    """What `allstop host status --json` says, by session."""
    told = json.loads(whole.cli("host", "status", "--json", "--folder", str(whole.place)))
    return {one["session"]: one for one in told["sessions"]}


def test_sessions_are_known_by_what_their_gate_wrote_down(whole: Whole) -> None:
    """Given a session that began, when a halt refuses it a call, then the machine says where it is and how to resume it."""
    hook(whole, "--event", "SessionStart", session_id="s-77")
    began = until(lambda: sessions(whole).get("s-77"))
    assert (began["last"], began["folder"], began["ended"]) == ("SessionStart", "/srv/shop", False)
    whole.cli("halt", "a trial")
    until(whole.standing)
    hook(whole, session_id="s-77")
    found = until(
        lambda: one if (one := sessions(whole)["s-77"])["last"] == "refused Bash" else None
    )
    assert found["resume"] == "claude --resume s-77"
    assert found["folder"] == "/srv/shop"
    assert found["agent"] == "", "nobody has seen whose it is"
    hook(whole, "--event", "SessionEnd", session_id="s-77")
    assert until(lambda: sessions(whole)["s-77"]["ended"])


def test_a_session_a_client_lists_is_the_agents_in_whose_group_it_runs(whole: Whole) -> None:
    """Given an agent in a group, when its client lists a session with a process of it, then the session is that agent's."""
    pid_file = whole.folder / "pid"
    program = (
        f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    )
    # A group is the machine's: nobody else's trial may have one of this name.
    agent = f"builder-{uuid.uuid4().hex[:8]}"
    whole.run(agent, sys.executable, "-c", program)
    pid = int(until(pid_file.read_text))
    strangers = os.getpid()
    lines = [
        {"sessionId": "s-1", "pid": pid, "cwd": "/srv/shop", "status": "busy"},
        {"sessionId": "s-2", "pid": strangers, "cwd": "/srv/else", "status": "idle"},
    ]
    (whole.folder / "listed").write_text(json.dumps(lines))
    found = until(lambda: one if len(one := sessions(whole)) == 2 else None)
    in_a_group = bool(whole.ask()["agents"][0]["group"])
    assert found["s-1"]["agent"] == (agent if in_a_group else "")
    assert found["s-1"]["known_by"] == ["client"]
    assert found["s-2"]["agent"] == "", "it runs in no group of ours"
