"""Observed impact, and the facts that classification reads from it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from allstop.domain.money import Money
from allstop.domain.policy.tables import Scalar


@dataclass(frozen=True, slots=True)
class Impact:
    """What was measured or reported. None means unknown, never zero.

    failed_share_percent: failed requests of the business function, 0-100; users: hit in the
    measured window; compliance: none | possible | violated; financial_error: wrong charges or
    misallocated money; server_errors: something that is deployed answers 5xx.
    """

    core_functions_down: tuple[str, ...] = ()
    functions_down: tuple[str, ...] = ()
    failed_share_percent: int | None = None
    lost_per_hour: Money | None = None
    users: int | None = None
    records_exposed: int | None = None
    capacity_lost_percent: int | None = None
    data_loss: bool | None = None
    breach: bool | None = None
    compliance: str | None = None
    financial_error: bool | None = None
    server_errors: bool | None = None

    def facts(self) -> dict[str, Scalar]:
        """Names and values that conditions may test; money is `"1234.50 USD"`."""
        return {
            "core_functions_down": len(self.core_functions_down),
            "functions_down": len(self.functions_down) + len(self.core_functions_down),
            "failed_share_percent": self.failed_share_percent,
            "lost_per_hour": f"{self.lost_per_hour.amount} {self.lost_per_hour.currency}"
            if self.lost_per_hour
            else None,
            "users": self.users,
            "records_exposed": self.records_exposed,
            "capacity_lost_percent": self.capacity_lost_percent,
            "data_loss": self.data_loss,
            "breach": self.breach,
            "compliance": self.compliance,
            "financial_error": self.financial_error,
            "server_errors": self.server_errors,
        }

    def measured(self, now: Impact) -> Impact:
        """This impact after a round of measuring: what is down is what was seen down; a fact that the
        round says nothing about stays as it was last known."""
        return replace(
            now,
            **{
                one.name: getattr(self, one.name)
                for one in fields(self)
                if getattr(now, one.name) is None
            },
        )

    def reported(self, said: Impact) -> Impact:
        """This impact after somebody reported what they know: only what they said changes."""
        kept = {
            name: getattr(self, name)
            for name in ("core_functions_down", "functions_down")
            if not getattr(said, name)
        }
        return replace(self.measured(said), **kept)

    def sentence(self, nothing: str = "impact not measured yet") -> str:
        """The impact as one sentence, saying only what is known. nothing: what to say when that is nothing."""
        parts = []
        down = self.core_functions_down + self.functions_down
        if down:
            parts.append(f"{', '.join(down)} down")
        calm = self.failed_share_percent == 0 and not (
            self.lost_per_hour and self.lost_per_hour.value
        )
        if calm and not down:
            parts.append("no request failed in the last window")
        elif self.failed_share_percent is not None:
            parts.append(f"{self.failed_share_percent}% of requests failing")
        if self.lost_per_hour is not None and not calm:
            parts.append(f"losing {self.lost_per_hour} an hour")
        if self.users:
            parts.append(f"{self.users} customers hit in the last window")
        parts += self._harms()
        return "; ".join(parts) if parts else nothing

    def _harms(self) -> list[str]:
        """What is worse than a failed request."""
        said = {
            "data lost": self.data_loss,
            "security breach": self.breach,
            "money wrongly charged or moved": self.financial_error,
            "answers with server errors": self.server_errors,
            f"{self.records_exposed} records exposed": self.records_exposed,
            f"{self.capacity_lost_percent}% of capacity lost": self.capacity_lost_percent,
            f"compliance: {self.compliance}": self.compliance in ("possible", "violated"),
        }
        return [text for text, holds in said.items() if holds]


IMPACT_FACTS: dict[str, str] = {
    "core_functions_down": "number",
    "functions_down": "number",
    "failed_share_percent": "number",
    "lost_per_hour": "money",
    "users": "number",
    "records_exposed": "number",
    "capacity_lost_percent": "number",
    "data_loss": "yes/no",
    "breach": "yes/no",
    "compliance": "none|possible|violated",
    "financial_error": "yes/no",
    "server_errors": "yes/no",
}
