"""What holds for every test: a clean environment, no network, and no silent skips."""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ALLOWED_SKIPS = Path(__file__).with_name("allowed-skips.txt")

hypothesis.settings.register_profile("quick", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=500, deadline=None)
hypothesis.settings.register_profile("nightly", max_examples=20_000, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    in_ci = os.environ.get("CI") == "true"
    strict = in_ci or os.environ.get("ALLSTOP_NO_SKIPS") == "1"
    for name in [name for name in os.environ if name.startswith("ALLSTOP_")]:
        del os.environ[name]
    profile = os.environ.get("HYPOTHESIS_PROFILE", "ci" if in_ci else "quick")
    hypothesis.settings.load_profile(profile)
    if not hasattr(config, "workerinput"):  # with several workers, only the one who hears them all
        config.pluginmanager.register(SkipLedger(strict=strict), "allstop-skips")
    _guard_network()


# --- no silent skips ---------------------------------------------------------------------------


class SkipLedger:
    """Counts every skipped (or expected-to-fail) test by reason; in strict mode they fail the run.

    tests/allowed-skips.txt names the exceptions.
    """

    def __init__(self, *, strict: bool, allowed_file: Path = ALLOWED_SKIPS) -> None:
        self.strict = strict
        self.allowed = _read_patterns(allowed_file)
        self.skipped: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self.skipped.append((report.nodeid, _reason(report)))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.skipped.append((report.nodeid, _reason(report)))

    def forbidden(self) -> list[tuple[str, str]]:
        return [
            (nodeid, reason)
            for nodeid, reason in self.skipped
            if not any(fnmatchcase(nodeid, p) or fnmatchcase(reason, p) for p in self.allowed)
        ]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        finished_well = session.exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        )
        if self.strict and self.forbidden() and finished_well:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        counts: dict[str, int] = {}
        for _, reason in self.skipped:
            counts[reason] = counts.get(reason, 0) + 1
        terminalreporter.section(f"skipped: {len(self.skipped)}", sep="-")
        for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            terminalreporter.write_line(f"{count:5d}  {reason}")
        if self.strict and (forbidden := self.forbidden()):
            terminalreporter.write_line(
                f"No test may be skipped here; {len(forbidden)} not listed in {ALLOWED_SKIPS.name}:",
                red=True,
            )
            for nodeid, reason in forbidden:
                terminalreporter.write_line(f"       {nodeid}: {reason}", red=True)


def _read_patterns(file: Path) -> list[str]:
    patterns = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, bar, why = line.partition("|")
        if not bar or not why.strip():
            raise pytest.UsageError(f"{file.name}:{number}: write «pattern | why»")
        patterns.append(pattern.strip())
    return patterns


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    expected_failure = getattr(report, "wasxfail", None)
    if expected_failure is not None:
        return f"expected to fail: {expected_failure or 'no reason given'}"
    where = report.longrepr
    text = where[2] if isinstance(where, tuple) else str(where)
    return text.removeprefix("Skipped: ").strip() or "no reason given"


# --- no network --------------------------------------------------------------------------------


def _guard_network() -> None:
    """Let this process connect to loopback and Unix sockets only, from its first import on."""
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _loopback_only(getattr(socket.socket, name)))
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_beyond_loopback(host, "look up")
        return look_up(host, *args, **kwargs)

    setattr(socket, "getaddrinfo", getaddrinfo)  # noqa: B010 - a plain assignment has another type


def _loopback_only(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any, /) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_beyond_loopback(address[0], "connect to")
        return connect(self, address)

    return guarded


def _refuse_beyond_loopback(host: Any, verb: str) -> None:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost"):
        return
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        near = host.endswith(".localhost") or host == socket.gethostname()
    else:
        near = address.is_loopback or address.is_unspecified
    if not near:
        raise AssertionError(f"A test tried to {verb} {host}; tests stay on this machine.")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What one test sets under ALLSTOP_ is gone before the next."""
    for name in [name for name in os.environ if name.startswith("ALLSTOP_")]:
        monkeypatch.delenv(name)
    yield
    for name in [name for name in os.environ if name.startswith("ALLSTOP_")]:
        del os.environ[name]
