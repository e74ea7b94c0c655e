"""Stopping, starting and promoting servers: what a number in a file and an exit code do not prove."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop

from allstop.adapters.postgresql.actuator import Postgres
from allstop.domain.effects import Ending, Outcome
from tests.adapters import postgres_trouble as trouble
from tests.adapters import postgres_world as world
from tests.adapters.worlds import Blobs, effect


@pytest.fixture(scope="module")
def ground() -> Iterator[world.Ground]:
    with world.ground() as made:
        made.cluster("main").start()
        yield made


@pytest.fixture
def cluster(ground: world.Ground) -> Iterator[world.Cluster]:
    """A cluster of the test's own, running."""
    made = ground.cluster("own")
    made.start()
    yield made
    ground.forget()


async def act(verb: str, options: dict[str, Any], **changes: Any) -> Outcome:
    return await Postgres().act(effect(verb, options, **changes), Blobs())


async def test_a_smart_stop_that_does_not_end_is_no_no_op(cluster: world.Cluster) -> None:
    """Given an open session, a smart stop does not end: it is unknown, not failed; nobody gets in any more,
    and it says so. A fast stop then ends it, cleanly."""
    wanted = effect("stop", {**cluster.whole, "mode": "smart"}, timeout_ms=900)
    with contextlib.closing(cluster.connect()) as session:
        outcome = await Postgres().act(wanted, Blobs())
        assert outcome.ending is Ending.UNKNOWN
        assert "refuses new connections from now on" in outcome.because
        assert not cluster.lets_in("postgres")
        assert session.execute("SELECT 1").fetchone() == (1,)
        seen = await Postgres().observe(wanted)
        assert (seen.ending, seen.because) == (Ending.UNKNOWN, "it is stopping")
        fast = await act("stop", cluster.whole)
        assert (fast.ending, fast.facts["state"]) == (Ending.DONE, "shut down"), fast.because
    assert (await Postgres().observe(effect("stop", cluster.whole))).ending is Ending.DONE
    assert (await Postgres().observe(effect("start", cluster.whole))).ending is Ending.FAILED


async def test_a_stop_rolls_open_transactions_back(cluster: world.Cluster) -> None:
    """Given an open transaction, a fast stop ends it, and after a start nothing of it is there."""
    cluster.ask("CREATE TABLE t (n int)")
    with contextlib.closing(cluster.connect()) as session:
        session.execute("BEGIN")
        session.execute("INSERT INTO t VALUES (1)")
        assert (await act("stop", cluster.whole)).ending is Ending.DONE
    started = await act("start", cluster.whole)
    assert (started.ending, started.facts["recovered"]) == (Ending.DONE, False), started.because
    assert cluster.ask("SELECT count(*) FROM t") == 0


async def test_a_server_that_hangs_is_stopping_not_stopped(cluster: world.Cluster) -> None:
    """Given a frozen server, a stop that was asked for is unknown, and comes true when it thaws."""
    with trouble.frozen(cluster):
        outcome = await act("stop", cluster.whole, timeout_ms=800)
        assert (outcome.ending, "stopping" in outcome.because) == (Ending.UNKNOWN, True)
    world.eventually(lambda: not cluster.runs(), "the end")
    assert (await act("stop", cluster.whole)).ending is Ending.DONE


def test_all_of_it_works_on_the_loop_that_the_coordinator_uses(cluster: world.Cluster) -> None:
    """Given uvloop instead of asyncio's own loop, a stop, a start and a session are what they are there."""

    async def story() -> list[Outcome]:
        verbs = ("stop", "start", "stop", "start")
        ended = [await act(verb, cluster.whole) for verb in verbs]
        with trouble.silence() as port:
            unheard = {**cluster.server, "port": port}
            return [*ended, await act("checkpoint", unheard, timeout_ms=400)]

    *ended, unheard = uvloop.run(story())
    assert [one.ending for one in ended] == [Ending.DONE] * 4, [one.because for one in ended]
    assert unheard.ending is Ending.RETRY


async def test_killed_is_not_shut_down(cluster: world.Cluster) -> None:
    """Given a server that was killed, stopping it fails: its data needs recovery. Starting it recovers and
    says so."""
    cluster.kill()
    stopped = await act("stop", cluster.whole)
    assert (stopped.ending, "recovery is needed" in stopped.because) == (Ending.FAILED, True)
    started = await act("start", cluster.whole)
    assert (started.ending, started.facts["recovered"]) == (Ending.DONE, True), started.because
    assert "check its integrity" in started.because


async def test_a_stranger_with_the_old_number_is_let_alone(cluster: world.Cluster) -> None:
    """Given a left over postmaster.pid whose number now belongs to a stranger, the stranger is neither taken
    for the server nor signalled."""
    pid_file = cluster.data / "postmaster.pid"
    kept = pid_file.read_text()
    cluster.stop()
    with trouble.background(["sleep", "600"]) as stranger:
        lines = kept.splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        outcome = await act("stop", cluster.whole)
        assert (outcome.ending, "was not running" in outcome.because) == (Ending.DONE, True)
        assert stranger.poll() is None


async def test_a_server_that_does_not_come_up_says_why(
    ground: world.Ground, cluster: world.Cluster
) -> None:
    """Given a broken configuration, or a taken port, starting fails with the server's own words."""
    cluster.stop()
    conf = cluster.data / "postgresql.conf"
    good = conf.read_text()
    conf.write_text(good + "no_such_setting = 1\n")
    broken = await act("start", cluster.whole)
    assert (broken.ending, "did not start" in broken.because) == (Ending.FAILED, True)
    assert "configuration file" in broken.because
    conf.write_text(good + f"port = {ground.clusters[0].port}\n")
    taken = await act("start", cluster.whole)
    assert (taken.ending, "did not start" in taken.because) == (Ending.FAILED, True), taken.because
    conf.write_text(good)
    assert (await act("start", cluster.whole)).ending is Ending.DONE


async def test_somebody_else_who_answers_there_is_not_it(
    ground: world.Ground, cluster: world.Cluster
) -> None:
    """Given an address at which another cluster answers, a start is not done, and nobody is promoted."""
    with world.ground() as elsewhere:
        other = elsewhere.cluster("other")
        other.start()
        options = {**cluster.whole, "port": other.port}
        outcome = await act("start", options)
        assert (outcome.ending, "another cluster" in outcome.because) == (Ending.UNKNOWN, True)
        promoted = await act("promote", options)
        assert (promoted.ending, "another cluster" in promoted.because) == (Ending.FAILED, True)
    named = await act("start", {**cluster.whole, "system_identifier": "7000000000000000001"})
    assert (named.ending, "another cluster" in named.because) == (Ending.FAILED, True)


async def test_a_start_that_has_no_time_lets_the_server_live(
    ground: world.Ground, cluster: world.Cluster
) -> None:
    """Given a server that takes long to come up, the attempt ends, the server goes on, and a later attempt
    finds it up."""
    cluster.stop()
    real, gate = world.binaries() / "postgres", ground.place / "gate"
    slow = ground.programs(
        "postgres",
        f'case "$1" in --version) exec {real} --version;; esac\n'
        f'while [ ! -e {gate} ]; do sleep 0.05; done\nexec {real} "$@"\n',
    )
    options = {**cluster.whole, "bin_dir": str(slow)}
    outcome = await act("start", options, timeout_ms=1000)
    assert outcome.ending is Ending.UNKNOWN, outcome.because
    gate.touch()
    world.eventually(cluster.runs, "the server")
    later = await act("start", options)
    assert later.ending is Ending.DONE, later.because


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bin_dir": "/nowhere"}, "no program"),
        ({"run_as": "no-such-user"}, "no user"),
        ({"data_dir": "/tmp/x`reboot`"}, "bad options"),
        ({"data_dir": "relative"}, "bad options"),
        ({"data_dir": "/tmp/nothing-here"}, "no data directory"),
        ({"mode": "immediate"}, "bad options"),
    ],
)
async def test_what_cannot_be_right_is_refused(
    cluster: world.Cluster, changes: dict[str, str], said: str
) -> None:
    """Given programs, users or folders that are none, or a shell's signs, nothing is touched."""
    outcome = await act("stop", {**cluster.whole, **changes})
    assert (outcome.ending, said in outcome.because) == (Ending.FAILED, True), outcome.because
    assert cluster.runs()


async def test_only_root_can_become_somebody_else_and_has_to(cluster: world.Cluster) -> None:
    """Given root and nobody to become, PostgreSQL would refuse: so do we, with the way out. Given anybody
    else, becoming root is refused."""
    root = os.geteuid() == 0
    outcome = await act("stop", {**cluster.whole, "run_as": "" if root else "root"})
    said = "name a user in run_as" if root else "only root"
    assert (outcome.ending, said in outcome.because) == (Ending.FAILED, True), outcome.because


async def test_programs_of_another_version_are_refused(cluster: world.Cluster) -> None:
    """Given a data directory of another version, no program is let near it."""
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("9\n")
    outcome = await act("start", cluster.whole)
    assert (outcome.ending, "is of version 9" in outcome.because) == (Ending.FAILED, True)
    (cluster.data / "PG_VERSION").unlink()
    assert (await act("start", cluster.whole)).ending is Ending.FAILED


async def test_verifying_looks_at_programs_and_folders(cluster: world.Cluster) -> None:
    """Given a cluster's options, verify finds programs, data and server; without the server it does not."""
    good = await Postgres().verify(cluster.whole, 5000)
    assert (good.ending, "fit the data directory" in good.because) == (Ending.DONE, True)
    missing = await Postgres().verify({**cluster.whole, "bin_dir": "/nowhere"}, 5000)
    assert missing.ending is Ending.FAILED
    cluster.stop()
    assert (await Postgres().verify(cluster.whole, 5000)).ending is not Ending.DONE
