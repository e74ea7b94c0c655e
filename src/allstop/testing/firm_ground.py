"""What a coordinator under test stands on."""

from __future__ import annotations

from dataclasses import dataclass, field

from allstop.application.ports import Capacity


@dataclass
class FirmGround:
    """What a coordinator stands on, as a test wants it: sound documents, room, readable secrets."""

    problems: tuple[str, ...] = ()
    room: Capacity = field(
        default_factory=lambda: Capacity(50 * 10**9, 10**11, 8 * 10**9, 16 * 10**9)
    )
    faults: dict[str, str] = field(default_factory=dict)

    async def documents(self) -> tuple[str, ...]:
        return self.problems

    async def capacity(self) -> Capacity:
        return self.room

    async def secret(self, path: str) -> str:
        return self.faults.get(path, "")
