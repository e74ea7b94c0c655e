"""Units of systemd and configurations of supervisor as drafts."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.protocol.fleet_import import SourceFile
from allstop.protocol.fleet_import.spans import compose_ms, seconds_ms, systemd_ms, written
from tests.protocol.fleet_import.trees import checked, folder, left, needs, service, source


def unit(name: str, text: str) -> SourceFile:
    return SourceFile(name, text)


# --- systemd ---------------------------------------------------------------------------------------------


def test_requirements_become_dependencies(tmp_path: Path) -> None:
    found, fleet = checked(folder("units"), tmp_path)
    assert needs(fleet, "web") == {"api": "hard", "cache": "soft", "tls": "hard"}
    assert needs(fleet, "api") == {"postgresql": "hard", "migrate": "startup", "cache": "startup"}
    assert [one.name for one in fleet.services] == [
        "api",
        "cache",
        "migrate",
        "tls",
        "web",
        "postgresql",
    ]
    told = {one.label: one.why for one in found.left}
    assert told["Install.WantedBy multi-user.target"] == "not a service in these files"
    assert told["Unit.Wants"] == "a target is no service"


def test_times_restarts_ports_and_data(tmp_path: Path) -> None:
    _, fleet = checked(folder("units"), tmp_path)
    web, api, tls, cache = (service(fleet, name) for name in ("web", "api", "tls", "cache"))
    assert web.title == "Shop front"
    assert web.takes_ms == {"stop": 45_000}, "the drop-in counts"
    assert api.actions["start"].timeout_ms == 40_000
    assert "kill" not in web.actions, "systemd starts it again"
    assert "kill" in api.actions
    assert tls.takes_ms == {}, "infinity is no time"
    assert cache.stateful
    assert service(fleet, "postgresql").stateful
    assert {one.adapter for one in web.probes} == {"command", "tcp"}
    assert not service(fleet, "migrate").probes, (
        "it runs once: nothing is wrong when it is not active"
    )
    assert web.verify["stopped"].options == {
        "argv": ["systemctl", "is-active", "web.service"], "expect_exit": 3, "expect_output": "inactive",
    }  # fmt: skip


def test_what_systemctl_cat_prints_is_several_units(tmp_path: Path) -> None:
    text = "# /etc/systemd/system/a.service\n[Unit]\nRequires=b.service\n\n# /etc/systemd/system/b.service\n[Service]\nExecStart=/b\n"
    _, fleet = checked([unit("units.txt", text)], tmp_path)
    assert needs(fleet, "a") == {"b": "hard"}


def test_an_empty_entry_forgets_what_stands_above(tmp_path: Path) -> None:
    text = "[Unit]\nWants=b.service\nWants=\nWants=c.service\n[Service]\nExecStart=/a\n"
    found, fleet = checked([unit("a.service", text), unit("b.service", "[Service]\nX=1\n"), unit("c.service", "[Service]\nX=1\n")], tmp_path)  # fmt: skip
    assert needs(fleet, "a") == {"c": "soft"}
    assert {one.why for one in found.left if one.label == "Unit.Wants"} == {
        "an empty entry forgets it", "it forgets what stands above",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("90", 90_000), ("1min 30s", 90_000), ("5m", 300_000), ("1.5s", 1_500), ("2h3min", 7_380_000),
     ("infinity", None), ("", None), ("soon", None), ("0", None), ("99999999999", None)],
)  # fmt: skip
def test_times_of_systemd(text: str, milliseconds: int | None) -> None:
    assert systemd_ms(text) == milliseconds


def test_times_of_others_and_ours() -> None:
    assert compose_ms("1m30s") == 90_000
    assert compose_ms("1h500ms") == 3_600_500
    assert compose_ms("10") == 10_000
    assert [compose_ms(text) for text in ("", "0s", "x", "10x", "1s1m")] == [None] * 5
    assert (seconds_ms("30"), seconds_ms("30s"), seconds_ms("1m")) == (30_000, 30_000, None)
    assert [written(each) for each in (90_000, 3_600_500, 1, 86_400_000)] == [
        "1m30s",
        "1h500ms",
        "1ms",
        "24h",
    ]


# --- supervisor ------------------------------------------------------------------------------------------

CONF = source("supervisord.conf")


def test_programs_groups_and_priorities(tmp_path: Path) -> None:
    found, fleet = checked([CONF], tmp_path)
    assert found.kinds == {"supervisord.conf": "supervisor"}
    assert needs(fleet, "payments") == {"ledger": "soft", "rates": "soft"}, (
        "the next lower priority"
    )
    assert needs(fleet, "worker") == {"payments": "soft"}
    assert {one.name: one.domain for one in fleet.services} == {
        "ledger": "billing", "rates": "", "payments": "billing", "worker": "",
    }  # fmt: skip
    assert service(fleet, "rates").stateful
    assert service(fleet, "worker").title == "worker, 4 processes"
    assert "do-not-print-me" not in found.text + repr(found.left)


def test_its_own_interface_stops_a_single_process(tmp_path: Path) -> None:
    _, fleet = checked([CONF], tmp_path)
    ledger = service(fleet, "ledger")
    stop = ledger.actions["stop"]
    assert (stop.adapter, stop.verb, stop.timeout_ms) == ("supervisor", "stop", 40_000)
    assert stop.options == {
        "url": "unix:///run/supervisor.sock",
        "process": "billing:ledger",
        "grace": 29_000,
    }
    assert ledger.takes_ms == {"stop": 30_000, "start": 5_000}
    worker = service(fleet, "worker").actions["stop"].options["argv"]
    assert worker == [
        "supervisorctl",
        "-c",
        "supervisord.conf",
        "stop",
        *(f"worker:worker_0{n}" for n in range(4)),
    ]


def test_a_password_is_named_and_not_copied(tmp_path: Path) -> None:
    text = (
        "[inet_http_server]\nport=*:9001\nusername=ops\npassword=hunter2\n[program:a]\ncommand=/a\n"
    )
    found, fleet = checked([SourceFile("s.conf", text)], tmp_path)
    options = service(fleet, "a").actions["kill"].options
    assert options == {
        "url": "http://127.0.0.1:9001", "process": "a:a", "user": "ops",
        "password_file": "/etc/allstop/supervisor-password",
    }  # fmt: skip
    assert "hunter2" not in found.text + repr(found.left)


def test_the_same_program_twice_counts_once(tmp_path: Path) -> None:
    text = "[program:a]\ncommand=/a\n[program:a]\ncommand=/b\nnumprocs=3\n"
    found, fleet = checked([SourceFile("s.conf", text)], tmp_path)
    assert [one.name for one in fleet.services] == ["a"]
    assert left(found)["program:a.numprocs"] == "a program of this name stands above"
