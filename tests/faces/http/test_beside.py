"""Reading much, or slowly, holds nobody else up: halts and everything else are answered meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from allstop.domain.policy import Policy
from tests.application.slow import Gate, SlowDisk
from tests.faces.http.house import House, declared, house_policy, living


@pytest.fixture
def disk() -> SlowDisk:
    return SlowDisk()


@pytest.fixture
async def house(tmp_path: Path, disk: SlowDisk) -> AsyncIterator[House]:
    async with living(tmp_path, store=disk) as found:
        yield found


async def halted_meanwhile(house: House, gate: Gate) -> None:
    """Once somebody waits at the gate, a halt is ordered and the gate is let go."""
    await gate.reached()
    async with house.local() as owner:
        answer = await owner.post("/api/v1/halts", json={"scope": "all", "reason": "all at once"})
    assert answer.status_code == 201, answer.text
    gate.let_go()


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/api/v1/incidents/INC-1/timeline", 200),
    ("GET", "/api/v1/incidents/INC-1/timeline?everything=true", 200),
    ("GET", "/api/v1/incidents/INC-1/report", 200),
    ("GET", "/api/v1/incidents/INC-1/report?kind=post-mortem&format=html", 200),
    ("POST", "/api/v1/incidents/INC-1/report", 200),
    ("GET", "/metrics", 200),
])  # fmt: skip
async def test_a_halt_does_not_wait_for_a_long_read(
    house: House, disk: SlowDisk, method: str, path: str, status: int
) -> None:
    """Given a disk that is slow to answer, when somebody reads much from it, then a halt is ordered and
    acknowledged before the reader has anything."""
    async with house.local() as owner:
        await declared(owner)
        disk.gate.held = True
        reading = asyncio.create_task(owner.request(method, path))
        await halted_meanwhile(house, disk.gate)
        answer = await reading

    assert answer.status_code == status, answer.text
    assert not disk.gate.late


async def test_nor_for_documents_that_are_read_again(house: House) -> None:
    """Given documents on a slow disk, when they are read again, then a halt is ordered meanwhile."""
    gate = Gate(held=True)

    def read() -> Policy:
        gate.pass_through()
        return house_policy()

    house.coordinator.read_policy = read
    async with house.local() as owner:
        reading = asyncio.create_task(owner.post("/api/v1/reload"))
        await halted_meanwhile(house, gate)
        answer = await reading

    assert answer.status_code == 200, answer.text
    assert not gate.late


async def test_what_was_read_last_is_in_force(house: House) -> None:
    """Given documents that are read slowly, when they are changed and read again meanwhile, then the change
    is in force in the end, and not what stood there before it."""
    gate = Gate(held=True)
    plain = house_policy()
    changed = replace(plain, protocol=replace(plain.protocol, title="Changed"))
    lying: list[Policy] = [plain]

    def read() -> Policy:
        found = lying[0]
        gate.pass_through()
        return found

    house.coordinator.read_policy = read
    first = asyncio.create_task(house.coordinator.reload())
    await gate.reached()
    lying[0], gate.held = changed, False
    second = asyncio.create_task(house.coordinator.reload())
    # Whether it waits for the first one or not: it has had time enough.
    await asyncio.wait({second}, timeout=0.5)
    gate.let_go()
    await asyncio.gather(first, second)

    assert house.coordinator.post.book.latest.protocol.title == "Changed"
