"""Units of systemd as files: what they are called, and what belongs to one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from allstop.protocol.fleet_import.ini import Section
from allstop.protocol.fleet_import.sources import Ledger

SECTIONS = (
    "Unit", "Service", "Install", "Socket", "Timer", "Path", "Mount", "Target", "Swap", "Slice",
    "Automount", "Scope",
)  # fmt: skip
_PATH = re.compile(r"\s*#\s+(/\S+\.(?:service|socket|target|timer|mount|path|slice))\s*$")
_UNIT = re.compile(
    r"(.+)\.(service|socket|target|timer|mount|automount|path|slice|swap|scope|device)$"
)


@dataclass(slots=True)
class Unit:
    """One unit, from its file and its drop-ins. name: such as `web.service`."""

    name: str
    ledger: Ledger
    line: int
    sections: list[Section] = field(default_factory=list)

    @property
    def suffix(self) -> str:
        return self.name.rpartition(".")[2]

    def of(self, name: str) -> list[Section]:
        return [one for one in self.sections if one.name.lower() == name.lower()]


def is_systemd(names: list[str]) -> bool:
    """Whether the names of sections are those of a unit."""
    return bool(names) and all(name in SECTIONS or name.startswith("X-") for name in names)


def unit_name(path: str) -> str:
    """What a file is called as a unit: `web.service` also for its drop-in `web.service.d/10-more.conf`."""
    parts = [one for one in path.replace("\\", "/").split("/") if one]
    if len(parts) > 1 and parts[-1].endswith(".conf") and parts[-2].endswith(".d"):
        return parts[-2][:-2]
    name = parts[-1] if parts else "unit"
    return name if _UNIT.match(name) else f"{name.partition('.')[0] or 'unit'}.service"


def boundaries(ledger: Ledger) -> list[tuple[str, int]]:
    """Units within one file, as `systemctl cat` prints them: names and the lines they begin in."""
    return [
        (unit_name(match[1]), number)
        for number, line in enumerate(ledger.lines, 1)
        if (match := _PATH.match(line))
    ]
