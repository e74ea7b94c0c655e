"""An amount with its currency. Decimal strings, because the log holds no floats."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Money:
    """amount: decimal string in whole currency units (`"1234.50"`); currency: ISO 4217 code."""

    amount: str
    currency: str

    @property
    def value(self) -> Decimal:
        return Decimal(self.amount)

    def __str__(self) -> str:
        return (
            f"{self.value:,.0f} {self.currency}"
            if self.value >= 100
            else f"{self.amount} {self.currency}"
        )


def per_hour(amount: str, currency: str, window_ms: int) -> Money:
    """Scale an amount lost within `window_ms` to an hour."""
    scaled = Decimal(amount) * Decimal(3_600_000) / Decimal(max(window_ms, 1))
    return Money(str(scaled.quantize(Decimal("0.01"))), currency)
