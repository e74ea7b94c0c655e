"""The actuator `container` and engines that hang, lie, refuse, or let others get in between."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.container.actuator import Container
from allstop.adapters.container.probe import ContainerProbe
from allstop.domain.effects import Ending, Outcome
from tests.adapters import loopback, podmans
from tests.adapters.loopback import Received, raw, says
from tests.adapters.podmans import answering, described
from tests.adapters.worlds import Blobs, effect

DOWN = {"Status": "exited", "Running": False}


def options(folder: Path, **more: Any) -> dict[str, Any]:
    state = {"state_file": str(folder / "orders.json")}
    return {"socket": str(folder / "s"), "container": "one", **state, **more}


async def acted(folder: Path, verb: str, **changes: Any) -> Outcome:
    return await Container().act(effect(verb, options(folder), **changes), Blobs())


@pytest.mark.parametrize(
    ("change", "ending", "why"),
    [
        (loopback.hangs, Ending.UNKNOWN, "it may still take effect"),
        (loopback.hangs_up, Ending.UNKNOWN, "it may still take effect"),
        (loopback.no_http, Ending.UNKNOWN, "it may still take effect"),
        (loopback.trickles, Ending.UNKNOWN, "it may still take effect"),
        (says(204), Ending.FAILED, "it is still running"),
        (says(409, {"message": "it is locked"}), Ending.FAILED, "it is locked"),
        (says(500, {"message": "no space"}), Ending.RETRY, "no space"),
        (says(500, b"\x1b[31m\n" * 50), Ending.RETRY, "answered 500"),
    ],
)
async def test_done_is_what_was_read_back(
    tmp_path: Path, change: loopback.Handler, ending: Ending, why: str
) -> None:
    """Given whatever a change is answered with, a container that runs on was not stopped."""
    async with podmans.lying(tmp_path / "s", answering(described, change)):
        outcome = await acted(tmp_path, "stop", timeout_ms=500)
    assert (outcome.ending, why in outcome.because) == (ending, True), outcome.because


@pytest.mark.parametrize(
    "after",
    [
        {"StartedAt": "2026-02-02T00:00:00Z"},
        {"Restarting": True, "Running": True, "Status": "restarting"},
        {"Restarting": True, "Running": False, "Status": "restarting"},
    ],
)
@pytest.mark.parametrize("verb", ["stop", "kill"])
async def test_what_comes_back_by_itself_was_not_stopped(
    tmp_path: Path, verb: str, after: dict[str, Any]
) -> None:
    """Given a restart policy that starts it again, neither stop nor kill is done, and that is said."""
    state: dict[str, Any] = {}

    async def end(request: Received, writer: asyncio.StreamWriter) -> None:
        state.update(after)
        writer.write(raw(204, b""))

    async with podmans.lying(tmp_path / "s", answering(lambda: described(**state), end)):
        outcome = await acted(tmp_path, verb)
    assert (outcome.ending, "started again" in outcome.because) == (Ending.FAILED, True)


async def test_another_container_is_never_changed(tmp_path: Path) -> None:
    """Given an engine that answers to part of an id with another container, nothing is asked of it."""
    other = {**described(), "Name": "/two", "Id": "one" + "0" * 61}
    async with podmans.lying(tmp_path / "s", answering(lambda: other, says(204))) as engine:
        outcome = await acted(tmp_path, "kill")
    assert (outcome.ending, outcome.because) == (Ending.FAILED, "no container one, only two")
    assert [one.method for one in engine.requests] == ["GET"]


async def test_a_newer_order_half_way_ends_a_restart(tmp_path: Path) -> None:
    """Given a newer stop while a restart stops its container, the restart does not start it."""
    state: dict[str, Any] = {}
    asked = []

    async def change(request: Received, writer: asyncio.StreamWriter) -> None:
        asked.append(request.path.split("/")[-1].partition("?")[0])
        state.update(DOWN)
        newer = await acted(tmp_path, "stop", epoch=9, id="newer")
        assert newer.ending is Ending.DONE, newer.because
        writer.write(raw(204, b""))

    async with podmans.lying(tmp_path / "s", answering(lambda: described(**state), change)):
        outcome = await acted(tmp_path, "restart")
    assert (outcome.ending, "newer order" in outcome.because) == (Ending.FAILED, True)
    assert asked == ["stop"]


async def test_observing_knows_its_own_order(tmp_path: Path) -> None:
    """Given a stop, it has happened once it was asked for and the container is down; before, it has not."""
    state: dict[str, Any] = {}
    wanted = effect("stop", options(tmp_path))
    async with podmans.lying(tmp_path / "s", answering(lambda: described(**state), says(500))):
        assert (await Container().observe(wanted)).ending is Ending.FAILED
        await Container().act(wanted, Blobs())
        assert (await Container().observe(wanted)).ending is Ending.UNKNOWN
        state.update(DOWN)
        assert (await Container().observe(wanted)).ending is Ending.DONE
    assert (await Container().observe(wanted)).ending is Ending.UNKNOWN


@pytest.mark.parametrize(
    ("body", "ending", "kept"),
    [
        (b"\x01\0\0\0\0\0\0\x03abc\x02\0\0\0\0\0\0\x02de", Ending.DONE, b"abcde"),
        (b"\x01\0\0\0\0\0\0\x09abc", Ending.DONE, b"abc"),
        (b"\x01\0\0", Ending.DONE, None),
        (b"", Ending.DONE, None),
        (b"no frames at all", Ending.FAILED, None),
    ],
)
async def test_logs_are_taken_out_of_their_frames(
    tmp_path: Path, body: bytes, ending: Ending, kept: bytes | None
) -> None:
    """Given frames, cut ones, none, or something else, what is text is kept, and nonsense is not."""

    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        found = says(200, body if "/logs?" in request.path else described())
        await found(request, writer)

    blobs = Blobs()
    async with podmans.lying(tmp_path / "s", handle):
        place = {"socket": str(tmp_path / "s"), "container": "one"}
        outcome = await Container().act(effect("logs", place), blobs)
    assert (outcome.ending, blobs.held.get(outcome.evidence)) == (ending, kept)


@pytest.mark.parametrize(
    ("health", "good"),
    [("healthy", True), ("unhealthy", False), ("starting", False), ("", None), ("none", None)],
)
async def test_health_is_what_its_own_check_says(
    tmp_path: Path, health: str, good: bool | None
) -> None:
    """Given a health check's word, only healthy is good; without a check nobody knows."""
    found = described(Health={"Status": health})
    async with podmans.lying(tmp_path / "s", says(200, found)):
        place = {"socket": str(tmp_path / "s"), "container": "one", "expect": "healthy"}
        sample, _ = await ContainerProbe().measure("p", place, 2000)
    assert sample.good is good


async def test_a_damaged_state_file_does_not_keep_from_stopping(tmp_path: Path) -> None:
    """Given marks that make no sense, what ends is done and they are put aside; what begins is not."""
    (tmp_path / "orders.json").write_text("{")
    state = dict(DOWN)
    async with podmans.lying(tmp_path / "s", answering(lambda: described(**state), says(204))):
        start = await acted(tmp_path, "start")
        assert (start.ending, "makes no sense" in start.because) == (Ending.FAILED, True)
        assert (await acted(tmp_path, "stop")).ending is Ending.DONE
    assert (tmp_path / "orders.json.damaged").read_text() == "{"


@pytest.mark.parametrize(
    ("then", "ending", "started"),
    [("healthy", Ending.DONE, ["db", "web"]), ("unhealthy", Ending.FAILED, ["db"])],
)
async def test_a_service_starts_once_what_it_needs_is_healthy(
    tmp_path: Path, then: str, ending: Ending, started: list[str]
) -> None:
    """Given web needs a healthy db, it starts when db has become so, and not when db turned out ill."""
    states: dict[str, dict[str, Any]] = {"db": dict(DOWN), "web": dict(DOWN)}
    looks, asked = 0, []

    def one(name: str) -> dict[str, Any]:
        label = "com.docker.compose"
        needs = {"web": "db:service_healthy:true"}.get(name, "")
        labels = {"project": "shop", "service": name, "depends_on": needs}
        found = {**described(**states[name]), "Name": f"/{name}", "Id": name}
        tags = {f"{label}.{key}": value for key, value in labels.items()}
        return {**found, "Config": {"Labels": tags}}

    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal looks
        name = request.path.split("/")[3]
        if request.method == "POST":
            asked.append(name)
            health = {"Health": {"Status": "starting"}} if name == "db" else {}
            states[name] = {"StartedAt": "2026-03-03T00:00:00Z", **health}
            await says(204)(request, writer)
        elif name.startswith("json"):
            await says(200, [{"Id": "web"}, {"Id": "db"}])(request, writer)
        else:
            looks += name == "db" and "Health" in states["db"]
            if looks > 5:
                states["db"]["Health"] = {"Status": then}
            await says(200, one(name))(request, writer)

    async with podmans.lying(tmp_path / "s", handle):
        chosen = options(tmp_path, project="shop", settle=10)
        del chosen["container"]
        outcome = await Container().act(effect("start-project", chosen), Blobs())
    assert (outcome.ending, asked) == (ending, started), outcome.because
