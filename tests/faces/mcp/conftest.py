"""Fixtures of the tests of what agents are offered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faces.mcp.stage import Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found
