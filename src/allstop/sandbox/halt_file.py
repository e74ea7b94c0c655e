"""Reading the halt file: whether an agent may go on.

The file is line based, `key value` per line: v, seq, mode (run or halt), halt, incident, reason.
No file means run. Anything that cannot be read or understood means halt: an agent that is not
sure stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

VERSION = "1"
_LARGEST = 16 * 1024


@dataclass(frozen=True)
class Order:
    """What the halt file says. `halt` names the halt, None if the file does not tell."""

    halted: bool
    halt: str | None = None
    incident: str | None = None
    reason: str | None = None


RUN = Order(halted=False)


def read_order(path: Path) -> Order:
    """What an agent has to do now. Never raises."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return RUN
    except (OSError, UnicodeDecodeError) as error:
        return Order(halted=True, reason=f"the halt file cannot be read: {error}")
    try:
        return _parse(text)
    except ValueError as error:
        return Order(halted=True, reason=f"the halt file makes no sense: {error}")


def _parse(text: str) -> Order:
    if len(text) > _LARGEST:
        raise ValueError(f"longer than {_LARGEST} characters")
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key in fields:
            raise ValueError(f"{key} twice")
        fields[key] = value.strip()
    if fields.get("v") != VERSION:
        raise ValueError(f"v is {fields.get('v')!r}, not {VERSION}")
    int(fields.get("seq", "missing"))
    mode = fields.get("mode")
    if mode not in ("run", "halt"):
        raise ValueError(f"mode is {mode!r}")
    if mode == "halt" and not fields.get("halt"):
        raise ValueError("mode halt without a halt")
    return Order(
        halted=mode == "halt",
        halt=fields.get("halt") or None,
        incident=fields.get("incident") or None,
        reason=fields.get("reason") or None,
    )
