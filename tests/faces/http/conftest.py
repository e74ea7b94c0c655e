"""Fixtures of the HTTP face's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.faces.http.house import House, living


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with living(tmp_path) as found:
        yield found


@pytest.fixture
async def owner(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The socket's peer, who is the owner."""
    async with house.local() as client:
        yield client
