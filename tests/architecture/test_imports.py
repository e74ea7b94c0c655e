"""The import contracts hold, and each one bites when it should."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

CONTRACTS = ROOT / ".importlinter"


def lint(source: Path) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo", f"--config={CONTRACTS}"],
        cwd=source,
        env={"PYTHONPATH": str(source), "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_contracts_hold() -> None:
    result = lint(ROOT / "src")
    assert result.returncode == 0, result.stdout + result.stderr


SKELETON = (
    "__init__",
    "__main__",
    "bootstrap",
    "testing/__init__",
    "sandbox/__init__",
    "sandbox/demo",
    "plugins",
    "settings",
    "faces/__init__",
    "faces/cli/__init__",
    "faces/http/__init__",
    "faces/web/__init__",
    "adapters/__init__",
    "adapters/mechanisms/__init__",
    "adapters/mechanisms/git",
    "adapters/memory",
    "adapters/shell",
    "application/__init__",
    "application/ports",
    "protocol/__init__",
    "domain/__init__",
    "domain/decide",
    "domain/halt/__init__",
    "domain/halt/react",
    "domain/verdict",
    "errors",
)

LAYERS = "Dependencies point downwards"
PURE = "The domain touches nothing outside itself"
ADAPTERS = "One adapter never knows another"
FACES = "One face never knows another"
COMPOSITION = "Only bootstrap, host and testing name concrete adapters"
THIN = "Faces reach decisions only through the application"
ACYCLIC = "No cycles between siblings"


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """A project of empty modules that keeps every contract."""
    for name in SKELETON:
        file = tmp_path / "allstop" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


def test_a_tidy_project_keeps_every_contract(skeleton: Path) -> None:
    (skeleton / "allstop" / "bootstrap.py").write_text("import allstop.adapters.memory\n")
    (skeleton / "allstop" / "__main__.py").write_text("import allstop.sandbox.demo\n")
    for adapter in ("memory", "shell"):
        file = skeleton / "allstop" / "adapters" / f"{adapter}.py"
        file.write_text("import allstop.adapters.mechanisms.git\n")
    result = lint(skeleton)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_project_of_a_few_modules_keeps_every_contract(skeleton: Path) -> None:
    for name in ("faces", "adapters", "sandbox", "testing", "application"):
        shutil.rmtree(skeleton / "allstop" / name)
    result = lint(skeleton)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "imports", "broken"),
    [
        ("domain/verdict", "allstop.application.ports", LAYERS),
        ("application/ports", "allstop.adapters.memory", LAYERS),
        ("faces/cli/__init__", "allstop.sandbox.demo", LAYERS),
        ("faces/cli/__init__", "allstop.adapters.memory", LAYERS),
        ("plugins", "allstop.settings", LAYERS),
        ("leftovers", "allstop.errors", LAYERS),
        ("domain/verdict", "sqlite3", PURE),
        ("domain/halt/react", "time", PURE),
        ("adapters/shell", "allstop.adapters.memory", ADAPTERS),
        ("adapters/mechanisms/git", "allstop.adapters.memory", ADAPTERS),
        ("faces/web/__init__", "allstop.faces.http", FACES),
        ("sandbox/demo", "allstop.adapters.memory", COMPOSITION),
        ("plugins", "allstop.adapters.memory", COMPOSITION),
        ("faces/http/__init__", "allstop.domain.decide", THIN),
        ("faces/http/__init__", "allstop.domain.halt.react", THIN),
    ],
)
def test_a_broken_rule_is_found(skeleton: Path, module: str, imports: str, broken: str) -> None:
    (skeleton / "allstop" / f"{module}.py").write_text(f"import {imports}\n")
    result = lint(skeleton)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{broken} BROKEN" in result.stdout


def test_a_cycle_is_found(skeleton: Path) -> None:
    (skeleton / "allstop/domain/verdict.py").write_text("import allstop.domain.decide\n")
    (skeleton / "allstop/domain/decide.py").write_text("import allstop.domain.verdict\n")
    assert f"{ACYCLIC} BROKEN" in lint(skeleton).stdout
