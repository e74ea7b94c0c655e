"""What was found due, and when to look again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allstop.domain.moment import Now


@dataclass(slots=True)
class Due:
    """commands: due now, most urgent first; next_at: the next instant at which something falls due."""

    commands: list[Any] = field(default_factory=list)
    next_at: datetime | None = None

    def at(self, instant: datetime, now: Now, command: Any) -> None:
        """Due at `instant`: now, or the wake-up moves there."""
        if instant <= now.utc:
            self.commands.append(command)
        elif self.next_at is None or instant < self.next_at:
            self.next_at = instant
