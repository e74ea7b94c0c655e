"""Rollback, fix and restore as plans, clause by clause: real repositories, real processes, a real database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from tests.adapters import postgres_world
from tests.conformance.clauses import clause
from tests.conformance.returning import (
    BAD,
    GOOD,
    Deployed,
    Project,
    eventually,
    nodes,
    protocol,
    roster,
    steps,
    write,
)

# A coordinator of its own for each story, and real processes that start and stop.
pytestmark = pytest.mark.timeout(240)

DESCRIBED = "{severity}: {description}"


def service(shop: Deployed, **actions: Any) -> dict[str, Any]:
    """The shop as fleet.yaml has it: deployed from a repository, with a remote."""
    repo = {"repo": str(shop.repo.folder)}
    fix = {**repo, "name": "{branch}", "remote": "origin"}

    def git(verb: str, timeout: str = "20s", **options: Any) -> dict[str, Any]:
        return {"adapter": "git-release", "verb": verb, "timeout": timeout, "options": options}

    def look(**more: Any) -> dict[str, Any]:
        return {"adapter": "http", "timeout": "1s", "options": {"url": shop.url, **more}}

    def runs(**more: Any) -> dict[str, Any]:
        """Which release runs is one question, whether it is well another."""
        return {**look(expect_status=[200, 500], **more), "timeout": "15s"}

    return {
        "title": "Shop", "category": "revenue", "importance": 90, "class": "core-api",
        "probes": {"shop-health": {**look(), "fall": 2, "rise": 1}},
        "actions": {
            "rollback": git("rollback", **repo, tree="{release}", title=DESCRIBED),
            "push": git("push", **repo),
            "branch": git("branch", **fix),
            "test": git("test", "60s", **fix, argv=["sh", "check.sh"]),
            "deploy": git("deploy", **fix, title=DESCRIBED),
            "restart": {"adapter": "command", "verb": "ensure", "timeout": "20s", "options": {"argv": [str(shop.restart)]}},
            **actions,
        },
        "verify": {"release": runs(expect_json={"release": "{release}"}), "restarted": runs()},
        "diagnose": {"recent-changes": git("history", "5s", **repo)},
    }  # fmt: skip


@contextmanager
def project(
    folder: Path, pack: str, shop: Deployed, limit: str = "60s", **actions: Any
) -> Iterator[Project]:
    """A running coordinator that has seen the shop's first release to be good."""
    found = service(shop, **actions)
    if pack == "orchestra":
        del found["class"]
    home = folder / "home"
    home.mkdir()
    write(home, "protocol.yaml", protocol(pack, limit))
    write(home, "roster.yaml", roster(**OFFICES.get(pack, {})))
    functions = {"buying": {"title": "buying", "core": True, "probe": "shop-health", "services": ["shop"]}}  # fmt: skip
    fleet = {
        "monitor": {"interval": "200ms", "known_good_after": "400ms"}, "services": {"shop": found},
        "functions": functions,
    }  # fmt: skip
    write(home, "fleet.yaml", fleet)
    (home / "allstop.toml").write_text("port = 0\n")
    shop.set_up()
    try:
        with Project(home).running() as running:
            eventually(lambda: running.get("services")[0]["known_good"], "a known good release")
            yield running
    finally:
        shop.end()


REACHED = {"shop": "reached", "gate:functions": "reached"}
OFFICES = {"orchestra": {"ben": "deployment", "dee": "security"}}


@pytest.fixture
def shop(tmp_path: Path) -> Deployed:
    return Deployed(tmp_path)


def broken(here: Project, shop: Deployed, subject: str = "faster checkout") -> str:
    """A bad release is deployed, and the monitor declares what it sees."""
    shop.ship(subject, {"app.py": BAD})
    found = eventually(lambda: here.get("incidents"), "an incident")
    id = str(found[0]["id"])

    def collected() -> bool:
        asked = here.get(f"incidents/{id}")["evidence"]
        return all(one["state"] == "collected" for one in asked)

    eventually(collected, "its evidence")
    return id


def mitigated(here: Project, incident: str) -> bool:
    """Whether the incident is called mitigated: then the time it took is measured."""
    measures = {one["name"]: one for one in here.get(f"incidents/{incident}")["measures"]}
    return measures["mitigate"]["measured_ms"] is not None


# --- OR-04, CH-05 -----------------------------------------------------------------------------------


@clause("OR-04", "CH-05")
def test_a_bad_release_is_rolled_back_in_a_marked_commit_and_pushed(
    tmp_path: Path, shop: Deployed
) -> None:
    """Given a bad release over a merge, when a rollback is planned, then the preview tells from what to what; when
    it runs, then one marked commit has exactly the tree that was known to be good, it is pushed, the shop was
    restarted with it and answers well, and the record has the commits and the gates."""
    with project(tmp_path, "orchestra", shop) as here:
        good = shop.repo.tree()
        incident = broken(here, shop)
        bad = shop.repo.head()
        plan = here.plan(incident, "rollback", "shop")
        (note,) = plan["outlook"]["notes"]
        assert "(faster checkout)" in note
        assert f"to {good[:12]}: the last known good one" in note
        done = here.run(plan)
        assert (done["state"], nodes(done)) == ("done", REACHED), done["held_because"]
        view = here.get(f"incidents/{incident}")["line"]
        subject = shop.repo.git("log", "-1", "--format=%s")
        assert subject == f"[ROLLBACK] {view['severity']}: {view['title']}"
        assert view["severity"].startswith("SEV-")
        assert (shop.repo.tree(), shop.repo.git("rev-parse", "HEAD^")) == (good, bad)
        assert shop.remote.git("rev-parse", "main") == shop.repo.head()
        assert shop.says() == (200, good)
        seen = steps(done)
        assert "2 commits" not in seen["history-shop"]["evidence"]
        assert f"newest {bad[:12]}" in seen["history-shop"]["evidence"]
        assert shop.repo.head()[:12] in seen["rollback-shop"]["evidence"]
        assert mitigated(here, incident)
        assert "mitigated" in (here.folder / "chat.md").read_text()

        forward = here.plan(incident, "undo", plan=plan["id"])
        forth = here.run(forward)
        assert forth["state"] == "done", forth["held_because"]
        assert shop.says()[1] == shop.repo.tree(bad)
        assert shop.remote.git("rev-parse", "main") == shop.repo.head()


@clause("CH-05")
def test_a_rollback_after_which_the_service_does_not_come_up_is_escalated(
    tmp_path: Path, shop: Deployed
) -> None:
    """Given a shop that cannot be restarted, when it is rolled back, then the plan is held and people are told; no
    step claims what nobody saw, and the incident is not called mitigated. Mended and tried again, it ends well."""
    with project(tmp_path, "rollback-first", shop) as here:
        incident = broken(here, shop)
        restart = shop.restart.read_text()
        shop.restart.write_text("#!/bin/sh\necho no room left >&2\nexit 1\n")
        held = here.run(here.plan(incident, "rollback", "shop"))
        assert (held["state"], nodes(held)["shop"]) == ("held", "held")
        assert "no room left" in held["held_because"]
        assert steps(held)["release-shop"]["state"] == "waiting"
        assert not mitigated(here, incident)
        chat = here.folder / "chat.md"
        eventually(lambda: f"{held['id']} is held" in chat.read_text(), "a message")
        shop.restart.write_text(restart)
        here.do(f"plans/{held['id']}/retry", step="restart-shop")
        assert here.ends(held["id"], "done")["state"] == "done"
        assert shop.says()[0] == 200
        assert mitigated(here, incident)


# --- CH-06 ------------------------------------------------------------------------------------------


def commit(shop: Deployed, branch: str, files: dict[str, str]) -> str:
    """Somebody commits the fix in a clone of their own, and pushes it."""
    clone = shop.repo.copy(shop.folder / "clone")
    clone.git("fetch", "--quiet", "origin")
    clone.git("checkout", "--quiet", "-B", branch, f"origin/{branch}")
    made = clone.commit("the fix", files)
    clone.git("push", "--quiet", "origin", branch)
    return made


def begun(here: Project, incident: str) -> tuple[dict[str, Any], str]:
    """A fix that waits for its commit, and the name of its branch."""
    plan = here.plan(incident, "fix", "shop")
    here.agree(plan)
    here.do(f"plans/{plan['id']}/run")

    def waits() -> bool:
        now = steps(here.get(f"plans/{plan['id']}"))
        return bool(now["commit-shop"]["state"] == "running")

    eventually(waits, "the branch")
    return plan, plan["title"].removeprefix("fix shop on ").partition(",")[0]


@clause("CH-06")
def test_a_fix_goes_from_its_branch_to_its_checks(tmp_path: Path, shop: Deployed) -> None:
    """Given a bad release, when it is fixed, then a branch of the incident is made where the deployed one is, the plan
    waits for the commit, its tests run, it is deployed in one marked commit, and the checks see it well."""
    with project(tmp_path, "rollback-first", shop) as here:
        incident = broken(here, shop)
        plan, branch = begun(here, incident)
        assert branch.startswith(f"incident/{incident}-buying-failing")
        assert shop.remote.git("rev-parse", branch) == shop.repo.head()
        fix = commit(shop, branch, {"app.py": f"{GOOD}# quick, and well\n"})
        told = f"commit {fix[:12]}"
        here.do(f"plans/{plan['id']}/settle", step="commit-shop", happened=True, evidence=told)
        done = here.ends(plan["id"])
        assert (done["state"], nodes(done)) == ("done", {"shop": "reached"}), done["held_because"]
        assert f"the tests of {fix[:12]} pass" in steps(done)["test-shop"]["evidence"]
        assert shop.repo.git("log", "-1", "--format=%s").startswith("[FIX] P1: buying failing")
        assert shop.says() == (200, shop.repo.tree(fix))
        assert shop.remote.git("rev-parse", "main") == shop.repo.head()
        assert mitigated(here, incident)


@clause("CH-06", "CH-05")
@pytest.mark.parametrize(
    ("files", "fails"),
    [
        ({"app.py": f"{BAD}# no better\n"}, "test-shop"),
        ({"app.py": f"{BAD}# no better\n", "check.sh": "true\n"}, "check-functions-shop"),
    ],
    ids=["its tests fail", "a check fails"],
)
def test_a_fix_that_fails_falls_back_to_a_rollback_that_is_proven(
    tmp_path: Path, shop: Deployed, files: dict[str, str], fails: str
) -> None:
    """Given a fix whose tests fail, or that is deployed and does not help, then the way back of the plan runs by
    itself, the shop answers well with the release that was known to be good, and nobody calls it fixed."""
    with project(tmp_path, "rollback-first", shop, "12s") as here:
        good = shop.repo.tree()
        incident = broken(here, shop)
        plan, branch = begun(here, incident)
        commit(shop, branch, files)
        here.do(f"plans/{plan['id']}/settle", step="commit-shop", happened=True, evidence="pushed")
        done = here.ends(plan["id"])
        assert (done["state"], nodes(done)) == ("done", {"shop": "returned"}), done["held_because"]
        seen = steps(done)
        assert (seen[fails]["state"], seen["fallback-release-shop"]["state"]) == ("failed", "done")
        assert shop.says() == (200, good)
        assert shop.repo.git("log", "-1", "--format=%s").startswith("[ROLLBACK] P1: ")
        assert shop.remote.git("rev-parse", "main") == shop.repo.head()


# --- OR-05 ------------------------------------------------------------------------------------------

SHIP = """\
#!/bin/sh
# The deployment's own command: ship --rollback --to TREE
[ "$1 $2" = "--rollback --to" ] || exit 64
cd "$(dirname "$0")"
git -C repo read-tree --reset -u "$3" && echo "shipped $3"
"""


@clause("OR-05")
def test_a_deployment_is_rolled_back_by_its_own_command_and_by_who_owns_deployments(
    tmp_path: Path, shop: Deployed
) -> None:
    """Given a service whose rollback is the flag of the deployment's command, then who owns deployments is asked,
    agrees and starts it, another office may not, and the command brings back the release that was good."""
    ship = tmp_path / "ship.sh"
    ship.write_text(SHIP)
    ship.chmod(0o755)
    argv = [str(ship), "--rollback", "--to", "{release}"]
    mine = {"adapter": "command", "verb": "once", "timeout": "20s", "options": {"argv": argv}}
    with project(tmp_path, "orchestra", shop, rollback=mine) as here:
        good = shop.repo.tree()
        incident = broken(here, shop)
        plan = here.plan(incident, "rollback", "shop")
        assert "office:deployment" in plan["approve"]
        ben, dee = here.token("person:ben"), here.token("person:dee")
        sign = {"subject": f"plan:{plan['id']}", "binds": plan["hash"]}
        path = f"incidents/{incident}/approvals"
        assert here.refused(path, dee, **sign)["code"] == "no-authority"
        here.do(path, ben, **sign)
        assert here.refused(f"plans/{plan['id']}/run", dee)["code"] == "no-authority"
        here.do(f"plans/{plan['id']}/run", ben)
        done = here.ends(plan["id"], "done", "held")
        assert done["signatures"][0]["role"] == "office:deployment"
        rolled = steps(done)["rollback-shop"]
        assert (rolled["state"], rolled["evidence"]) == ("done", f"shipped {good}")


# --- OR-06 ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ground() -> Iterator[postgres_world.Ground]:
    with postgres_world.ground() as made:
        postgres_world.with_shop(made.cluster("main"))
        yield made


def ledger(cluster: postgres_world.Cluster, root: Path) -> dict[str, Any]:
    """A database as fleet.yaml has it, with everything that keeps and brings back its data."""

    def act(verb: str, timeout: str = "60s", **options: Any) -> dict[str, Any]:
        return {"adapter": "postgres", "verb": verb, "timeout": timeout, "options": options}

    def look(**options: Any) -> dict[str, Any]:
        return {"adapter": "postgres", "timeout": "5s", "options": {**cluster.server, **options}}

    backups = {**cluster.programs, "backup_root": str(root), "checks": postgres_world.CHECKS}
    closing = {**cluster.server, "database": "shop"}
    statement = {
        **closing, "statement": "DELETE FROM orders WHERE id = $1", "parameters": [500],
        "at_most_rows": 1, "backup_root": str(root),
    }  # fmt: skip
    return {
        "title": "Ledger", "category": "internal", "stateful": True, "rpo": "1m",
        "probes": {"ledger-up": {**look(role="primary"), "fall": 2, "rise": 1}},
        "actions": {
            "fence": act("fence", **closing), "unfence": act("unfence", **closing),
            "flush": act("switch-wal", **cluster.server, archive_dir=str(cluster.archive)),
            "snapshot": act("backup", **cluster.server, **cluster.programs, backup_root=str(root)),
            "verify-snapshot": act("verify-backup", **backups, backup="newest"),
            "stop": act("stop", **cluster.whole), "start": act("start", **cluster.whole),
            "restore": act(
                "restore", "120s", **backups, backup="{copy}", target_time="{until}", without_time="copy",
                archive_dir=str(cluster.archive), data_dir=str(cluster.data), move_aside=True,
            ),
            "fix": act("sql", **statement),
        },
        "verify": {
            "fenced": look(kind="admission", database="shop", expect="closed"),
            "unfenced": look(kind="admission", database="shop"),
            "stopped": look(kind="stopped", data_dir=str(cluster.data), **cluster.programs),
            "started": look(role="primary"),
            "restored": look(kind="stopped", data_dir=str(cluster.data), **cluster.programs),
        },
    }  # fmt: skip


@contextmanager
def orders(folder: Path, ground: postgres_world.Ground) -> Iterator[tuple[Project, str]]:
    """A coordinator of the real database, and an incident about it; order 500 is the one to be deleted."""
    cluster, home = ground.clusters[0], folder / "home"
    home.mkdir()
    write(home, "protocol.yaml", protocol("orchestra"))
    write(home, "roster.yaml", roster(ben="database"))
    monitor = {"interval": "500ms", "known_good_after": "1s"}
    services = {"ledger": ledger(cluster, ground.new("backups"))}
    write(home, "fleet.yaml", {"monitor": monitor, "services": services})
    (home / "allstop.toml").write_text("port = 0\n")
    cluster.ask("INSERT INTO orders VALUES (500, 1, 10) ON CONFLICT DO NOTHING", "shop")
    with Project(home).running() as here:
        yield here, here.declare("the orders are wrong", "ledger", severity="SEV-2")


def is_there(cluster: postgres_world.Cluster) -> bool:
    return bool(cluster.ask("SELECT count(*) FROM orders WHERE id = 500", "shop"))


def rules(plan: dict[str, Any]) -> set[str]:
    return {one["rule"] for one in plan["bites"]}


@clause("OR-06")
def test_without_a_copy_that_was_proven_nothing_is_destroyed_and_nothing_restored(
    tmp_path: Path, ground: postgres_world.Ground
) -> None:
    """Given a database of which no copy was proven, then a restore is refused with what to do; and a statement that
    deletes, which two people agreed to although it runs against a rule, is refused by the database's side as well."""
    with orders(tmp_path, ground) as (here, incident):
        no = here.refused(f"incidents/{incident}/plans", purpose="restore", targets=["ledger"])
        assert no["code"] == "no-proven-copy"
        assert no["hint"] == "take one and prove it: allstop plan snapshot ledger"
        deleting = here.plan(incident, "fix", "ledger")
        assert "data-unproven" in rules(deleting)
        assert deleting["people"] == 2
        held = here.run(deleting, here.token("person:ben"))
        assert "no proven backup, so nothing is changed" in held["held_because"]
        assert "allstop plan snapshot ledger" in held["held_because"]
        assert is_there(ground.clusters[0])


@clause("OR-06")
def test_behind_a_proven_copy_data_is_changed_and_comes_back_as_it_was_at_an_instant(
    tmp_path: Path, ground: postgres_world.Ground
) -> None:
    """Given a copy that was taken and restored in a check, then the statement runs; and the data comes back as it was
    at the instant before it, with what is lost said beforehand, what was there kept, and by two people's word."""
    cluster = ground.clusters[0]
    with orders(tmp_path, ground) as (here, incident):
        ben = here.token("person:ben")
        copied = here.run(here.plan(incident, "snapshot", "ledger"))
        assert copied["state"] == "done", copied["held_because"]
        before = cluster.ask("SELECT clock_timestamp()").astimezone(UTC).isoformat()
        deleting = here.plan(incident, "fix", "ledger")
        assert "data-unproven" not in rules(deleting)
        done = here.run(deleting, ben)
        assert done["state"] == "done", done["held_because"]
        assert not is_there(cluster)

        restore = here.plan(incident, "restore", "ledger", until=before)
        assert restore["people"] == 2
        lost, copy = restore["outlook"]["notes"]
        assert lost.startswith("lost for good: whatever ledger was told in the last ")
        assert lost.endswith("1m may be lost (RPO)")
        assert "was proven" in copy
        back = here.run(restore, ben)
        assert (back["state"], nodes(back)) == ("done", {"ledger": "reached"}), back["held_because"]
        assert is_there(cluster)
        assert list(cluster.data.parent.glob(f"{cluster.data.name}.before-*")), "kept as it was"
