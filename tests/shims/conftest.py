"""A machine whose host keeps a state file, named to the program that asks."""

from pathlib import Path

import pytest

from tests.gate.running import Machine, machine_in


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = machine_in(tmp_path / "allstop", "dash")
    monkeypatch.setenv("ALLSTOP_STATE", str(made.folder))
    monkeypatch.delenv("ALLSTOP_AGENT", raising=False)
    monkeypatch.delenv("ALLSTOP_TEAM", raising=False)
    return made
