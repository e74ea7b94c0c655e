"""What a host is told once, and what is said when it makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.errors import Invalid, Missing
from allstop.host.keys import Keys
from allstop.host.settings import read_host_settings
from tests.host.hosts import ADA, COORDINATOR, Machine


def test_a_machine_that_never_joined_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(Missing) as error:
        read_host_settings(tmp_path)
    assert "allstop hosts enrol" in error.value.hint


def test_everything_has_a_default_but_whom_to_listen_to(tmp_path: Path) -> None:
    found = Machine(tmp_path).settings
    assert (found.name, found.lease, found.unknown, found.lease_s) == (
        "build-7",
        "open",
        "covered",
        60,
    )
    assert found.socket == tmp_path / "host.sock"
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ('lease = "maybe"', "lease must be open or closed"),
        ("lease_s = 5", "lease_s must be a whole number of seconds from 45"),
        ("lease_s = true", "lease_s must be"),
        ('unknown = "x"', "unknown must be covered or free"),
        ('alert = "logger"', "alert must be a list of words"),
        ('leese = "open"', "leese is no setting of a host"),
        ("keys = 3", "keys must be the name of a file"),
        ("x = [", "host.toml"),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, extra: str, said: str) -> None:
    machine = Machine(tmp_path, extra=extra + "\n")
    with pytest.raises(Invalid, match=said):
        _ = machine.settings


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path, coordinator="ftp://x/y", extra='lease = "x"\nunknown = 1\n')
    with pytest.raises(Invalid) as error:
        _ = machine.settings
    assert all(word in error.value.text for word in ("coordinator", "lease", "unknown"))


def test_a_token_that_others_may_read_is_refused(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "host.token").chmod(0o644)
    with pytest.raises(Invalid, match="chmod 600"):
        _ = machine.settings


@pytest.mark.parametrize(
    "line",
    [
        "order", "order x y z", f"order {COORDINATOR.id} {ADA.public} somebody", f"orders {ADA.id} {ADA.public}",
        f"order {COORDINATOR.id} {COORDINATOR.public[:-2]}", "\x00", f"release {ADA.id} {'zz' * 32} ada",
    ],
)  # fmt: skip
def test_a_line_that_pins_no_key_is_an_error(tmp_path: Path, line: str) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{COORDINATOR.pinned('order').line()}\n{line}\n")
    with pytest.raises(Invalid, match="pins no key"):
        Keys.of(path)


def test_a_host_without_a_key_for_orders_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# nobody yet\n{ADA.pinned('release').line()}\n")
    with pytest.raises(Invalid, match="pins no key for orders"):
        Keys.of(path)


def test_a_key_for_releases_signs_no_order_and_the_other_way_round(tmp_path: Path) -> None:
    keys = Keys((COORDINATOR.pinned("order"), ADA.pinned("release")))
    said = ADA.sign("text")
    assert keys.check("release", ADA.id, b"text", said.signature) is True
    assert keys.check("release", ADA.id, b"other", said.signature) is False
    assert keys.check("release", ADA.id, b"text", "zz") is False
    assert keys.check("order", ADA.id, b"text", said.signature) is None
