"""The actuator `container` on a real Podman: grace, pauses, exact names, restarts, projects in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.container.actuator import Container
from allstop.adapters.container.probe import ContainerProbe
from allstop.domain.effects import Ending, Outcome
from tests.adapters import podmans
from tests.adapters.podmans import BOX, DEAF, Podman
from tests.adapters.worlds import Blobs, effect


@pytest.fixture(scope="module")
def engine() -> Iterator[Podman]:
    with podmans.running() as found:
        yield found


@pytest.fixture
def podman(engine: Podman) -> Iterator[Podman]:
    yield engine
    engine.clear()


class World:
    """Orders to one engine."""

    def __init__(self, podman: Podman, folder: Path) -> None:
        self.podman, self.folder, self.blobs = podman, folder, Blobs()

    def options(self, **more: Any) -> dict[str, Any]:
        state = {"state_file": str(self.folder / "orders.json"), "settle": 100}
        return {"socket": self.podman.socket, **state, **more}

    async def act(self, verb: str, *, epoch: int = 5, key: str = "k", **more: Any) -> Outcome:
        timeout_ms = more.pop("timeout_ms", 10_000)
        chosen = self.options(**more)
        if verb in ("kill", "pause", "unpause"):
            del chosen["settle"]
        wanted = effect(verb, chosen, epoch=epoch, id=key, timeout_ms=timeout_ms)
        return await Container().act(wanted, self.blobs)


@pytest.fixture
def world(podman: Podman, tmp_path: Path) -> World:
    return World(podman, tmp_path)


async def test_a_stop_has_its_grace_and_says_when_it_killed(world: World) -> None:
    """Given one that ends on TERM and one that is deaf to it, both are down, and the second was killed."""
    world.podman.run("tame")
    world.podman.run("deaf", DEAF)
    tame = await world.act("stop", container="tame")
    deaf = await world.act("stop", container="deaf", grace=1000)
    assert (tame.ending, tame.facts["forced"], tame.facts["exit_code"]) == (Ending.DONE, False, 0)
    assert (deaf.ending, deaf.facts["forced"], deaf.facts["exit_code"]) == (Ending.DONE, True, 137)


async def test_a_stop_that_outlasts_the_attempt_is_unknown(world: World) -> None:
    """Given a grace longer than the attempt, nobody knows: the engine goes on with it."""
    world.podman.run("deaf", DEAF)
    outcome = await world.act("stop", container="deaf", grace=2000, timeout_ms=500)
    assert outcome.ending is Ending.UNKNOWN
    world.podman.until(lambda: world.podman.status("deaf") == "exited")


async def test_a_paused_container_is_stopped_with_its_grace_and_killed(world: World) -> None:
    """Given paused containers, which hear no signal, a stop unpauses first; a kill works too."""
    for name in ("one", "two"):
        world.podman.run(name)
        world.podman.ask("POST", f"/containers/{name}/pause")
    stopped = await world.act("stop", container="one")
    assert (stopped.ending, stopped.facts["exit_code"]) == (Ending.DONE, 0), stopped.because
    assert "unpaused" in stopped.because
    killed = await world.act("kill", container="two")
    assert (killed.ending, killed.facts["exit_code"]) == (Ending.DONE, 137), killed.because


async def test_only_exact_names_and_whole_ids_select(world: World) -> None:
    """Given parts of names and ids, nothing is selected; the whole id is."""
    found = world.podman.run("payments")
    for wrong in ("payment", "ayments", found[:12], found[:63], "PAYMENTS"):
        outcome = await world.act("stop", container=wrong)
        assert (outcome.ending, "no container" in outcome.because) == (Ending.FAILED, True), wrong
        reading = await ContainerProbe().measure(
            "p", {"socket": world.podman.socket, "container": wrong, "expect": "exited"}, 5000
        )
        assert reading[0].good is None
    assert world.podman.status("payments") == "running"
    for bad in ("a/b", "..", "a?force=1", "", "a b"):
        assert "bad options" in (await world.act("stop", container=bad)).because
    assert (await world.act("stop", container=found)).ending is Ending.DONE


async def test_a_restart_happens_once_for_each_order(world: World) -> None:
    """Given the same order again, nothing is restarted; a newer one restarts."""
    world.podman.run("one")
    began = [world.podman.state("one")["StartedAt"]]
    for key, epoch in (("a", 5), ("a", 5), ("b", 6)):
        outcome = await world.act("restart", container="one", key=key, epoch=epoch)
        assert outcome.ending is Ending.DONE, outcome.because
        began.append(world.podman.state("one")["StartedAt"])
    assert began[1] == began[2]
    assert len(set(began)) == 3


async def test_what_does_not_stay_up_was_not_started(world: World) -> None:
    """Given a program that ends a moment later, its start failed, with its exit code."""
    world.podman.create("brief", f"{BOX} sleep 0.4; exit 3")
    outcome = await world.act("start", container="brief", settle=1000)
    assert (outcome.ending, outcome.facts["exit_code"]) == (Ending.FAILED, 3), outcome.because


async def test_pausing_what_does_not_run_fails(world: World) -> None:
    """Given a stopped container, it can be neither paused nor unpaused; a paused one is not started."""
    world.podman.create("one")
    assert (await world.act("pause", container="one")).ending is Ending.FAILED
    assert (await world.act("unpause", container="one")).ending is Ending.FAILED
    await world.act("start", container="one")
    await world.act("pause", container="one")
    started = await world.act("start", container="one")
    assert (started.ending, "paused" in started.because) == (Ending.FAILED, True)


async def test_logs_and_description_are_evidence_without_secrets(world: World) -> None:
    """Given a container with a secret in its environment, both streams are kept, the secret is not."""
    world.podman.run("one")
    place = {"socket": world.podman.socket, "container": "one"}
    logs = await Container().act(effect("logs", place), world.blobs)
    kept = world.blobs.held[logs.evidence].decode()
    assert [line.split(" ", 1)[1] for line in kept.splitlines()] == ["hello", "trouble"]
    last = await Container().act(effect("logs", {**place, "max_bytes": 4}), world.blobs)
    assert world.blobs.held[last.evidence] in (b"llo\n", b"ble\n")
    whole = await Container().act(effect("inspect", place), world.blobs)
    kept = world.blobs.held[whole.evidence].decode()
    assert ("TOKEN" in kept, "very-secret" in kept) == (True, False)


async def test_the_probe_tells_states_apart(world: World) -> None:
    """Given a container, the probe says what it is; without a health check nobody knows its health."""
    world.podman.run("one", f"trap 'exit 4' TERM; while :; do {BOX} sleep 0.05; done")

    async def good(**more: Any) -> bool | None:
        options = {"socket": world.podman.socket, "container": "one", **more}
        return (await ContainerProbe().measure("p", options, 5000))[0].good

    assert [await good(), await good(expect="paused")] == [True, False]
    assert await good(expect="healthy") is None
    await world.act("pause", container="one")
    assert [await good(), await good(expect="paused")] == [False, True]
    await world.act("stop", container="one")
    assert [await good(), await good(expect="exited")] == [False, True]
    codes = [await good(expect="exited", exit_code=code) for code in (4, 0)]
    assert codes == [True, False]


# --- projects --------------------------------------------------------------------------------


def member(world: World, name: str, needs: str = "", script: str = podmans.TAME) -> None:
    world.podman.run(f"shop-{name}-1", script, labels(name, needs))


def labels(name: str, needs: str, project: str = "shop") -> dict[str, str]:
    label = "com.docker.compose"
    return {f"{label}.project": project, f"{label}.service": name, f"{label}.depends_on": needs}


async def test_a_project_stops_dependents_first_and_starts_them_last(world: World) -> None:
    """Given web needs api, which needs db, they end in that order, and begin in the other; no one else's."""
    member(world, "db")
    member(world, "api", "db:service_started:false")
    member(world, "web", "api:service_started:false,db:service_started:false")
    world.podman.run("shopping-db-1", labels=labels("db", "", "shopping"))
    names = [f"shop-{name}-1" for name in ("web", "api", "db")]
    stopped = await world.act("stop-project", project="shop")
    assert (stopped.ending, stopped.facts["containers"]) == (Ending.DONE, 3), stopped.because
    ends = [world.podman.state(name)["FinishedAt"] for name in names]
    assert ends == sorted(ends)
    started = await world.act("start-project", project="shop", epoch=6)
    assert started.ending is Ending.DONE, started.because
    begins = [world.podman.state(name)["StartedAt"] for name in names]
    assert begins == sorted(begins, reverse=True)
    assert world.podman.status("shopping-db-1") == "running"


async def test_an_order_for_a_project_stands_for_its_containers(world: World) -> None:
    """Given a project that was stopped, an older order to start one of its containers is refused."""
    member(world, "db")
    await world.act("stop-project", project="shop", epoch=8)
    late = await world.act("start", container="shop-db-1", epoch=7)
    assert (late.ending, "newer order" in late.because) == (Ending.FAILED, True)
    assert world.podman.status("shop-db-1") == "exited"


async def test_a_project_whose_labels_make_no_sense_is_left_alone(world: World) -> None:
    """Given services that need each other, or one that is not there, nothing is changed."""
    member(world, "a", "b:service_started:false")
    member(world, "b", "a:service_started:false")
    outcome = await world.act("stop-project", project="shop")
    assert (outcome.ending, "need each other" in outcome.because) == (Ending.FAILED, True)
    world.podman.create("store-a-1", labels=labels("a", "ghost", "store"))
    outcome = await world.act("start-project", project="store")
    assert (outcome.ending, "needs ghost" in outcome.because) == (Ending.FAILED, True)
    assert world.podman.status("shop-a-1") == "running"
    assert world.podman.status("store-a-1") == "created"


async def test_what_must_have_ended_well_is_awaited(world: World) -> None:
    """Given a service that needs a migration to end well, it starts after it, and not after a bad one."""
    label = labels("web", "migrate:service_completed_successfully:false")
    world.podman.create("shop-web-1", labels=label)
    world.podman.create("shop-migrate-1", f"{BOX} sleep 0.2", labels("migrate", ""))
    outcome = await world.act("start-project", project="shop")
    assert outcome.ending is Ending.DONE, outcome.because
    assert world.podman.state("shop-migrate-1")["ExitCode"] == 0
    world.podman.create("bad-web-1", labels={**label, "com.docker.compose.project": "bad"})
    world.podman.create("bad-migrate-1", "exit 2", labels("migrate", "", "bad"))
    outcome = await world.act("start-project", project="bad")
    assert (outcome.ending, "exit code 2" in outcome.because) == (Ending.FAILED, True)
    assert world.podman.status("bad-web-1") == "created"


async def test_a_preflight_looks_and_changes_nothing(world: World) -> None:
    """Given options of a container or a project, a preflight says whether the engine knows it."""
    member(world, "db")
    look = Container().verify
    assert (await look(world.options(container="shop-db-1"), 5000)).ending is Ending.DONE
    assert (await look(world.options(container="shop-db"), 5000)).ending is Ending.FAILED
    assert (await look(world.options(project="shop"), 5000)).ending is Ending.DONE
    assert (await look(world.options(project="sho"), 5000)).ending is Ending.FAILED
    assert world.podman.status("shop-db-1") == "running"
