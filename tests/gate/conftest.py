"""A machine whose host keeps a state file, under each shell that is here."""

from pathlib import Path

import pytest

from tests.gate.running import HERE, Machine, machine_in


@pytest.fixture(params=HERE)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return machine_in(tmp_path / "allstop", request.param)
