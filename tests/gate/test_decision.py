"""The gate and its account in Python say the same: on every state, for every caller, under every shell."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allstop.gate.decision import (
    REPORT_TOOLS,
    REPORTING,
    RUNTIMES,
    TOOLS,
    Caller,
    Now,
    decide,
    tool_class,
)
from allstop.gate.state_file import CLASSES, Lease, State, Unreadable, parse, render_lease
from tests.gate.anything import (
    AGENT,
    FOLDER,
    SESSION,
    TEAM,
    WORD,
    events,
    runtimes,
    states,
    texts_near_states,
    tools,
)
from tests.gate.running import BOOT, HERE, LATER, Answer, Machine, halt, machine_in

# A machine has been up for long, or not for so long; both are far from now.
SECONDS = st.sampled_from([0, 1, LATER])
BOOTS = st.sampled_from([BOOT, BOOT, "another-boot"])
# Each example starts a shell.
FEWER = settings(
    max_examples=max(30, settings().max_examples // 4),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module", params=HERE)
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory() as folder:
        yield machine_in(Path(folder) / "allstop", request.param)


def test_every_shell_the_gate_promises_is_tried() -> None:
    assert set(HERE) == {"dash", "bash", "busybox"}


@st.composite
def callers(draw: st.DrawFn) -> tuple[Caller, bytes, dict[str, str]]:
    """A caller, the call as its client gives it, and the environment it was started in."""
    runtime = draw(runtimes())
    event, tool = draw(events()), draw(tools(runtime))
    session = draw(st.just("") | SESSION | WORD)
    agent, team = draw(st.just("") | AGENT), draw(st.just("") | TEAM)
    cwd = draw(FOLDER)
    names = {"session_id": session, "cwd": cwd, "hook_event_name": event, "tool_name": tool}
    if runtime == "copilot":
        names = {"sessionId": session, "cwd": cwd, "hook_event_name": event, "toolName": tool}
    body = json.dumps(
        names | {"tool_input": {"session_id": "s-1", "tool_name": "Read"}},
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 1])),
    )
    written = body.partition('"cwd": "')[2].partition('"')[0]
    read, cut, _ = written.partition("\\")
    caller = Caller(
        runtime,
        event,
        tool,
        session,
        agent,
        team,
        () if cut else _places(read),
        (read,) if cut else (),
    )
    return caller, body.encode(), {"ALLSTOP_AGENT": agent, "ALLSTOP_TEAM": team}


def _places(folder: str) -> tuple[str, ...]:
    return (folder, str(Path(folder).resolve())) if Path(folder).is_dir() else (folder,)


def agrees(answer: Answer, state: State, caller: Caller, now: Now) -> None:
    decision = decide(state, caller, now)
    assert answer.let_through is decision.allowed, (answer, decision)
    if not decision.allowed:
        told = (answer.out + answer.err).decode()
        named = "the lease of this machine" if decision.halt is None else decision.halt.id
        assert named in told


@FEWER
@given(data=st.data())
def test_the_gate_decides_as_python_does(machine: Machine, data: st.DataObject) -> None:
    state = data.draw(states(BOOTS, SECONDS))
    caller, body, env = data.draw(callers())
    lease = data.draw(st.none() | st.builds(Lease, BOOTS, SECONDS))
    machine.writes(state)
    (machine.folder / "lease").unlink(missing_ok=True)
    if lease:
        (machine.folder / "lease").write_text(render_lease(lease))
    # Now is more than one second and less than a very long time after the machine started.
    agrees(machine.asks(body, caller.runtime, env=env), state, caller, Now(BOOT, 2, lease))


@FEWER
@given(text=texts_near_states())
def test_the_gate_reads_what_python_reads(machine: Machine, text: str) -> None:
    (machine.folder / "state").write_text(text, "utf-8", newline="")
    answer = machine.asks(b'{"tool_name":"Odd","tool_input":{}}')
    try:
        parse(text)
    except Unreadable:
        assert answer.status == 2
        assert b"makes no sense" in answer.err
    else:
        assert b"makes no sense" not in answer.err


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_tool_has_the_same_class_in_both(machine: Machine, runtime: str) -> None:
    known = {tool: name for name, tools in TOOLS[runtime].items() for tool in tools.split()}
    known |= {f"{prefix}{tool}": "report" for prefix in REPORTING[runtime] for tool in REPORT_TOOLS}
    for tool, name in known.items():
        assert tool_class(runtime, tool) == name
        body = json.dumps({"tool_name": tool, "tool_input": {}}).encode()
        machine.stands(halt(classes=tuple({*CLASSES} - {name})))
        assert machine.asks(body, runtime).let_through, tool
        if name != "report":
            machine.stands(halt(classes=(name,)))
            assert not machine.asks(body, runtime).let_through, tool
