"""The failure matrix is tried with answers that mean what their titles say, in each client's own words."""

import json
from pathlib import Path
from typing import Any

import pytest

from allstop.gate.decision import Asked, asked
from allstop.runtimes import RUNTIMES, Runtime
from allstop.runtimes.failures import ANSWERS, texts, try_answer, try_gate

ALL = pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=list(RUNTIMES))


def denies(told: dict[str, Any]) -> bool:
    inner = told.get("hookSpecificOutput", told)
    return "deny" in (inner.get("permissionDecision"), inner.get("decision"))


@ALL
def test_each_text_means_what_it_is_tried_for(runtime: Runtime) -> None:
    found = texts(runtime)
    whole = {name: json.loads(found[name]) for name in ("deny", "bare", "stop", "both", "enum")}
    assert {name: denies(told) for name, told in whole.items()} == {
        "deny": True,
        "bare": True,
        "stop": False,
        "both": True,
        "enum": False,
    }
    assert "The gate says no." in found["deny"]
    assert "The gate says no." not in found["bare"]
    assert [whole[name].get("continue") for name in ("deny", "stop", "both")] == [
        None,
        False,
        False,
    ]
    for broken in ("quote", "cut"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(found[broken])
    assert asked(runtime.before_tool) is Asked.TOOL


# A client of a few lines: it asks its hook about one call, runs the call unless it was refused by status 2, and asks
# its model once or twice.
CLIENT = """#!/bin/sh
hook=$(sed -n 's/.*"\\(bash\\|command\\)": "\\(.*\\)".*/\\2/p' "$HOME/.copilot/hooks/allstop.json" | head -1)
ask() { printf '%s' '{"messages":[],"tools":[{"name":"bash"}]}' | \\
    python3 -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1] + "/v1/messages", sys.stdin.buffer.read()).read()' \\
    "$COPILOT_PROVIDER_BASE_URL"; }
ask
echo '{"sessionId":"s-1","toolName":"bash","toolArgs":{}}' | sh -c "$hook" >answer 2>&1
status=$?
if [ "$status" -ne 2 ] && ! grep -q '"deny"' answer; then touch made-1; fi
grep -q continue answer || ask
"""


def test_what_a_client_did_is_seen_and_not_asked_for(tmp_path: Path) -> None:
    client = tmp_path / "client"
    client.write_text(CLIENT)
    client.chmod(0o755)
    copilot = RUNTIMES["copilot"]
    seen = {
        answer.id: try_answer(copilot, (str(client),), answer, closed=False)
        for answer in ANSWERS
        if answer.id in ("status-2", "deny", "deny-and-stop", "status-1", "missing")
    }
    assert {id for id, one in seen.items() if one.ran} == {"status-1", "missing"}
    assert {id for id, one in seen.items() if one.ended} == {"deny-and-stop"}
    assert not try_gate(copilot, (str(client),)).ran
