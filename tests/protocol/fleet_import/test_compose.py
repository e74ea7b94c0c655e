"""A compose file as a draft: who needs whom, how it is seen to be well, how it is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.protocol.fleet_import import SourceFile, import_fleet
from tests.protocol.fleet_import.trees import checked, left, needs, service, source

SHOP = source("shop.compose.yaml")
OVERRIDE = source("shop.override.compose.yaml")


def compose(text: str) -> list[SourceFile]:
    return [SourceFile("compose.yaml", text)]


def test_who_needs_whom(tmp_path: Path) -> None:
    """Given conditions of every kind, then healthy and started are hard, ended is startup, not required is soft."""
    found, fleet = checked([SHOP], tmp_path)
    assert needs(fleet, "web") == {"api": "hard", "cache": "soft"}
    assert needs(fleet, "api") == {"db": "hard", "migrate": "startup", "queue": "soft"}
    assert needs(fleet, "migrate") == {"db": "hard"}
    assert needs(fleet, "worker") == {"queue": "hard", "db": "hard", "cache": "soft"}
    assert needs(fleet, "sidecar") == {"api": "hard"}, "it lives in its network"
    assert needs(fleet, "ghost") == {}
    why = {one.why for one in found.left if one.label == "ghost.depends_on"}
    assert why == {"the service it names is not in these files", "a service cannot need itself"}
    assert (
        "db: hard  # shop.compose.yaml line 54; assumed: hard, compose orders starts only"
        in found.text
    )


@pytest.mark.parametrize(
    "depends", ["depends_on: [db, nothere]", "depends_on:\n      - db\n      - nothere"]
)
def test_what_found_no_place_is_named_also_beside_what_did(depends: str, tmp_path: Path) -> None:
    text = f"services:\n  web:\n    image: web\n    {depends}\n  db:\n    image: db\n"
    found, fleet = checked(compose(text), tmp_path)
    assert needs(fleet, "web") == {"db": "hard"}
    why = {one.why for one in found.left if one.label == "web.depends_on"}
    assert why == {"the service it names is not in these files"}


def test_how_it_is_seen_to_be_well(tmp_path: Path) -> None:
    _, fleet = checked([SHOP], tmp_path)
    probes = {one.name: one for each in fleet.services for one in each.probes}
    assert probes["web-port"].options == {"host": "127.0.0.1", "port": 8080}, (
        "the default of ${WEB_PORT:-8080}"
    )
    assert probes["web-port-2"].options["port"] == 9090
    assert probes["db-port"].options["port"] == 5433
    health = probes["api-health"]
    assert health.options["argv"][:2] == ["docker", "compose"]
    assert health.options["argv"][-3:] == ["curl", "-fsS", "http://localhost:8000/health"]
    assert (health.timeout_ms, health.fall) == (3000, 5)
    assert probes["db-health"].options["argv"][-3:] == [
        "sh",
        "-c",
        'pg_isready -U "${POSTGRES_USER:-shop}"',
    ]
    assert "cache-running" in probes, "nothing else says whether it is well"
    assert not service(fleet, "migrate").probes, "it runs once: nothing is wrong when it has ended"


def test_what_keeps_data_and_how_long_things_take(tmp_path: Path) -> None:
    _, fleet = checked([SHOP], tmp_path)
    assert [one.name for one in fleet.services if one.stateful] == ["db", "cache", "queue"]
    assert service(fleet, "web").takes_ms == {"stop": 90_000}
    assert service(fleet, "web").actions["stop"].timeout_ms == 100_000, (
        "its grace, and time for the client"
    )
    assert service(fleet, "api").takes_ms == {"start": 20_000}
    assert service(fleet, "api").title == "api, 3 replicas"
    for one in fleet.services:
        assert {"stop", "kill", "start"} <= one.actions.keys()
        assert {"stopped", "started"} <= one.verify.keys()


def test_a_second_file_adds_and_overrides(tmp_path: Path) -> None:
    found, fleet = checked([SHOP, OVERRIDE], tmp_path)
    assert service(fleet, "api").title == "api, 5 replicas"
    assert left(found)["api.deploy.replicas"] == "shop.override.compose.yaml says it again"
    assert needs(fleet, "mailer") == {"queue": "hard"}
    argv = service(fleet, "mailer").actions["stop"].options["argv"]
    assert argv == ["docker", "compose", "-f", SHOP.name, "-f", OVERRIDE.name, "stop", "mailer"]


def test_files_of_two_folders_are_two_projects(tmp_path: Path) -> None:
    one = SourceFile("one/compose.yaml", "services:\n  web: {depends_on: [db]}\n  db: {}\n")
    other = SourceFile(
        "other/compose.yaml", "services:\n  web: {depends_on: [cache]}\n  cache: {}\n"
    )
    _, fleet = checked([one, other], tmp_path)
    assert needs(fleet, "web") == {"db": "hard"}
    assert needs(fleet, "web-2") == {"cache": "hard"}


def test_no_value_that_might_be_secret_is_copied(tmp_path: Path) -> None:
    text = "services:\n  web:\n    environment: {PASSWORD: hunter2, TOKEN: t0ps3cret}\n    secrets: [key]\n"
    found, _ = checked(compose(text), tmp_path)
    told = found.text + repr(found.left)
    assert "hunter2" not in told
    assert "t0ps3cret" not in told
    assert left(found)["web.environment"] == "fleet.yaml does not say how a service is set up"


@pytest.mark.parametrize(
    ("port", "address"),
    [
        ('"8080:80"', ("127.0.0.1", 8080)),
        ("8080:80/tcp", ("127.0.0.1", 8080)),
        ('"0.0.0.0:81:80"', ("127.0.0.1", 81)),
        ('"10.0.0.7:81:80"', ("10.0.0.7", 81)),
        ('"[::1]:82:80"', ("::1", 82)),
        ('"3000-3005:3000-3005"', ("127.0.0.1", 3000)),
        ("{published: 83, target: 80}", ("127.0.0.1", 83)),
        ('{published: "84-90", target: 80, host_ip: 10.0.0.8}', ("10.0.0.8", 84)),
        ('"${PORT:-85}:80"', ("127.0.0.1", 85)),
        ('"80"', None),
        ('"53:53/udp"', None),
        ('"${PORT}:80"', None),
        ("{published: 83, target: 80, protocol: udp}", None),
        ("{target: 80}", None),
        ('"99999:80"', None),
        ('"${A:-${B:-86}}:80"', ("127.0.0.1", 86)),
    ],
)
def test_ports_become_probes_where_they_can_be_reached(
    port: str, address: tuple[str, int] | None, tmp_path: Path
) -> None:
    found, fleet = checked(compose(f"services:\n  web:\n    ports:\n      - {port}\n"), tmp_path)
    options = [one.options for one in service(fleet, "web").probes if one.adapter == "tcp"]
    assert options == ([{"host": address[0], "port": address[1]}] if address else [])
    assert bool(options) != ("web.ports" in left(found))


@pytest.mark.parametrize(
    ("volume", "stateful"),
    [
        ("data:/data", True),
        ("data:/data:ro", False),
        ("./conf:/etc/app", False),
        ("./data:/var/lib/mysql", True),
        ("/srv/pg:/var/lib/postgresql/data", True),
        ("/cache", False),
        ("{type: volume, source: data, target: /data}", True),
        ("{type: volume, source: data, target: /data, read_only: true}", False),
        ("{type: tmpfs, target: /tmp}", False),
        ("{type: bind, source: ./x, target: /var/lib/x}", True),
        ("{type: bind, source: ./x, target: /etc/x}", False),
    ],
)
def test_a_volume_suggests_data(volume: str, stateful: bool, tmp_path: Path) -> None:
    text = f"services:\n  app:\n    image: example/app\n    volumes:\n      - {volume}\n"
    found, fleet = checked(compose(text), tmp_path)
    assert service(fleet, "app").stateful is stateful
    assert (": true  # compose.yaml line 5; assumed: it keeps a volume" in found.text) is stateful


def test_names_that_are_no_names_and_names_that_mean_something_else(tmp_path: Path) -> None:
    text = 'services:\n  "null": {}\n  "1": {}\n  "a b": {depends_on: ["null", "1"]}\n  _x: {}\n  a-b: {}\n'
    _, fleet = checked(compose(text), tmp_path)
    assert [one.name for one in fleet.services] == ["null", "1", "a-b", "x", "a-b-2"]
    assert needs(fleet, "a-b") == {"null": "hard", "1": "hard"}
    assert service(fleet, "a-b").title == "a b"


def test_a_bomb_of_aliases_is_not_unfolded() -> None:
    rows = ["x0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    found = import_fleet(compose("\n".join([*rows, "services: {web: {}}"])))
    (whole,) = found.left
    assert (whole.first, whole.last) == (1, 13)
    assert "more than 200,000 nodes" in whole.why
    assert len(found.text) < 2_000
