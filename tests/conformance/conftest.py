"""Fixtures of the conformance suite, and the record of its last run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from allstop import __version__
from allstop.testing.stage import Stage, stage_of

PROJECTS = Path(__file__).parent / "projects"
RESULTS = Path(__file__).parents[2] / "src/allstop/protocol/conformance/results.json"
Open = Callable[..., Stage]


# What each pack calls the classes its recovery objectives speak of; one without has none.
CLASSES = {
    "standard": ("core", "customer-facing"),
    "pioneer": ("core-api", "auxiliary"),
    "shutdown-coordinator": ("core", "customer-facing"),
}


def fleet_of(pack: str) -> str:
    """The shop, in the words of a pack, with the services that only its project has."""
    text = (PROJECTS / "fleet.yaml").read_text("utf-8")
    more = PROJECTS / pack / "services.yaml"
    if more.is_file():
        text = text.replace("\nfunctions:\n", f"\n{more.read_text('utf-8')}functions:\n")
    lines = text.splitlines()
    if pack not in CLASSES:
        return "\n".join(line for line in lines if not line.startswith("    class:")) + "\n"
    core, other = CLASSES[pack]
    text = "\n".join(lines) + "\n"
    return text.replace("class: core-api", f"class: {core}").replace(
        "class: auxiliary", f"class: {other}"
    )


@pytest.fixture
def open_stage(tmp_path: Path) -> Iterator[Open]:
    """Opens a stage on a pack: `open_stage("patronus")`, with more of protocol.yaml as text."""
    with ExitStack() as stack:

        def start(pack: str, more: str = "", begin: datetime | None = None) -> Stage:
            folder = tmp_path / f"{pack}-{len(list(tmp_path.iterdir()))}"
            shutil.copytree(PROJECTS / pack, folder)
            (folder / "fleet.yaml").write_text(fleet_of(pack), "utf-8")
            if more:
                with (folder / "protocol.yaml").open("a", encoding="utf-8") as file:
                    file.write(more)
            return stack.enter_context(stage_of(folder, begin))

        yield start


@pytest.fixture
def patronus(open_stage: Open) -> Stage:
    return open_stage("patronus")


@pytest.fixture
def orchestra(open_stage: Open) -> Stage:
    return open_stage("orchestra")


@pytest.fixture
def pioneer(open_stage: Open) -> Stage:
    return open_stage("pioneer")


@pytest.fixture
def rollback_first(open_stage: Open) -> Stage:
    return open_stage("rollback-first")


@pytest.fixture
def shutdown(open_stage: Open) -> Stage:
    return open_stage("shutdown-coordinator")


# --- the record of the run ---------------------------------------------------------------------------

_found: dict[str, dict[str, str]] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "clause(*ids): clauses of the protocols that a test shows")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    ids = [str(id) for mark in item.iter_markers("clause") for id in mark.args]
    bad = report.failed or report.skipped
    if ids and (report.when == "call" or bad):
        outcome = "failed" if report.failed else "skipped" if report.skipped else "passed"
        name = item.nodeid.removeprefix("tests/conformance/")
        for id in ids:
            _found.setdefault(id, {})[name] = outcome
    return report


def pytest_sessionfinish() -> None:
    """Written only when asked for (`make conformance`): a test run must not change the source tree."""
    if os.environ.get("CONFORMANCE_RECORD"):
        run = {
            "at": f"{datetime.now(UTC):%Y-%m-%d}",
            "version": __version__,
            "tests": {id: dict(sorted(tests.items())) for id, tests in sorted(_found.items())},
        }
        RESULTS.write_text(json.dumps(run, indent=1) + "\n", "utf-8")
