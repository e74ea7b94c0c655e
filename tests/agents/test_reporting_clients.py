"""Real clients with the real `allstop mcp`: a held agent can do nothing but say what is true about itself."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from allstop.runtimes.model_server.script import Call
from tests.agents.clients import NAMES
from tests.agents.test_real_clients import Desk, desk
from tests.faces.mcp.stage import ONE, staged

pytestmark = pytest.mark.timeout(180)
CLIENTS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NAMES]
__all__ = ["desk"]


@pytest.mark.parametrize("desk", CLIENTS, indirect=True)
async def test_a_held_client_answers_the_roll_call_and_runs_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    """Given a halt, ordered at a coordinator and standing at the gate, when a client's model answers the roll call and
    then wants to run a command, then the coordinator has the answer in the agent's name, and nothing was run."""
    desk.stands("default")
    (tmp_path / "project").mkdir()
    async with staged(tmp_path / "project") as stage:
        halt = (await stage.done("halts", scope="all", reason="stop"))["halt"]
        server = (
            "/usr/bin/env",
            f"ALLSTOP_URL=http://127.0.0.1:{stage.house.port}",
            f"ALLSTOP_TOKEN={stage.token(ONE)}",
            f"PYTHONPATH={os.pathsep.join(sys.path)}",
            *(sys.executable, "-m", "allstop", "mcp", "--agent", ONE),
        )
        answer = {"halt_id": halt, "state": "stopped", "working_on": "the cart"}
        report = Call(desk.runtime.report("report_status").names, answer)

        tried = await asyncio.to_thread(
            desk.works, report, desk.runtime.run("touch made-1"), tools=server
        )

        assert stage.log("roll_call.answered") == [f"agent:{ONE}"], tried.said
        line = next(
            one for one in (await stage.seen(f"halts/{halt}"))["roll"] if one["agent"] == ONE
        )
    assert line["working_on"] == "the cart"
    assert desk.made == []
    assert [words[:4] for words in desk.receipts][:1] == [
        ["deny", "42", "HALT-3", desk.runtime.name]
    ]
