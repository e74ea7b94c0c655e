"""The rules that tests/conftest.py lays on every test really hold."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

ONE_SKIP = """
import pytest

def test_passes():
    pass

@pytest.mark.skip(reason="no moon tonight")
def test_needs_the_moon():
    pass
"""


def run(
    folder: Path, *arguments: str, allowed: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "allowed-skips.txt").write_text(allowed)
    (folder / "test_sample.py").write_text(ONE_SKIP)
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, str(folder)]
    return subprocess.run(
        command,
        cwd=folder,
        env=inherited | environment,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("strict", [{"CI": "true"}, {"ALLSTOP_NO_SKIPS": "1"}])
@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_skip_fails_a_strict_run(
    tmp_path: Path, strict: dict[str, str], workers: tuple[str, ...]
) -> None:
    result = run(tmp_path, *workers, **strict)
    assert result.returncode == 1, result.stdout
    assert "1  no moon tonight" in result.stdout
    assert "test_sample.py::test_needs_the_moon" in result.stdout


def test_a_skip_is_only_counted_elsewhere(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.returncode == 0, result.stdout
    assert "1  no moon tonight" in result.stdout


@pytest.mark.parametrize("pattern", ["*no moon*", "*::test_needs_the_moon"])
def test_a_listed_skip_is_let_through(tmp_path: Path, pattern: str) -> None:
    result = run(tmp_path, allowed=f"{pattern} | the moon is not ours\n", CI="true")
    assert result.returncode == 0, result.stdout


def test_a_listed_skip_needs_its_reason(tmp_path: Path) -> None:
    result = run(tmp_path, allowed="*no moon*\n", CI="true")
    assert result.returncode != 0
    assert "allowed-skips.txt:1" in result.stdout + result.stderr


# An address set aside for documentation: nobody has it.
@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_connecting_beyond_this_machine_is_refused(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.socket(family) as outward,
        pytest.raises(AssertionError, match="stay on this machine"),
    ):
        outward.connect((address, 9))


def test_looking_up_a_name_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"example\.com"):
        socket.getaddrinfo("example.com", 443)


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


def test_no_setting_of_the_person_reaches_a_test() -> None:
    assert not [name for name in os.environ if name.startswith("ALLSTOP_")]
